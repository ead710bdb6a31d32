package ipvsadm

import (
	"strings"

	"vigil/confparse"
	"vigil/ipvs"
)

// The default persistence granularity: each client for itself.
const (
	hostMask4 = 0xffffffff
	hostMask6 = 128
)

// The kernel's limits on names, less the byte that ends them.
const maxName = 15

// serviceOptions are those that name a service or describe it.
var serviceOptions = []definition{
	{long: "tcp-service", short: 't', value: aValue, set: addressService(confparse.TCP)},
	{long: "udp-service", short: 'u', value: aValue, set: addressService(confparse.UDP)},
	{long: "sctp-service", value: aValue, set: addressService(confparse.SCTP)},
	{long: "fwmark-service", short: 'f', value: aValue, set: fwmarkService},
	{long: "ipv6", short: '6', set: useIPv6},
	{long: "scheduler", short: 's', value: aValue, set: func(p *parser, s string) error {
		if s != "" {
			p.cmd.Attrs.Scheduler = truncate(s)
		}
		return p.give(optScheduler)
	}},
	{long: "pe", value: aValue, set: func(p *parser, s string) error {
		p.cmd.Attrs.PE = truncate(s)
		return p.give(optEngine)
	}},
	{long: "persistent", short: 'p', value: maybeValue, set: persistent},
	{long: "netmask", short: 'M', value: aValue, set: netmask},
	{long: "ops", short: 'o', set: func(p *parser, _ string) error {
		p.cmd.Attrs.Flags |= ipvs.OnePacket
		return p.give(optOnePacket)
	}},
	{long: "sched-flags", short: 'b', value: aValue, set: func(p *parser, s string) error {
		p.flags = strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
		return p.give(optFlags)
	}},
}

func truncate(s string) string { return s[:min(len(s), maxName)] }

func addressService(protocol confparse.Protocol) func(*parser, string) error {
	return func(p *parser, s string) error {
		if err := p.give(optService); err != nil {
			return err
		}
		e, ok := parseEndpoint(s, protocol, p.names)
		if !ok {
			return usageError("illegal virtual server address[:port] specified")
		}
		p.cmd.Service = ipvs.ServiceKey{Family: confparse.IPv4, Protocol: protocol, Addr: e.addr, Port: e.port}
		if e.addr.Is6() {
			p.cmd.Service.Family, p.cmd.Attrs.Netmask = confparse.IPv6, hostMask6 // a mask before it was one for IPv4
		}
		return nil
	}
}

func fwmarkService(p *parser, s string) error {
	if err := p.give(optService); err != nil {
		return err
	}
	n, ok := number(s, 1, 1<<32-1)
	if !ok {
		return usageError("invalid fwmark value `%s' specified", s)
	}
	p.cmd.Service = ipvs.ServiceKey{Family: confparse.IPv4, Fwmark: uint32(n)}
	return nil
}

// useIPv6 makes the fwmark before it one of IPv6 packets.
func useIPv6(p *parser, _ string) error {
	if p.cmd.Service.Fwmark == 0 {
		return usageError("-6 used before -f\n")
	}
	p.cmd.Service.Family, p.cmd.Attrs.Netmask = confparse.IPv6, hostMask6
	return nil
}

func persistent(p *parser, s string) error {
	if err := p.give(optPersistent); err != nil {
		return err
	}
	p.cmd.Attrs.Flags |= ipvs.Persistent
	p.cmd.Attrs.Timeout = defaultPersistence
	if !p.scan.valued {
		return nil
	}
	var err error
	p.cmd.Attrs.Timeout, err = seconds(s, 1)
	return err
}

// netmask reads a mask for the family that is known so far, IPv4 before a service is.
func netmask(p *parser, s string) error {
	if err := p.give(optNetmask); err != nil {
		return err
	}
	if p.cmd.Service.Family == confparse.IPv6 {
		n, ok := number(leadingDigits(s), 1, 128)
		if !ok {
			return usageError("illegal ipv6 netmask specified")
		}
		p.cmd.Attrs.Netmask = uint32(n)
		return nil
	}
	a, ok := parseIPv4(s)
	if !ok {
		return usageError("illegal virtual server persistent mask specified")
	}
	b := a.As4()
	p.cmd.Attrs.Netmask = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return nil
}

// leadingDigits cuts off what follows a number, as atoi(3) passes over it.
func leadingDigits(s string) string {
	s = strings.TrimLeft(s, " \t\n\v\f\r+")
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return s
	}
	return s[:end]
}

// completeService checks what depends on several options of a service.
func (p *parser) completeService() error {
	s, a := &p.cmd.Service, &p.cmd.Attrs
	switch {
	case s.Fwmark == 0 && s.Port == 0 && a.Flags&ipvs.Persistent == 0:
		return usageError("Zero port specified for non-persistent service")
	case a.Flags&ipvs.OnePacket != 0 && s.Fwmark == 0 && s.Protocol != confparse.UDP:
		return usageError("One-Packet Scheduling is only for UDP virtual services")
	}
	for _, name := range p.flags {
		flag, scheduler, known := flagOf(name)
		switch {
		case !known:
			return usageError("invalid scheduler flag `%s'", name)
		case scheduler != "" && scheduler != a.Scheduler:
			return usageError("incompatible scheduler flag `%s'", name)
		}
		a.Flags |= flag
	}
	return nil
}
