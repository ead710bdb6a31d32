package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// generations asks for the generation of the kernel's rules, which is another one after each change that anybody makes to tables of
// nftables. It is for one goroutine at a time.
type generations struct {
	fd   int // 0: not open
	sent uint32
}

// answerLimit bounds how long the kernel is waited for, which answers at once.
const answerLimit = 1 // second

// Where things are in a message of nfnetlink: struct nlmsghdr, struct nfgenmsg, attributes.
const (
	messageType     = 4
	messageSequence = 8
	messageFamily   = unix.SizeofNlMsghdr
	messageBody     = messageFamily + 4
	attributeHeader = 4
)

const (
	askGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN
	isGeneration  = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN
)

var errNoGeneration = errors.New("nftables has no generation")

// read returns the generation.
func (g *generations) read() (uint32, error) {
	if g.fd == 0 {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return 0, os.NewSyscallError("socket", err)
		}
		g.fd = fd
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: answerLimit}); err != nil {
			g.close()
			return 0, os.NewSyscallError("setsockopt", err)
		}
	}
	id, err := g.ask()
	if err != nil {
		g.close() // a late answer would be taken for that to another question
		return 0, fmt.Errorf("generation of nftables: %w", err)
	}
	return id, nil
}

func (g *generations) ask() (uint32, error) {
	g.sent++
	b := binary.NativeEndian.AppendUint32(nil, messageBody)
	b = binary.NativeEndian.AppendUint16(b, askGeneration)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, g.sent)
	b = append(b, make([]byte, messageBody-len(b))...)
	if err := unix.Sendto(g.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(g.fd, answer, 0)
	if err != nil {
		return 0, os.NewSyscallError("recvfrom", err)
	}
	return parseGeneration(answer[:n], g.sent)
}

// parseGeneration reads the answer to the question with that number.
func parseGeneration(b []byte, sequence uint32) (uint32, error) {
	if len(b) < messageBody || binary.NativeEndian.Uint32(b[messageSequence:]) != sequence {
		return 0, errNoGeneration
	}
	switch binary.NativeEndian.Uint16(b[messageType:]) {
	case unix.NLMSG_ERROR:
		return 0, unix.Errno(-int32(binary.NativeEndian.Uint32(b[messageFamily:])))
	case isGeneration:
	default:
		return 0, errNoGeneration
	}
	for b = b[messageBody:]; len(b) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(b))
		if length < attributeHeader || length > len(b) {
			break
		}
		if binary.NativeEndian.Uint16(b[2:]) == unix.NFTA_GEN_ID && length >= attributeHeader+4 {
			return binary.BigEndian.Uint32(b[attributeHeader:]), nil
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return 0, errNoGeneration
}

func (g *generations) close() {
	if g.fd != 0 {
		_ = unix.Close(g.fd)
		g.fd = 0
	}
}
