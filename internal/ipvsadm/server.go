package ipvsadm

import (
	"net/netip"

	"vigil/confparse"
)

const maxInt32 = 1<<31 - 1

// serverOptions are those that name a real server or describe it.
var serverOptions = []definition{
	{long: "real-server", short: 'r', value: aValue, set: realServer},
	{long: "gatewaying", short: 'g', set: forward(confparse.DR)},
	{long: "ipip", short: 'i', set: forward(confparse.TUN)},
	{long: "masquerading", short: 'm', set: forward(confparse.NAT)},
	{long: "weight", short: 'w', value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optWeight, s, "weight", 0, maxInt32)
		p.cmd.DestAttrs.Weight = int32(n)
		return err
	}},
	{long: "u-threshold", short: 'x', value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optUpper, s, "u_threshold", 0, maxInt32)
		p.cmd.DestAttrs.UpperThreshold = uint32(n)
		return err
	}},
	{long: "l-threshold", short: 'y', value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optLower, s, "l_threshold", 0, maxInt32)
		p.cmd.DestAttrs.LowerThreshold = uint32(n)
		return err
	}},
	{long: "tun-type", value: aValue, set: tunnelType},
	{long: "tun-port", value: aValue, set: func(p *parser, s string) error {
		n, err := p.numeric(optTunnelPort, s, "tunnel port", 1, 65535)
		p.cmd.DestAttrs.Tunnel.Port = uint16(n)
		return err
	}},
	{long: "tun-nocsum", set: checksum(optNoChecksum, confparse.NoChecksum)},
	{long: "tun-csum", set: checksum(optChecksum, confparse.Checksum)},
	{long: "tun-remcsum", set: checksum(optRemoteChecksum, confparse.RemoteChecksum)},
}

// numeric takes an option whose value is a number.
func (p *parser) numeric(o option, s, what string, least, most uint64) (uint64, error) {
	if err := p.give(o); err != nil {
		return 0, err
	}
	n, ok := number(s, least, most)
	if !ok {
		return 0, usageError("illegal %s specified", what)
	}
	return n, nil
}

// realServer reads the address; a port may be a name only if the service is known by then, and is one of TCP for a mark.
func realServer(p *parser, s string) error {
	if err := p.give(optServer); err != nil {
		return err
	}
	proto := p.cmd.Service.Protocol
	if p.cmd.Service.Fwmark != 0 {
		proto = confparse.TCP
	}
	e, ok := parseEndpoint(s, proto, p.names)
	if !ok {
		return usageError("illegal real server address[:port] specified")
	}
	p.server = e
	return nil
}

func forward(f confparse.Forwarding) func(*parser, string) error {
	return func(p *parser, _ string) error {
		p.cmd.DestAttrs.Forwarding = f
		return p.give(optForwarding)
	}
}

// tunnelNames are the names of the tunnel types, by their numbers.
var tunnelNames = [...]string{confparse.IPIP: "ipip", confparse.GUE: "gue", confparse.GRE: "gre"}

func tunnelType(p *parser, s string) error {
	if err := p.give(optTunnelType); err != nil {
		return err
	}
	for t, name := range tunnelNames {
		if name == s {
			p.cmd.DestAttrs.Tunnel.Type = confparse.TunnelType(t)
			return nil
		}
	}
	return usageError("illegal tunnel type specified")
}

func checksum(o option, f confparse.TunnelFlags) func(*parser, string) error {
	return func(p *parser, _ string) error {
		p.cmd.DestAttrs.Tunnel.Flags = f
		return p.give(o)
	}
}

// tunnelRules are what the types of tunnels must and may be given.
var tunnelRules = [...]rule{
	confparse.IPIP: {},
	confparse.GUE:  {needs: setOf(optTunnelPort), takes: checksums | setOf(optRemoteChecksum)},
	confparse.GRE:  {takes: checksums},
}

var (
	checksums     = setOf(optNoChecksum, optChecksum)
	tunnelOptions = setOf(optTunnelType, optTunnelPort, optRemoteChecksum) | checksums
)

// completeServer checks what depends on several options of a real server.
func (p *parser) completeServer() error {
	service, a := p.cmd.Service, &p.cmd.DestAttrs
	tunneled := a.Forwarding == confparse.TUN
	switch {
	case p.cmd.Verb == DeleteServer:
	case p.server.addr.Is6() != (service.Family == confparse.IPv6) && !tunneled:
		return usageError("Different address family is allowed only for tunneling servers")
	case !tunneled && p.given&tunnelOptions != 0:
		return usageError("Tunnel options conflict with forward method")
	case tunneled:
		if err := p.checkTunnel(); err != nil {
			return err
		}
	}
	port := p.server.port
	// Only translation can change a port; with a mark, it is what the packet has.
	if service.Fwmark == 0 && (!p.server.hasPort || a.Forwarding != confparse.NAT && p.cmd.Verb != DeleteServer) {
		port = service.Port
	}
	p.cmd.Dest = netip.AddrPortFrom(p.server.addr, port)
	return nil
}

func (p *parser) checkTunnel() error {
	t := p.cmd.DestAttrs.Tunnel.Type
	r := tunnelRules[t]
	for _, o := range []option{optTunnelPort, optNoChecksum, optChecksum, optRemoteChecksum} {
		switch {
		case r.needs.has(o) && !p.given.has(o):
			return usageError("You need to supply the '%s' option for the '%s' tunnel type", optionNames[o], tunnelNames[t])
		case p.given.has(o) && !r.needs.has(o) && !r.takes.has(o):
			return usageError("Illegal '%s' option with the '%s' tunnel type", optionNames[o], tunnelNames[t])
		}
	}
	which := []option{optNoChecksum, optChecksum, optRemoteChecksum}
	for i, o := range which {
		for _, other := range which[:i] {
			if p.given.has(o) && p.given.has(other) {
				return usageError("The option '%s' conflicts with the '%s' option in the '%s' tunnel type", optionNames[o],
					optionNames[other], tunnelNames[t])
			}
		}
	}
	return nil
}
