package healthcheck

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// echoSockets are the sockets of the echo requests under way. Requests that leave in the same way share them: ten thousand
// hosts that do not answer would hold as many descriptors otherwise. A socket is open while somebody waits on it. The
// zero value is ready.
type echoSockets struct {
	mu   sync.Mutex
	open []*echoSocket
}

// echoWay is what requests on one socket have in common.
type echoWay struct {
	v6            bool
	bindAddr      netip.Addr
	bindInterface string
	fwmark        uint32
}

// echoUsers is how many requests share a socket. Each may lie in the socket's buffers for seconds, while the link-layer
// address of a dead host is asked for, and others must not find them full: the least buffer that Linux has by default is
// 208 KiB, and a request takes about one.
const echoUsers = 100

// echoSocket sends echo requests and hands out the answers.
//
// It is one of those that need no privilege (ping_group_range in sysctl's net.ipv4 permits them to groups), for which the
// kernel chooses the identifier, or a raw one where there are none.
type echoSocket struct {
	way    echoWay
	file   *os.File
	raw    bool
	id     uint16
	users  int           // guarded by echoSockets.mu
	broken chan struct{} // closed when nothing can be read any more
	done   chan struct{} // closed when the reader has ended

	reading sync.Mutex // from when a packet leaves the socket until it is handed out
	packet  [512]byte

	mu      sync.Mutex
	seq     uint16
	waiting map[uint16]waiter // by sequence number
}

type waiter struct {
	host   netip.Addr // without zone
	answer chan struct{}
}

// join returns a socket for the way of d, which leave must be told of. The error is a *localError.
func (e *echoSockets) join(d *dial) (*echoSocket, error) {
	way := echoWay{d.target.Addr().Is6(), d.bindAddr, d.bindInterface, d.fwmark}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.open {
		if s.way == way && s.users < echoUsers && !s.ended() {
			s.users++
			return s, nil
		}
	}
	s, err := openEcho(d, way)
	if err != nil {
		return nil, err
	}
	s.users = 1
	e.open = append(e.open, s)
	return s, nil
}

// ended reports whether the socket has come to its end before its time.
func (s *echoSocket) ended() bool {
	select {
	case <-s.broken:
		return true
	default:
		return false
	}
}

// retire lets nobody else join the socket.
func (e *echoSockets) retire(s *echoSocket) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remove(s)
}

// remove forgets a socket; e.mu is held.
func (e *echoSockets) remove(s *echoSocket) {
	e.open = slices.DeleteFunc(e.open, func(o *echoSocket) bool { return o == s })
}

// leave closes the socket when nobody is left on it.
func (e *echoSockets) leave(s *echoSocket) {
	e.mu.Lock()
	s.users--
	last := s.users == 0
	if last {
		e.remove(s)
	}
	e.mu.Unlock()
	if last {
		s.file.Close()
		<-s.done
	}
}

func openEcho(d *dial, way echoWay) (*echoSocket, error) {
	if !d.target.Addr().IsValid() {
		return nil, &localError{fmt.Errorf("ping %v: %w", d.target.Addr(), unix.EDESTADDRREQ)}
	}
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if way.v6 {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	s := &echoSocket{
		way: way, id: uint16(rand.Uint32()), seq: 1, broken: make(chan struct{}), done: make(chan struct{}),
		waiting: make(map[uint16]waiter),
	}
	const flags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|flags, protocol)
	if err == unix.EACCES {
		s.raw = true
		fd, err = unix.Socket(family, unix.SOCK_RAW|flags, protocol)
	}
	if err != nil {
		return nil, &localError{os.NewSyscallError("socket", err)}
	}
	if err := s.prepare(fd, d, family); err != nil {
		unix.Close(fd)
		return nil, &localError{err}
	}
	s.file = os.NewFile(uintptr(fd), "echo requests")
	go s.read()
	return s, nil
}

func (s *echoSocket) prepare(fd int, d *dial, family int) error {
	if err := d.setOptions(fd); err != nil {
		return err
	}
	if s.raw {
		if err := filterEchoes(fd, s.way.v6, s.id); err != nil {
			return err
		}
	}
	if !d.bindAddr.IsValid() {
		return nil
	}
	from, f, err := sockaddr(netip.AddrPortFrom(d.bindAddr, 0))
	if err == nil && f != family {
		err = unix.EAFNOSUPPORT
	}
	if err == nil {
		err = unix.Bind(fd, from)
	}
	if err != nil {
		return fmt.Errorf("bind to %v: %w", d.bindAddr, err)
	}
	return nil
}

// expect prepares for the answer of a host, to a request with the sequence number that it returns. It must be forgotten.
func (s *echoSocket) expect(host netip.Addr) (answer <-chan struct{}, seq uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq = s.seq
	s.seq++
	w := waiter{host.WithZone(""), make(chan struct{}, 1)}
	s.waiting[seq] = w
	return w.answer, seq
}

func (s *echoSocket) forget(seq uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, seq)
}

// echoPayload is what a request carries.
var echoPayload = filler(128)

// send sends a request to the target of d. The error is a *localError, or an *immediateError when the network has refused
// it.
func (s *echoSocket) send(d *dial, seq uint16) error {
	sa, _, err := sockaddr(d.target)
	if err != nil {
		return &localError{err}
	}
	request := echo{s.id, seq}.request(s.way.v6, echoPayload)
	raw, err := s.file.SyscallConn()
	if err != nil {
		return &localError{err}
	}
	var sent error
	if err := raw.Control(func(fd uintptr) {
		for sent = unix.EINTR; sent == unix.EINTR; {
			sent = unix.Sendto(int(fd), request, unix.MSG_DONTWAIT, sa)
		}
	}); err != nil {
		return &localError{err}
	}
	if sent != nil {
		return immediate("send", sent)
	}
	return nil
}

// read hands out answers until the socket is closed.
func (s *echoSocket) read() {
	defer close(s.done)
	defer close(s.broken)
	raw, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	for {
		var got error
		if err := raw.Read(func(fd uintptr) (done bool) {
			got = s.receive(int(fd))
			return got != unix.EAGAIN
		}); err != nil {
			return
		}
		// What a socket is told besides data, as that a link has gone, says nothing of the hosts. It does not go on without
		// end: each read takes one error away.
		if errors.Is(got, unix.EBADF) || errors.Is(got, unix.ENOTSOCK) {
			return
		}
	}
}

// receive hands out one packet.
func (s *echoSocket) receive(fd int) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	n, from, err := unix.Recvfrom(fd, s.packet[:], unix.MSG_DONTWAIT)
	if err == nil {
		s.take(s.packet[:n], from)
	}
	return err
}

// look hands out what the reader has not got to: this process may have been held up until it was late.
func (s *echoSocket) look() {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for range 2 * echoUsers {
			if s.receive(int(fd)) == unix.EAGAIN {
				return
			}
		}
	})
}

// take hands an answer to whom it is for.
func (s *echoSocket) take(packet []byte, from unix.Sockaddr) {
	var host netip.Addr
	switch sa := from.(type) {
	case *unix.SockaddrInet4:
		host = netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		host = netip.AddrFrom16(sa.Addr)
	}
	reply, ok := echoReply(packet, s.way.v6, s.raw)
	if !ok || s.raw && reply.id != s.id {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.waiting[reply.seq]; ok && w.host == host {
		select {
		case w.answer <- struct{}{}:
		default: // answered already
		}
	}
}

// filterEchoes lets a raw socket receive the answers to its own requests alone: it would have to read those to everybody
// else's on this host too.
func filterEchoes(fd int, v6 bool, id uint16) error {
	reply, header := uint32(echoReplyType), []unix.SockFilter{
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0}, // x = length of the IP header
	}
	if v6 {
		reply, header = uint32(echoReplyTypeV6), []unix.SockFilter{{Code: unix.BPF_LDX | unix.BPF_IMM, K: 0}}
	}
	program := append(header,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_IND, K: 0}, // type
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: reply},
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: 4}, // identifier
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(id)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	)
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return nil
}
