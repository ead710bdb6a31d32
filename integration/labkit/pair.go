package labkit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"vigil/internal/testlan"
)

// Pair is two directors, a client and the real servers of a mode, wired up and not yet configured.
//
//	DR:   everyone on 192.0.2.0/24; the servers hold the VIP on lo
//	NAT:  servers on 10.10.0.0/24 behind the directors, which are their gateway
//	TUN:  servers on 198.51.100.0/24 behind a router
//	Local: no servers; each director answers on port 80 with its own name
type Pair struct {
	Lab       *testlan.Lab
	Mode      Mode
	Client    *testlan.Host
	Directors [2]*Director
	Servers   []*Server
	Capture   *testlan.Capture

	lan     *testlan.Segment
	control *Prober
	changes *Reconfigurer
	waits   *waits
}

// Server is a real server and its web server's present process.
type Server struct {
	Name    string
	Host    *testlan.Host
	Process *testlan.Process
	ports   []string
}

// Start starts the web server; Kill of its Process is its death.
func (s *Server) Start() (err error) {
	s.Process, err = StartServer(s.Host, s.Name, s.ports...)
	return err
}

// Addresses the client has, to ask from as several clients.
var clientAddresses = []string{"192.0.2.200/24", "192.0.2.201/24", "192.0.2.202/24", "192.0.2.203/24", "192.0.2.204/24",
	"192.0.2.205/24", "192.0.2.206/24", "192.0.2.207/24"}

// ClientSources are the addresses of the client.
func ClientSources() []netip.Addr {
	var out []netip.Addr
	for _, a := range clientAddresses {
		out = append(out, netip.MustParsePrefix(a).Addr())
	}
	return out
}

// NewPair wires up a pair. Close it, also after an error.
func NewPair(mode Mode, programs [2]Program) (*Pair, error) {
	lab, err := testlan.New()
	if err != nil {
		return nil, err
	}
	p := &Pair{Lab: lab, Mode: mode}
	if err := p.build(programs); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Pair) build(programs [2]Program) (err error) {
	if p.lan, err = p.Lab.Segment("lan"); err != nil {
		return err
	}
	if p.Client, _, err = p.host("client", p.lan, clientAddresses...); err != nil {
		return err
	}
	for i, program := range programs {
		h, cable, err := p.host(fmt.Sprintf("d%d", i+1), p.lan, fmt.Sprintf("192.0.2.%d/24", i+2))
		if err != nil {
			return err
		}
		if p.Directors[i], err = NewDirector(p.Lab, h, program); err != nil {
			return err
		}
		p.Directors[i].Cable = cable
	}
	switch p.Mode {
	case Local:
		err = p.buildLocal()
	case DR:
		err = p.buildDR()
	case NAT:
		err = p.buildNAT()
	case TUN:
		err = p.buildTUN()
	default:
		err = fmt.Errorf("no mode %q", p.Mode)
	}
	if err != nil {
		return err
	}
	if err := p.buildControl(); err != nil {
		return err
	}
	p.Capture, err = p.Lab.Capture()
	return err
}

// host makes a host on a segment. Without the sysctl a director would tell clients to go to the real servers directly.
func (p *Pair) host(name string, s *testlan.Segment, addresses ...string) (*testlan.Host, *testlan.Cable, error) {
	h, err := p.Lab.Host(name)
	if err != nil {
		return nil, nil, err
	}
	var prefixes []netip.Prefix
	for _, a := range addresses {
		prefixes = append(prefixes, netip.MustParsePrefix(a))
	}
	cable, err := h.Attach(s, "eth0", prefixes...)
	if err != nil {
		return nil, nil, err
	}
	return h, cable, errors.Join(h.Sysctl("net/ipv4/conf/all/send_redirects", "0"), h.Sysctl("net/ipv4/conf/eth0/send_redirects", "0"))
}

// server makes a real server on a segment and starts its web server.
func (p *Pair) server(j int, s *testlan.Segment, ports ...string) (*testlan.Host, error) {
	h, _, err := p.host(serverNames[j], s, serverAddress(p.Mode, j).String()+"/24")
	if err != nil {
		return nil, err
	}
	server := &Server{Name: serverNames[j], Host: h, ports: ports}
	p.Servers = append(p.Servers, server)
	return h, server.Start()
}

func (p *Pair) buildLocal() error {
	for _, d := range p.Directors {
		if _, err := StartServer(d.Host, d.Host.Name, ":80"); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pair) buildDR() error {
	for j := range serverNames {
		h, err := p.server(j, p.lan, ":80", ":443", ":7885")
		if err != nil {
			return err
		}
		// What `vigil real-server apply` does.
		if err := errors.Join(h.Sysctl("net/ipv4/conf/all/arp_ignore", "1"), h.Sysctl("net/ipv4/conf/all/arp_announce", "2"),
			h.AddAddress("lo", netip.PrefixFrom(VIP, 32))); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pair) buildNAT() error {
	inside, err := p.Lab.Segment("inside")
	if err != nil {
		return err
	}
	for i, d := range p.Directors {
		if _, err := d.Host.Attach(inside, "eth1", netip.MustParsePrefix(fmt.Sprintf("10.10.0.%d/24", i+2))); err != nil {
			return err
		}
		if err := d.Host.Sysctl("net/ipv4/ip_forward", "1"); err != nil {
			return err
		}
	}
	for j := range serverNames {
		h, err := p.server(j, inside, ":8080")
		if err != nil {
			return err
		}
		if err := h.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), Gateway); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pair) buildTUN() error {
	far, err := p.Lab.Segment("far")
	if err != nil {
		return err
	}
	router, _, err := p.host("router", p.lan, "192.0.2.254/24")
	if err != nil {
		return err
	}
	if _, err := router.Attach(far, "eth1", netip.MustParsePrefix("198.51.100.254/24")); err != nil {
		return err
	}
	farNet := netip.MustParsePrefix("198.51.100.0/24")
	// Answers carry the VIP as their source and come in on the far side: only loose or no reverse path check lets them pass.
	if err := errors.Join(router.Sysctl("net/ipv4/ip_forward", "1"), noReversePathCheck(router, "eth0", "eth1")); err != nil {
		return err
	}
	for _, d := range p.Directors {
		if err := d.Host.AddRoute(farNet, netip.MustParseAddr("192.0.2.254")); err != nil {
			return err
		}
	}
	for j := range serverNames {
		h, err := p.server(j, far, ":80")
		if err != nil {
			return err
		}
		local := serverAddress(TUN, j).String()
		ctx := context.Background()
		for _, argv := range [][]string{
			{"ip", "link", "add", "ipip0", "type", "ipip", "local", local, "remote", "any"},
			{"ip", "link", "set", "ipip0", "up"},
		} {
			if _, err := h.Output(ctx, argv...); err != nil {
				return err
			}
		}
		if err := errors.Join(h.AddAddress("ipip0", netip.PrefixFrom(VIP, 32)), noReversePathCheck(h, "eth0", "ipip0"),
			h.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("198.51.100.254"))); err != nil {
			return err
		}
	}
	return nil
}

func noReversePathCheck(h *testlan.Host, interfaces ...string) error {
	var errs []error
	for _, name := range append([]string{"all"}, interfaces...) {
		errs = append(errs, h.Sysctl("net/ipv4/conf/"+name+"/rp_filter", "0"))
	}
	return errors.Join(errs...)
}

// Holders lists the directors that have the virtual address, d1 as 0.
func (p *Pair) Holders() ([]int, error) {
	var out []int
	for i, d := range p.Directors {
		addresses, err := d.Host.Addresses("eth0")
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(addresses, func(a netip.Prefix) bool { return a.Addr() == VIP }) {
			out = append(out, i)
		}
	}
	return out, nil
}

// WaitHolder waits until director i, and no other, has the virtual address.
func (p *Pair) WaitHolder(ctx context.Context, i int) error {
	return testlan.Until(ctx, fmt.Sprintf("d%d alone holds %s", i+1, VIP), func() error {
		holders, err := p.Holders()
		if err != nil {
			return err
		}
		if !slices.Equal(holders, []int{i}) {
			return fmt.Errorf("held by %d of [0 1]", holders)
		}
		return nil
	})
}

// WaitDestinations waits until director i has n destinations in its kernel's table.
func (p *Pair) WaitDestinations(ctx context.Context, i, n int) error {
	return p.waitDestinations(ctx, i, n, func(have int) bool { return have == n })
}

// WaitFewerDestinations waits until director i has n destinations in its kernel's table, or fewer.
func (p *Pair) WaitFewerDestinations(ctx context.Context, i, n int) error {
	return p.waitDestinations(ctx, i, n, func(have int) bool { return have <= n })
}

func (p *Pair) waitDestinations(ctx context.Context, i, n int, enough func(have int) bool) error {
	return testlan.Until(ctx, fmt.Sprintf("%d destinations on d%d", n, i+1), func() error {
		have, err := Destinations(p.Directors[i].Host)
		if err == nil && !enough(have) {
			err = fmt.Errorf("there are %d", have)
		}
		return err
	})
}

// waitChecked waits until both directors have checked each server.
func (p *Pair) waitChecked(ctx context.Context, omit []string) error {
	port, subnet := uint16(80), "192.0.2"
	if p.Mode == NAT {
		port, subnet = 8080, "10.10.0"
	}
	for i, d := range p.Directors {
		by := netip.MustParseAddr(fmt.Sprintf("%s.%d", subnet, i+2))
		for _, server := range p.Servers {
			if slices.Contains(omit, server.Name) {
				continue
			}
			if err := server.WaitChecked(ctx, by, port, d.Process.Started); err != nil {
				return errors.Join(err, d.Running())
			}
		}
	}
	return nil
}

// Up configures and starts both directors and waits until the servers have been checked, the first director is master, both
// tables are complete, and a client is answered.
func (p *Pair) Up(ctx context.Context, s Settings) error {
	for i, d := range p.Directors {
		if err := d.Configure(s.Render(i)); err != nil {
			return err
		}
		if err := d.Start(); err != nil {
			return err
		}
	}
	if err := p.waitChecked(ctx, s.Omit); err != nil {
		return err
	}
	destinations := len(p.Servers) - len(s.Omit)
	if err := p.WaitHolder(ctx, 0); err != nil {
		return errors.Join(err, p.Directors[0].Running(), p.Directors[1].Running())
	}
	if p.Mode != Local {
		for i := range p.Directors {
			if err := p.WaitDestinations(ctx, i, destinations); err != nil {
				return errors.Join(err, p.Directors[i].Running())
			}
		}
	}
	return testlan.Until(ctx, "a client is answered", func() error {
		got, err := Ask(ctx, p.Client, netip.Addr{}, HTTP, 1)
		if err == nil && got[0].Server == "" {
			err = errors.New(got[0].Err)
		}
		return err
	})
}

// Close stops everything and removes it.
func (p *Pair) Close() (err error) {
	if p.changes != nil {
		err = p.changes.End()
		p.changes = nil
	}
	if p.waits != nil {
		err = errors.Join(err, p.waits.end())
		p.waits = nil
	}
	return errors.Join(err, p.Lab.Close())
}
