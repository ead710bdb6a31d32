package netio

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// GUEPort is a UDP port on which the kernel unpacks Generic UDP Encapsulation (draft-ietf-intarea-gue, version 0): what is in it
// comes out of the interface that unpacks its protocol without UDP around it, such as tunl0.
type GUEPort struct {
	Port uint16 `json:"port"`
	IPv6 bool   `json:"ipv6"` // the packets around are IPv6
}

// String returns "UDP port 6080 (IPv4)".
func (p GUEPort) String() string {
	family := "IPv4"
	if p.IPv6 {
		family = "IPv6"
	}
	return fmt.Sprintf("UDP port %d (%s)", p.Port, family)
}

func (p GUEPort) fou() netlink.Fou {
	f := netlink.Fou{Family: unix.AF_INET, Port: int(p.Port), EncapType: netlink.FOU_ENCAP_GUE}
	if p.IPv6 {
		f.Family = unix.AF_INET6
	}
	return f
}

// GUEPorts returns the ports on which GUE is unpacked in the network namespace of the calling thread. A kernel that cannot has none.
func GUEPorts() ([]GUEPort, error) {
	var ports []GUEPort
	for _, v6 := range []bool{false, true} {
		all, err := netlink.FouList(GUEPort{IPv6: v6}.fou().Family)
		if errors.Is(err, unix.ENOENT) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list ports of GUE: %w", err)
		}
		for _, f := range all {
			if p := (GUEPort{Port: uint16(f.Port), IPv6: v6}); f.EncapType == netlink.FOU_ENCAP_GUE && f.Family == p.fou().Family {
				ports = append(ports, p)
			}
		}
	}
	return ports, nil
}

// AddGUEPort begins to unpack GUE on a port in the network namespace of the calling thread, and DelGUEPort ends it. The errors
// wrap the kernel's: unix.ENOENT, when it lacks the module fou, and unix.EADDRINUSE among them.
func AddGUEPort(p GUEPort) error {
	if err := netlink.FouAdd(p.fou()); err != nil {
		return fmt.Errorf("unpack GUE on %s: %w", p, err)
	}
	return nil
}

// DelGUEPort is described at AddGUEPort.
func DelGUEPort(p GUEPort) error {
	if err := netlink.FouDel(p.fou()); err != nil {
		return fmt.Errorf("unpack GUE on %s no longer: %w", p, err)
	}
	return nil
}
