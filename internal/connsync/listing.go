package connsync

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// longestLine is more than any line of the kernel's: three addresses of IPv6, and an engine with 255 bytes of data.
const longestLine = 1 << 10

// errNotOurs says that a line is of something that no other director can be told of.
var errNotOurs = errors.New("not to be told")

// readListing calls each for every connection of a listing (/proc/net/ip_vs_conn), until it returns false, and counts the lines
// that are passed over because they are not understood: what an unknown kernel adds costs its connection, not the others.
func readListing(r io.Reader, each func(Connection) bool) (skipped int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4*longestLine), 4*longestLine)
	lines.Scan() // the heading
	for lines.Scan() {
		c, err := parseConnection(lines.Text())
		switch {
		case err != nil:
			skipped++
		case !each(c):
			return skipped, nil
		}
	}
	return skipped, lines.Err()
}

// parseConnection reads a line such as
//
//	TCP C0000264 0A2B C0000264 0050 C000020B 0050 ESTABLISHED     893
//
// with addresses and ports in hexadecimal, the state, the seconds that are left, and perhaps an engine of persistence and its data,
// in which there may be spaces.
func parseConnection(line string) (c Connection, err error) {
	var fields [9]string
	for i := range fields {
		fields[i], line, _ = strings.Cut(strings.TrimLeft(line, " "), " ")
	}
	switch fields[0] {
	case "TCP":
		c.Protocol = protocolTCP
	case "UDP":
		c.Protocol = protocolUDP
	case "SCTP":
		c.Protocol = protocolSCTP
	case "IP":
	default:
		return c, fmt.Errorf("protocol %s: %w", fields[0], errNotOurs)
	}
	for i, to := range []*netip.AddrPort{&c.Client, &c.Virtual, &c.Server} {
		if *to, err = parseEndpoint(fields[1+2*i], fields[2+2*i]); err != nil {
			return c, err
		}
	}
	if c.Client.Addr().Is4() != c.Virtual.Addr().Is4() || c.Client.Addr().Is4() != c.Server.Addr().Is4() {
		return c, fmt.Errorf("a server of another family: %w", errNotOurs) // the kernel excludes them from synchronization
	}
	names := states[c.Protocol]
	if c.Client.Port() == 0 && slices.Contains(templateStates, fields[7]) {
		c.Template, names = true, templateStates
	}
	state := slices.Index(names, fields[7])
	if state < 0 {
		return c, fmt.Errorf("state %s of %s: %w", fields[7], fields[0], errNotOurs)
	}
	c.State = uint16(state)
	seconds, err := strconv.ParseUint(fields[8], 10, 32)
	if err != nil {
		return c, err
	}
	c.Expires = uint32(seconds)
	if line != "" {
		c.Engine, line, _ = strings.Cut(line, " ")
		c.Data = []byte(line)
		if c.Engine == "" || len(c.Engine) > engineNameRoom || len(c.Data) == 0 || len(c.Data) > engineDataRoom {
			return c, fmt.Errorf("%d bytes of the engine %q: %w", len(c.Data), c.Engine, errNotOurs)
		}
	}
	return c, nil
}

// parseEndpoint reads an address as the kernel lists it, of 8 hexadecimal digits, or of 32 with colons, and a port.
func parseEndpoint(address, port string) (netip.AddrPort, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(address, ":", ""))
	if err != nil {
		return netip.AddrPort{}, err
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q", address)
	}
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(a, uint16(p)), nil
}
