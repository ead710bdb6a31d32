package ipvsadm

import (
	"net/netip"
	"strings"
)

// maxSync is the largest payload of UDP over IPv4.
const maxSync = 65535 - 20 - 8

// maxInterface is the longest name of a network interface (IFNAMSIZ, less the byte that ends it).
const maxInterface = 15

// daemonOptions are those of the synchronization daemons.
var daemonOptions = []definition{
	{long: "syncid", value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optSyncID, s, "syncid", 0, 255)
		p.cmd.Sync.ID = uint32(n)
		return err
	}},
	{long: "sync-maxlen", value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optMaxLen, s, "sync-maxlen", 1, maxSync)
		p.cmd.Sync.MaxLen = uint16(n)
		return err
	}},
	{long: "mcast-interface", value: aValue, set: func(p *parser, s string) error {
		p.cmd.Sync.Interface = s[:min(len(s), maxInterface)]
		return p.give(optInterface)
	}},
	{long: "mcast-group", value: aValue, set: multicastGroup},
	{long: "mcast-port", value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optPort, s, "mcast-port", 1, 65535)
		p.cmd.Sync.Port = uint16(n)
		return err
	}},
	{long: "mcast-ttl", value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optTTL, s, "mcast-ttl", 1, 255)
		p.cmd.Sync.TTL = uint8(n)
		return err
	}},
}

func multicastGroup(p *parser, s string) error {
	if err := p.give(optGroup); err != nil {
		return err
	}
	family := "IPv4"
	if strings.Contains(s, ":") {
		family = "IPv6"
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.IsMulticast() || a.Zone() != "" {
		return usageError("invalid %s mcast-group `%s'", family, s)
	}
	p.cmd.Sync.Group = a
	return nil
}
