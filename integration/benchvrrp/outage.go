package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// form is a kind of virtual router that clients depend on.
type form struct {
	name      string
	config    func(d int) string // of director d, from 0, without global_defs
	targets   []netip.Addr       // that clients ask
	instances int
	cold      bool // clients do not know the address's MAC address
}

var (
	outageVIP  = netip.MustParseAddr("10.77.0.100")
	outageVIP6 = netip.MustParseAddr("fd00:77:0::100")
)

const (
	groupSize = 10
	asking    = 5 * time.Millisecond // between requests

	excluded6 = "  virtual_ipaddress_excluded {\n    fd00:77:0::100/64\n  }\n"
)

var forms = []form{
	{name: "multicast", instances: 1, targets: []netip.Addr{outageVIP}, config: func(d int) string { return outageRouter(d, 51, "2", "1", "", "10.77.0.100/24") }},
	{name: "unicast", instances: 1, targets: []netip.Addr{outageVIP}, config: func(d int) string {
		return outageRouter(d, 51, "2", "1", unicast(d), "10.77.0.100/24")
	}},
	{name: "vmac", instances: 1, targets: []netip.Addr{outageVIP}, config: func(d int) string {
		return outageRouter(d, 51, "2", "1", "  use_vmac\n  vmac_xmit_base\n", "10.77.0.100/24")
	}},
	{name: "vmac-subnet", instances: 1, targets: []netip.Addr{netip.MustParseAddr("10.78.0.100")}, config: func(d int) string {
		return outageRouter(d, 51, "2", "1", "  use_vmac\n", "10.78.0.100/24") // answers have the virtual MAC address too
	}},
	{name: "vmac-own", instances: 1, targets: []netip.Addr{outageVIP}, config: func(d int) string {
		return outageRouter(d, 51, "2", "1", "  use_vmac\n", "10.77.0.100/24") // the directors' own subnet: their addresses and this one answer side by side
	}},
	{name: "vmac-ipv6", instances: 1, targets: []netip.Addr{outageVIP6}, config: func(d int) string {
		return outageRouter(d, 51, "3", "1", "  use_vmac\n", "fe80::77:51", "fd00:77:0::100/64")
	}},
	{name: "vmac-ipv4+ipv6", instances: 1, targets: []netip.Addr{outageVIP, outageVIP6}, config: func(d int) string {
		return outageRouter(d, 51, "3", "1", "  use_vmac\n"+excluded6, "10.77.0.100/24")
	}},
	{name: "ipv6", instances: 1, targets: []netip.Addr{outageVIP6}, config: func(d int) string {
		return outageRouter(d, 51, "3", "1", "", "fe80::77:51", "fd00:77:0::100/64")
	}},
	{name: "ipv4+ipv6", instances: 1, targets: []netip.Addr{outageVIP, outageVIP6}, config: func(d int) string {
		return outageRouter(d, 51, "3", "1", excluded6, "10.77.0.100/24")
	}},
	{name: "group", instances: groupSize, targets: groupTargets(), config: func(d int) string {
		var b strings.Builder
		b.WriteString("vrrp_sync_group G {\n  group {\n")
		for i := range groupSize {
			fmt.Fprintf(&b, "    V%d\n", 51+i)
		}
		b.WriteString("  }\n}\n")
		for i, target := range groupTargets() {
			b.WriteString(outageRouter(d, 51+i, "2", fmt.Sprint(1+i%3), "", target.String()+"/24"))
		}
		return b.String()
	}},
	{name: "cold", instances: 1, targets: []netip.Addr{outageVIP}, cold: true,
		config: func(d int) string { return outageRouter(d, 51, "2", "1", "", "10.77.0.100/24") }},
}

func groupTargets() (list []netip.Addr) {
	for i := range groupSize {
		list = append(list, netip.AddrFrom4([4]byte{10, 77, 0, byte(100 + i)}))
	}
	return list
}

// unicast has a director speak to the other one only.
func unicast(d int) string {
	return fmt.Sprintf("  unicast_src_ip %s\n  unicast_peer {\n    %s\n  }\n", directorAddress(d, 0).Addr(), directorAddress(1-d, 0).Addr())
}

// outageRouter is one of director d, whose priority is 200 or 100.
func outageRouter(d, vrid int, version, interval, more string, addresses ...string) string {
	return fmt.Sprintf("vrrp_instance V%d {\n  state BACKUP\n  interface eth0\n  virtual_router_id %d\n  version %s\n  priority %d\n  advert_int %s\n%s"+
		"  virtual_ipaddress {\n    %s\n  }\n}\n", vrid, vrid, version, 200-100*d, interval, more, strings.Join(addresses, "\n    "))
}

// measureOutage stops and starts director 1 while clients ask.
func measureOutage(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	wanted := strings.FieldsFunc(s.forms, func(r rune) bool { return r == ',' })
	for _, name := range wanted {
		if !slices.ContainsFunc(forms, func(f form) bool { return f.name == name }) {
			return nil, fmt.Errorf("no form %q", name)
		}
	}
	for _, f := range forms {
		if len(wanted) > 0 && !slices.Contains(wanted, f.name) {
			continue
		}
		list, err := f.measure(ctx, s, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		figures = append(figures, list...)
	}
	return figures, nil
}

// newClient adds a host, and web servers on the directors, which answer with their names.
func newClient(s *site) (*testlan.Host, error) {
	h, err := s.lab.Host("client")
	if err != nil {
		return nil, err
	}
	if _, err := h.Attach(s.segments[0], "eth0", netip.MustParsePrefix("10.77.0.200/24"),
		netip.MustParsePrefix("10.78.0.200/24"), netip.MustParsePrefix("fd00:77:0::200/64")); err != nil {
		return nil, err
	}
	for _, d := range s.directors {
		if _, err := labkit.StartServer(d.Host, d.Host.Name, ":80"); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (f form) measure(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	var client *testlan.Host
	site, err := newSite(p, 1, func(s *site) (err error) {
		client, err = newClient(s)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := site.close(); err == nil {
			err = e
		}
	}()
	globals := "global_defs {\n  router_id bench\n" + indent(s.globals) + "}\n"
	for d := range site.directors {
		if err := site.start(d, globals+f.config(d)); err != nil {
			return nil, err
		}
	}
	if _, err := site.said(ctx, 0, "Entering MASTER STATE", site.directors[0].Process.Started, f.instances); err != nil {
		return nil, err
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	probers, err := f.ask(client)
	if err != nil {
		return nil, err
	}
	stops, err := f.stopAndStart(ctx, site, s, probers)
	total := labkit.Report{}
	for _, prober := range probers {
		requests, stopErr := prober.Stop()
		err = errors.Join(err, stopErr)
		r := labkit.Summarize(requests, time.Time{}, time.Now())
		total.Requests += r.Requests
		total.Failed += r.Failed
		if total.FirstFail == "" {
			total.FirstFail = r.FirstFail
		}
		total.Slowest = max(total.Slowest, r.Slowest)
	}
	if err != nil {
		return nil, err
	}
	if total.FirstFail != "" {
		fmt.Printf("  %s, %s: first failure: %s\n", p.Name, f.name, total.FirstFail)
	}
	return []figure{
		number(fmt.Sprintf("%s: failed of %d requests, %d stops and returns", f.name, total.Requests, stops), total.Failed, 0),
		told(f.name+": slowest answer", float64(total.Slowest.Microseconds())/1000, "ms"),
	}, nil
}

// ask starts the clients, one for each address, so that all of them together ask as often as one would.
func (f form) ask(client *testlan.Host) (list []*labkit.Prober, err error) {
	start := labkit.StartProber
	if f.cold {
		start = labkit.StartStranger
	}
	for _, target := range f.targets {
		p, err := start(client, netip.AddrPortFrom(target, 80), asking*time.Duration(len(f.targets)), nil)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// stopAndStart does that until the clients have asked often enough.
func (f form) stopAndStart(ctx context.Context, site *site, s scale, probers []*labkit.Prober) (stops int, err error) {
	asked := func() (n int) {
		for _, p := range probers {
			n += len(p.Requests())
		}
		return n
	}
	for stops = 0; stops == 0 || asked() < s.requests; stops++ {
		at := time.Now()
		if err := site.directors[0].Stop(); err != nil {
			return stops, err
		}
		if _, err := site.said(ctx, 1, "Entering MASTER STATE", at, f.instances); err != nil {
			return stops, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return stops, err
		}
		if err := site.directors[0].Start(); err != nil {
			return stops, err
		}
		if _, err := site.said(ctx, 0, "Entering MASTER STATE", site.directors[0].Process.Started, f.instances); err != nil {
			return stops, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return stops, err
		}
	}
	return stops, nil
}
