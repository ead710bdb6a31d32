package members

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"

	"vigil/confparse"
)

// maxSize is how large a file may be: four times what the largest list takes.
const maxSize = 16 << 20

// LineError is what is wrong with a line of a file.
type LineError struct {
	Path string
	Line int
	Why  string // and how to mend it
}

// Error returns the place and what is wrong there.
func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Why) }

// example is how a line looks.
const example = `such as {"address":"192.0.2.1","port":8080,"weight":3}`

// parse reads a list: JSON, one object on a line. Blank lines, and those that begin with #, are passed over. With any mistake there is no
// list at all, for one that lacks servers, or has others than are meant, is worse than the one before. It returns it in order.
func parse(path string, text []byte) ([]confparse.Member, error) {
	var list []confparse.Member
	seen := make(map[netip.AddrPort]int)
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		wrong := func(why string) error { return &LineError{path, number, why} }
		m, err := parseLine(line)
		if err != nil {
			return nil, wrong(err.Error())
		}
		at := netip.AddrPortFrom(m.Addr, m.Port)
		if first := seen[at]; first > 0 {
			return nil, wrong(fmt.Sprintf("the member of line %d again; write it once", first))
		}
		if seen[at] = number; len(list) == confparse.MaxMembers {
			return nil, wrong(fmt.Sprintf("more than %d members; divide them among several virtual servers", confparse.MaxMembers))
		}
		list = append(list, m)
	}
	slices.SortFunc(list, confparse.Member.Compare)
	return list, nil
}

// parseLine reads {"address": ADDRESS, "port": PORT, "weight": WEIGHT}, of which the last two may be missing.
func parseLine(line []byte) (m confparse.Member, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	next := func() json.Token {
		t, e := d.Token()
		if e != nil && err == nil {
			err = errors.New("this is no JSON object on one line, " + example)
		}
		return t
	}
	if next() != json.Delim('{') {
		return m, errors.New("this is no JSON object on one line, " + example)
	}
	given := make(map[string]bool, 3)
	for err == nil && d.More() {
		key, _ := next().(string)
		value := next()
		switch {
		case err != nil:
		case given[key]:
			err = fmt.Errorf("%s stands there twice; write it once", key)
		case key == "address":
			text, _ := value.(string)
			m.Addr, err = address(text)
		case key == "port":
			var v int64
			v, err = number(value, 1, 65535, "port", "leave it out for that of the virtual server")
			m.Port = uint16(v)
		case key == "weight":
			var v int64
			v, err = number(value, 0, 1<<31-1, "weight", "leave it out for that of real_servers_from")
			m.Weight, m.Weighted = int32(v), true
		default:
			err = fmt.Errorf("%q is unknown; a member has address, port and weight", key)
		}
		given[key] = true
	}
	if err == nil {
		next() // the brace
	}
	if err != nil {
		return m, err
	}
	if _, e := d.Token(); !errors.Is(e, io.EOF) {
		return m, errors.New("something follows the object; write one on a line, " + example)
	}
	if !given["address"] {
		return m, errors.New("the address is missing, " + example)
	}
	return m, nil
}

// number reads a whole number.
func number(t json.Token, lo, hi int64, what, without string) (int64, error) {
	text, _ := t.(json.Number)
	v, err := strconv.ParseInt(text.String(), 10, 64)
	if err != nil || v < lo || v > hi {
		return 0, fmt.Errorf("a %s is a number, %d to %d; %s", what, lo, hi, without)
	}
	return v, nil
}

// address reads the address of a server.
func address(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, fmt.Errorf("%q is no address, such as \"192.0.2.1\" or \"2001:db8::1\"", text)
	}
	return a, usable(a)
}

// usable says why there can be no server at an address.
func usable(a netip.Addr) error {
	switch broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255}); {
	case a.Is4In6():
		return fmt.Errorf("%s is an address of IPv4; write it as %s", a, a.Unmap())
	case a.Zone() != "" || a.IsLinkLocalUnicast() && a.Is6():
		return fmt.Errorf("%s is of a link, of which a member has none; write a global address", a)
	case a.IsUnspecified() || a.IsMulticast() || a == broadcast:
		return fmt.Errorf("%s is not the address of a server; write that of a single one", a)
	}
	return nil
}
