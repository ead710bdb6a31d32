package ipvsadm

import (
	"strconv"
	"strings"

	"vigil/confparse"
	"vigil/ipvs"
)

// view is one of the tables that List prints: what comes after the names.
type view struct {
	heading string
	service func(p *printer, s ipvs.Listed) // the rest of the line
	server  func(p *printer, d ipvs.ListedDest)
}

// view returns the table that was asked for; of several options the first of these decides.
func (s Show) view() view {
	switch {
	case s.Stats:
		return statsView
	case s.Rates:
		return ratesView
	case s.Thresholds:
		return thresholdsView
	case s.PersistentConn:
		return persistentView
	case s.TunnelInfo:
		return tunnelView
	}
	return weightsView
}

var weightsView = view{
	heading: "Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
	service: (*printer).scheduling,
	server: func(p *printer, d ipvs.ListedDest) {
		p.printf(" %-7s %-6d %-10d %-10d\n", forwardingNames[d.Forwarding], d.Weight, d.Active, d.Inactive)
	},
}

var tunnelView = view{
	heading: "Prot LocalAddress:Port Scheduler Flags\n" +
		"  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n",
	service: (*printer).scheduling,
	server: func(p *printer, d ipvs.ListedDest) {
		p.printf(" %-7s %-13s %-6d %-10d %-10d\n", forwardingNames[d.Forwarding], tunnelText(d.DestAttrs), d.Weight, d.Active, d.Inactive)
	},
}

var thresholdsView = view{
	heading: "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  -> RemoteAddress:Port\n",
	service: (*printer).scheduling,
	server: func(p *printer, d ipvs.ListedDest) {
		p.printf(" %-10d %-10d %-10d %-10d\n", d.UpperThreshold, d.LowerThreshold, d.Active, d.Inactive)
	},
}

var persistentView = view{
	heading: "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  -> RemoteAddress:Port\n",
	service: (*printer).scheduling,
	server: func(p *printer, d ipvs.ListedDest) {
		p.printf(" %-9d %-11d %-10d %-10d\n", d.Weight, d.Persistent, d.Active, d.Inactive)
	},
}

// forwardingNames are the names of the kernel's forwarding methods, by their numbers.
var forwardingNames = [...]string{confparse.NAT: "Masq", 1: "Local", confparse.TUN: "Tunnel", confparse.DR: "Route", 4: "Bypass", 7: ""}

// checksumNames are short for the checksum options of tunnels.
var checksumNames = map[confparse.TunnelFlags]string{confparse.NoChecksum: "-c", confparse.Checksum: "+c", confparse.RemoteChecksum: "r+c"}

// tunnelText is how a destination's packets are wrapped, such as "gue:6080:+c".
func tunnelText(a ipvs.DestAttrs) string {
	if a.Forwarding != confparse.TUN {
		return "n/a"
	}
	switch a.Tunnel.Type {
	case confparse.GUE:
		return "gue:" + strconv.Itoa(int(a.Tunnel.Port)) + ":" + checksumNames[a.Tunnel.Flags]
	case confparse.GRE:
		return "gre:" + checksumNames[a.Tunnel.Flags]
	}
	return "ipip"
}

// scheduling ends the line of a service with its scheduler and persistence.
func (p *printer) scheduling(s ipvs.Listed) {
	p.printf(" %s", s.Attrs.Scheduler)
	if names, others := flagNames(s.Attrs); names != nil || others != nil {
		p.printf(" (%s)", strings.Join(names, ","))
	}
	if s.Attrs.Flags&ipvs.Persistent != 0 {
		p.printf(" persistent %d", s.Attrs.Timeout)
		if mask := maskText(s.Key.Family, s.Attrs.Netmask); mask != "" {
			p.printf(" mask %s", mask)
		}
		if s.Attrs.PE != "" {
			p.printf(" pe %s", s.Attrs.PE)
		}
	}
	if s.Attrs.Flags&ipvs.OnePacket != 0 {
		p.printf(" ops")
	}
	p.printf("\n")
}

// table prints services with their servers, below the heading.
func (p *printer) table(services []ipvs.Listed) {
	v := p.show.view()
	p.printf("%s", v.heading)
	for _, s := range services {
		protocol, name := p.title(s.Key)
		width := 0
		if p.show.Stats || p.show.Rates {
			width = addressWidth
		}
		p.printf("%-4s %-*s", protocol, width, name)
		v.service(p, s)
		for _, d := range s.Dests {
			p.printf("  -> %-*s", addressWidth, p.column(d.Key.Addr(), d.Key.Port(), s.Key.Protocol))
			v.server(p, d)
		}
	}
}

// version prints the line above everything.
func (p *printer) version(i ipvs.Info) {
	p.printf("IP Virtual Server version %d.%d.%d (size=%d)\n", i.Version[0], i.Version[1], i.Version[2], i.TableSize)
}
