package ipvsadm

import (
	"strconv"
	"strings"

	"vigil/confparse"
	"vigil/ipvs"
)

// save prints services as command lines that Restore reads.
func (p *printer) save(services []ipvs.Listed) {
	for _, s := range services {
		name := p.serviceOption(s.Key)
		p.printf("-A %s -s %s", name, s.Attrs.Scheduler)
		p.savePersistence(s)
		p.printf("\n")
		for _, d := range s.Dests {
			p.printf("-a %s -r %s %s -w %d", name, p.endpoint(d.Key.Addr(), d.Key.Port(), s.Key.Protocol),
				forwardingOptions[d.Forwarding], d.Weight)
			p.saveTunnel(d.DestAttrs)
			p.printf("\n")
		}
	}
}

// serviceOption is the option that names a service.
func (p *printer) serviceOption(k ipvs.ServiceKey) string {
	switch {
	case k.Fwmark != 0 && k.Family == confparse.IPv6:
		return "-f " + strconv.FormatUint(uint64(k.Fwmark), 10) + " -6"
	case k.Fwmark != 0:
		return "-f " + strconv.FormatUint(uint64(k.Fwmark), 10)
	}
	option := map[confparse.Protocol]string{confparse.TCP: "-t", confparse.UDP: "-u", confparse.SCTP: "--sctp-service"}[k.Protocol]
	return option + " " + p.endpoint(k.Addr, k.Port, k.Protocol)
}

func (p *printer) savePersistence(s ipvs.Listed) {
	if s.Attrs.Flags&ipvs.Persistent != 0 {
		p.printf(" -p %d", s.Attrs.Timeout)
		if mask := maskText(s.Key.Family, s.Attrs.Netmask); mask != "" {
			p.printf(" -M %s", mask)
		}
	}
	if s.Attrs.PE != "" {
		p.printf(" --pe %s", s.Attrs.PE)
	}
	if s.Attrs.Flags&ipvs.OnePacket != 0 {
		p.printf(" -o")
	}
	if names, others := flagNames(s.Attrs); names != nil || others != nil {
		p.printf(" -b %s", strings.Join(append(names, others...), ","))
	}
}

// forwardingOptions are the options of the forwarding methods, by their numbers.
var forwardingOptions = [...]string{confparse.NAT: "-m", confparse.TUN: "-i", confparse.DR: "-g", 7: ""}

func (p *printer) saveTunnel(a ipvs.DestAttrs) {
	if a.Forwarding != confparse.TUN {
		return
	}
	p.printf(" --tun-type %s", tunnelNames[a.Tunnel.Type])
	if a.Tunnel.Type == confparse.GUE {
		p.printf(" --tun-port %d", a.Tunnel.Port)
	}
	if a.Tunnel.Type != confparse.IPIP {
		p.printf(" --tun-%s", map[confparse.TunnelFlags]string{confparse.NoChecksum: "nocsum", confparse.Checksum: "csum",
			confparse.RemoteChecksum: "remcsum"}[a.Tunnel.Flags])
	}
}
