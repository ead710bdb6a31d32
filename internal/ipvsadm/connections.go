package ipvsadm

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse"
)

// connections prints the connection table, which the kernel gives as text (/proc/net/ip_vs_conn): protocol, source,
// virtual address and destination, each in two hexadecimal fields, state, seconds to live, and perhaps the name and data of a persistence engine.
func (p *printer) connections(table io.Reader) error {
	p.printf("IPVS connection entries\npro expire state       source             virtual            destination")
	if p.show.PersistentConn {
		p.printf("        pe name          pe_data")
	}
	p.printf("\n")
	lines := bufio.NewScanner(table)
	lines.Buffer(nil, 1<<20)
	for heading := true; lines.Scan(); heading = false {
		if heading {
			continue
		}
		if err := p.connection(strings.Fields(lines.Text())); err != nil {
			return fmt.Errorf("connection table: %w: %q", err, lines.Text())
		}
	}
	return lines.Err()
}

func (p *printer) connection(f []string) error {
	const least = 9
	if len(f) < least {
		return io.ErrUnexpectedEOF
	}
	expires, err := strconv.ParseUint(f[8], 10, 32)
	if err != nil {
		return err
	}
	proto := map[string]confparse.Protocol{"TCP": confparse.TCP, "UDP": confparse.UDP, "SCTP": confparse.SCTP}[f[0]]
	var ends [3]string
	for i := range ends {
		if ends[i], err = p.hexEndpoint(f[1+2*i], f[2+2*i], proto); err != nil {
			return err
		}
	}
	p.printf("%-3s %02d:%02d  %-11s %-18s %-18s ", f[0], expires/60, expires%60, f[7], ends[0], ends[1])
	if p.show.PersistentConn && len(f) > least {
		p.printf("%-16s %-18s %s\n", ends[2], f[least], strings.Join(f[least+1:], " "))
		return nil
	}
	p.printf("%s\n", ends[2])
	return nil
}

// hexEndpoint reads an address and a port in hexadecimal.
func (p *printer) hexEndpoint(address, port string, proto confparse.Protocol) (string, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(address, ":", ""))
	if err != nil {
		return "", err
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return "", fmt.Errorf("address of %d bytes", len(b))
	}
	n, err := strconv.ParseUint(port, 16, 16)
	return p.endpoint(a, uint16(n), proto), err
}
