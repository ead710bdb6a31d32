package pool

import (
	"net/netip"
	"slices"

	"vigil/confparse"
)

// Spec is what a configuration asks of the pool of a virtual server. It is not changed after construction.
type Spec struct {
	Servers    []Server    // in file order; no two have the same address and port
	Sorry      SorryServer // the zero value: none
	Quorum     uint32      // the live weight that makes the virtual server work; at most the sum of the weights
	Hysteresis uint32      // below Quorum
}

// Server is one real_server. Addr and Port are those of its confparse.RealServerID.
type Server struct {
	Addr             netip.Addr
	Port             uint16
	Forwarding       confparse.Forwarding
	InhibitOnFailure bool // inhibit_on_failure: weight 0 instead of removal while it is down
	Tunnel           confparse.Tunnel
	Weight           int32 // as configured
	UpperThreshold   uint32
	LowerThreshold   uint32
}

// SorryServer is the sorry_server: the server that serves, alone and with weight 1, while the quorum is lost.
type SorryServer struct {
	Addr       netip.Addr // invalid: there is none
	Port       uint16
	Forwarding confparse.Forwarding
	Inhibit    bool // sorry_server_inhibit: present with weight 0 while it does not serve
	Tunnel     confparse.Tunnel
}

// Exists reports whether there is one.
func (s SorryServer) Exists() bool { return s.Addr.IsValid() }

// Endpoint is what tells the servers of a pool apart.
func (s *Server) Endpoint() netip.AddrPort { return netip.AddrPortFrom(s.Addr, s.Port) }

// Equal reports whether both ask for the same servers in the same order, with the same quorum.
func (s *Spec) Equal(o *Spec) bool {
	return s.Sorry == o.Sorry && s.Quorum == o.Quorum && s.Hysteresis == o.Hysteresis &&
		(sameArray(s.Servers, o.Servers) || slices.Equal(s.Servers, o.Servers))
}

// sameArray reports whether a and b are one list in memory, as they are where a reload has left a pool alone.
func sameArray(a, b []Server) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
