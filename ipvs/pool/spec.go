package pool

import (
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
)

// Spec is what a configuration asks of the pool of a virtual server. It is not changed after construction.
type Spec struct {
	Servers    []Server    // in file order; no two have the same address and port
	Sorry      SorryServer // the zero value: none
	Quorum     uint32      // the live weight that makes the virtual server work; at most the sum of the weights, unless servers come from outside
	Hysteresis uint32      // below Quorum
	// FailoverThreshold is the live weight of the real servers below which the backup servers serve beside them.
	FailoverThreshold uint32
	Guards            Guards
	Notify            Notify // of the quorum
}

// Guards keep checks and reloads from doing harm. The zero value has none of them.
type Guards struct {
	PanicThreshold uint8         // percent of the real servers that failed checks can take out; 0 = all
	FlapFailures   uint32        // so many failures of a server in FlapWithin keep it out until it was up for as long; 0 = off
	FlapWithin     time.Duration // above 0
	SlowStart      time.Duration // in which the weight of a server that comes back grows to what it is to be; 0 = at once
	Drain          time.Duration // how long a server that left the configuration may end its connections; 0 = it goes at once
}

// Server is one real_server or backup_real_server. Addr and Port are those of its confparse.RealServerID.
type Server struct {
	Addr             netip.Addr
	Port             uint16
	Forwarding       confparse.Forwarding
	InhibitOnFailure bool // inhibit_on_failure: weight 0 instead of removal while it is down
	Backup           bool // it serves only while the live weight of the others is below the FailoverThreshold
	Drained          bool // by an operator: while it serves it does so with weight 0. It counts for the quorum as it would
	Tunnel           confparse.Tunnel
	Weight           int32 // as configured
	UpperThreshold   uint32
	LowerThreshold   uint32
	Notify           Notify
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

// Equal reports whether both ask for the same servers in the same order, with the same quorum and guards.
func (s *Spec) Equal(o *Spec) bool {
	return s.Sorry == o.Sorry && s.Quorum == o.Quorum && s.Hysteresis == o.Hysteresis &&
		s.FailoverThreshold == o.FailoverThreshold && s.Guards == o.Guards && s.Notify == o.Notify &&
		(sameArray(s.Servers, o.Servers) || slices.Equal(s.Servers, o.Servers))
}

// sameArray reports whether a and b are one list in memory, as they are where a reload has left a pool alone.
func sameArray(a, b []Server) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
