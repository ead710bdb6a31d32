package confparse

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
)

// Source is where members come from: a file, or names of DNS. It is comparable; two of the same value have the same members.
type Source struct {
	File string // an absolute path; "" = DNS
	Name string // lower case, without the last dot
	Port uint16 // of all members; 0 = the virtual server's, or that of their SRV record
	// IPv4 and IPv6 are the families of the addresses that DNS is asked for.
	IPv4, IPv6 bool
}

const fromDNS = "dns:"

// String returns the source as it is written.
func (s Source) String() string {
	switch {
	case s.File != "":
		return s.File
	case s.Port != 0:
		return fromDNS + s.Name + ":" + strconv.Itoa(int(s.Port))
	}
	return fromDNS + s.Name
}

// Service reports whether the name is asked for SRV records (RFC 2782): its first label begins with an underscore.
func (s Source) Service() bool { return strings.HasPrefix(s.Name, "_") }

// parseSource reads "/PATH" or "dns:NAME[:PORT]", and says what is wrong with it, or "".
func parseSource(text string) (s Source, why string) {
	name, isDNS := strings.CutPrefix(text, fromDNS)
	if !isDNS {
		if !strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") {
			return s, "use the absolute path of a file, or dns:NAME"
		}
		return Source{File: text}, ""
	}
	name, port, hasPort := strings.Cut(name, ":")
	if hasPort {
		v, err := strconv.ParseUint(port, 10, 16)
		if err != nil || v == 0 {
			return s, "a port is 1 to 65535"
		}
		s.Port = uint16(v)
	}
	s.Name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(s.Name); err == nil {
		return s, "an address is written as real_server"
	}
	if !hostName(s.Name) {
		return s, "a name has labels of letters, digits, - and _, of at most 63 characters each and 253 together"
	}
	if s.Service() && hasPort {
		return s, "SRV records have the ports"
	}
	return s, ""
}

// hostName reports whether s can be asked for (RFC 1035 §2.3.1, and the underscore of RFC 2782).
func hostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// MaxMembers is how many members a source has at most.
const MaxMembers = 1 << 16

// Member is a real server as a source has it.
type Member struct {
	Addr     netip.Addr
	Port     uint16 // 0 = the virtual server's
	Weight   int32
	Weighted bool // the source says Weight; else it is that of real_servers_from
}

// Compare orders members by address, then port, then weight.
func (m Member) Compare(o Member) int {
	return cmp.Or(m.Addr.Compare(o.Addr), cmp.Compare(m.Port, o.Port), cmp.Compare(m.Weight, o.Weight))
}
