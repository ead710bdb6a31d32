package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"vigil/confparse/diag"
)

// trackServer is the keyword of vrrp_instance and vrrp_sync_group that has the role follow a virtual server. keepalived does
// not have it. It may be written several times.
var trackServer = ownRow("track_virtual_server", "", (*decoder).trackedServer, func(p *printer, w *watcher) {
	for _, t := range w.tracking.Servers {
		direction := "noreverse"
		if t.Reverse {
			direction = "reverse"
		}
		p.line("track_virtual_server", t.Name, "weight", t.Weight, direction)
	}
}).from(ours)

// trackedServer decodes "track_virtual_server ADDRESS PORT|fwmark N|[group] NAME [weight N [reverse]]".
func (d *decoder) trackedServer(n *Node, w *watcher) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	t := Tracked{Range: n.RangeOf(n.Args[0])}
	rest := n.Args[1:]
	switch first, second := n.Arg(0), n.Arg(1); {
	case (first == "fwmark" || first == "group") && second != "" && second != "weight":
		t.Name, rest = first+" "+second, n.Args[2:]
	default:
		addr, err := netip.ParseAddr(first)
		if err != nil {
			t.Name = "group " + first
			break
		}
		port, err := strconv.ParseUint(second, 10, 16)
		if err != nil {
			d.about(n, diag.CodeArgumentExpected, fmt.Sprintf("(%s) track_virtual_server %s: a port is missing - ignoring", w.name, first), "")
			return
		}
		t.Name, rest = VirtualServerID{Addr: addr, Port: uint16(port)}.TrackName(), n.Args[2:]
	}
	t.Name = d.intern(t.Name)
	options := *n
	options.Args = rest
	weight, ok := d.trackWeight(&options, 254, true, true)
	if !ok {
		return
	}
	if slices.ContainsFunc(w.tracking.Servers, func(o Tracked) bool { return o.Name == t.Name }) {
		d.report(n, t.Range, diag.CodeDuplicateTrack, fmt.Sprintf("(%s) duplicate track_virtual_server %s - ignoring", w.name, t.Name), "")
		return
	}
	t.Weight, t.Reverse = int(weight.weight), weight.reverse
	w.tracking.Servers = append(w.tracking.Servers, t)
}

// TrackName is what track_virtual_server calls a virtual server: "192.0.2.1 80", "fwmark 5" or "group NAME". Several may be
// called the same, as one for TCP and one for UDP are.
func (id VirtualServerID) TrackName() string {
	switch {
	case id.Group != "":
		return "group " + id.Group
	case id.Fwmark != 0:
		return "fwmark " + strconv.FormatUint(uint64(id.Fwmark), 10)
	}
	return id.Addr.String() + " " + strconv.Itoa(int(id.Port))
}

// dropUnknownServers takes out the virtual servers that do not exist.
func (d *decoder) dropUnknownServers(n *Node, name string, t *Tracking) {
	t.Servers = slices.DeleteFunc(t.Servers, func(t Tracked) bool {
		unknown := !slices.ContainsFunc(d.cfg.VirtualServers, func(vs *VirtualServer) bool { return vs.ID.TrackName() == t.Name })
		if unknown {
			d.report(n, t.Range, diag.CodeUnknownTracker, fmt.Sprintf("(%s) track virtual_server %s not found, ignoring...", name, t.Name), "")
		}
		return unknown
	})
}
