package simulate

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp"
	"vigil/vrrp/election"
	"vigil/vrrp/vrrptest"
)

// Host is one router.
type Host struct {
	Name   string
	Config *confparse.Config // without fatal errors
}

// Loader reads the configuration that a reload is about.
type Loader func(file string) (*confparse.Config, error)

// lastPart is how long the simulation goes on after the last step when the scenario does not say.
const lastPart = 30 * time.Second

// network is a simulation under way.
type network struct {
	*vrrptest.Sim
	file     string
	scenario Scenario
	hosts    []Host
	specs    []election.Spec
	load     Loader
	line     timeline
	err      error // the first
}

// Run plays the scenario from file and writes the timeline to w: every host starts at 0 s. An error is an *Error, about what
// the scenario says, or that of w.
func Run(w io.Writer, file string, sc Scenario, hosts []Host, load Loader) error {
	n := &network{Sim: vrrptest.NewSim(sc.Seed), file: file, scenario: sc, hosts: hosts, load: load}
	n.line = timeline{w: w, network: n, holders: make(map[netip.Addr]*holding)}
	if err := n.check(); err != nil {
		return err
	}
	n.Network = vrrptest.Network{InOrder: true, Delay: time.Millisecond}
	for i, h := range hosts {
		n.specs = append(n.specs, specOf(h.Config))
		node := n.AddNode(vrrptest.Node{Name: h.Name, LAN: n.lanOf(h.Name), Latency: time.Millisecond, Pace: time.Millisecond,
			Sources: func(s *election.InstanceSpec) netip.Addr { return n.source(i, s) }})
		n.know(node, &n.specs[i])
	}
	n.Trace, n.Observe = n.line.acted, n.line.look
	for i, node := range n.Nodes {
		n.At(0, func() { node.Start(n.specs[i]) })
	}
	end := lastPart
	for _, s := range sc.Steps {
		end = max(end, s.At+lastPart)
		n.At(s.At, func() {
			n.line.step(s)
			n.do(s)
		})
	}
	if sc.End > 0 {
		end = sc.End
	}
	n.Sim.Run(end)
	n.line.end()
	if n.err != nil {
		return n.err
	}
	return n.line.err
}

// specOf is what a configuration asks for. A router without an interface is taken to be on that of its first address, for
// nobody routes here.
func specOf(cfg *confparse.Config) election.Spec {
	spec := vrrp.FromConfig(cfg)
	for i := range spec.Instances {
		in := &spec.Instances[i]
		if list := in.All(); in.Link == "" && len(list) > 0 {
			in.Link = list[0].Link
		}
	}
	return spec
}

// check finds hosts that are not there and links that no router is about.
func (n *network) check() error {
	var names []string
	for _, h := range n.hosts {
		names = append(names, h.Name)
	}
	known := func(name string, line int) error {
		if name == "" || slices.Contains(names, name) {
			return nil
		}
		return &Error{File: n.file, Line: line, Col: 1, Message: fmt.Sprintf("there is no host %q", name),
			Remedy: "the hosts are called " + strings.Join(names, ", ") + ", in the order of their files"}
	}
	for _, s := range n.scenario.Steps {
		for _, name := range []string{s.Host, s.Peer} {
			if err := known(name, s.Line); err != nil {
				return err
			}
		}
	}
	for _, ports := range n.scenario.LANs {
		for _, p := range ports {
			if err := known(p.Host, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *network) lanOf(host string) func(string) string {
	return func(link string) string {
		for _, ports := range n.scenario.LANs {
			if slices.Contains(ports, Port{host, link}) {
				return ports[0].Link
			}
		}
		return link
	}
}

// source is the address that a host sends from: what its peers call it, or one that is made up, the later host's the higher.
func (n *network) source(host int, s *election.InstanceSpec) netip.Addr {
	for i := range n.specs {
		for j := range n.specs[i].Instances {
			o := &n.specs[i].Instances[j]
			if i == host || o.VRID != s.VRID || o.Family != s.Family {
				continue
			}
			for _, p := range o.Peers {
				if s.Unicast() && !slices.Contains(s.Peers, p) {
					return p
				}
			}
		}
	}
	if s.Family == confparse.IPv6 {
		a := netip.MustParseAddr("fe80::").As16()
		a[15] = byte(host + 1)
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{198, 18, 0, byte(host + 1)})
}

// know gives everything that is tracked the value that it has when all is well, unless it has one.
func (n *network) know(node *vrrptest.Node, spec *election.Spec) {
	for _, in := range spec.Instances {
		for _, t := range in.Trackers {
			value := track.Up
			if t.ID.Kind == track.File {
				value = 0
			}
			if !node.Tracks(t.ID) && t.ID.Kind != track.Interface {
				node.Track(t.ID, value)
			}
		}
	}
}

func (n *network) node(name string) (int, *vrrptest.Node) {
	i := slices.IndexFunc(n.hosts, func(h Host) bool { return h.Name == name })
	if i < 0 {
		return i, nil
	}
	return i, n.Nodes[i]
}

// do carries out a step.
func (n *network) do(s Step) {
	i, node := n.node(s.Host)
	_, peer := n.node(s.Peer)
	switch s.Kind {
	case Cut, Heal:
		if s.Link == "" {
			node.SetLink(s.Kind == Heal)
		} else {
			node.Cut(s.Link, s.Kind == Cut)
		}
	case Block, Unblock:
		n.Deafen(node, peer, s.Kind == Block)
	case Start:
		if !node.Running() {
			node.Start(n.specs[i])
		}
	case Stop:
		node.Stop()
	case Crash:
		node.Crash()
	case Halt:
		node.Reboot()
	case Stall:
		node.Stall(s.For, false)
	case Reload:
		n.reload(i, node, s)
	case Track:
		node.Track(s.ID, s.N)
	case Remove:
		node.Remove(s.Addr)
	case Refuse, Allow:
		n.refuse(node, s)
	case Loss:
		n.Network.Loss = float64(s.N) / 100
	}
}

func (n *network) reload(i int, node *vrrptest.Node, s Step) {
	cfg, err := n.load(s.File)
	if err != nil {
		n.err = &Error{File: n.file, Line: s.Line, Col: 1, Message: err.Error(), Remedy: "vigil lint tells more about a file"}
		return
	}
	n.specs[i] = specOf(cfg)
	n.know(node, &n.specs[i])
	node.Reload(n.specs[i])
}

func (n *network) refuse(node *vrrptest.Node, s Step) {
	before := node.Refuse
	node.Refuse = func(a election.Address) bool {
		if a.Prefix.Addr() == s.Addr {
			return s.Kind == Refuse
		}
		return before != nil && before(a)
	}
}
