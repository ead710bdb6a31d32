package integration

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// byHand is a director without a daemon, a client and two real servers.
type byHand struct {
	judge
	lab              *testlan.Lab
	client, director *testlan.Host
	servers          []*testlan.Host
	lan, behind      *testlan.Segment // of the client and the director, of the servers
	path             string           // PATH, with our programs before Debian's
}

// newByHand wires the hosts up: director and servers at the addresses that the scripts of examples/by-hand are for.
func newByHand(t *testing.T, serverNet, serverAddress string) *byHand {
	testlan.RequireIPVS(t)
	daemon, err := vigilBinary()
	if err != nil {
		t.Fatal(err)
	}
	lab := testlan.ForTest(t)
	b := &byHand{judge: judge{t, true}, lab: lab, path: filepath.Dir(daemon) + ":" + os.Getenv("PATH")}
	b.lan, err = lab.Segment("lan")
	b.must(err)
	b.behind = b.lan
	if serverNet != "lan" {
		b.behind, err = lab.Segment(serverNet)
		b.must(err)
	}
	b.client = b.host("client", b.lan, "192.0.2.200/24")
	b.director = b.host("director", b.lan, "192.0.2.2/24")
	if serverNet == "inside" {
		_, err := b.director.Attach(b.behind, "eth1")
		b.must(err)
	}
	for j := range 2 {
		name := fmt.Sprintf("rs%d", j+1)
		b.servers = append(b.servers, b.host(name, b.behind, fmt.Sprintf(serverAddress, 11+j)))
		_, err := labkit.StartServer(b.servers[j], name, ":80", ":8080")
		b.must(err)
	}
	return b
}

func (b *byHand) host(name string, s *testlan.Segment, address string) *testlan.Host {
	b.Helper()
	h, err := b.lab.Host(name)
	b.must(err)
	_, err = h.Attach(s, "eth0", netip.MustParsePrefix(address))
	b.must(err)
	return h
}

// run runs a command with our programs in its PATH; a server has a /run of its own, where vigil keeps what it found.
func (b *byHand) run(h *testlan.Host, argv ...string) string {
	b.Helper()
	command := append([]string{"env", "PATH=" + b.path}, argv...)
	if h != b.director && h != b.client {
		state := filepath.Join(b.lab.Dir(), h.Name+".run")
		b.must(os.MkdirAll(state, 0o755))
		const private = `mount --bind "$1" /run && shift && exec "$@"`
		command = append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c", private, "sh", state}, command...)
	}
	out, err := h.Output(context.Background(), command...)
	if err != nil {
		b.Fatalf("%v on %s: %v\n%s", argv, h.Name, err, out)
	}
	return out
}

func (b *byHand) script(h *testlan.Host, name string, args ...string) {
	b.Helper()
	path, err := filepath.Abs(filepath.Join("../examples/by-hand", name))
	b.must(err)
	b.run(h, append([]string{"sh", path}, args...)...)
}

// answers makes requests to the virtual address and returns how many each server answered.
func (b *byHand) answers(n int) map[string]int {
	b.Helper()
	requests, err := labkit.Ask(wait(b), b.client, netip.Addr{}, labkit.HTTP, n)
	b.must(err)
	got := map[string]int{}
	for _, r := range requests {
		if r.Err != "" {
			b.Errorf("request failed: %s", r.Err)
		}
		got[r.Server]++
	}
	return got
}

func (b *byHand) wantAnswers(want map[string]int) {
	b.Helper()
	n := 0
	for _, share := range want {
		n += share
	}
	if diff := cmp.Diff(want, b.answers(n)); diff != "" {
		b.Errorf("answers (-want +got):\n%s%s", diff, b.run(b.director, "ipvsadm", "-L", "-n"))
	}
}

// prepare runs the scripts of director and servers, on the director and one server once more: they put right what is not as it
// should be, and nothing else.
func (b *byHand) prepare(method string) {
	b.Helper()
	for _, s := range append(b.servers, b.servers[0]) {
		b.script(s, "real-server-"+method+".sh")
	}
	for range 2 {
		b.script(b.director, "director-"+method+".sh")
	}
}

func TestByHandDR(t *testing.T) {
	t.Parallel()
	b := newByHand(t, "lan", "192.0.2.%d/24")
	b.prepare("dr")
	capture, err := b.lab.Capture()
	b.must(err)
	b.wantAnswers(map[string]int{"rs1": 20, "rs2": 10})
	claims := map[string]int{}
	for _, f := range capture.Frames() {
		if sender := arpSender(f); sender == labkit.VIP {
			claims[f.Host]++
		}
	}
	if claims["director"] == 0 || claims["rs1"] != 0 || claims["rs2"] != 0 {
		b.Errorf("ARP in the name of the virtual address: %v, want it of the director alone", claims)
	}
	server := b.servers[0]
	if said := b.run(server, "vigil", "real-server", "check", "192.0.2.100"); said != "" {
		b.Error(said)
	}
	b.script(server, "real-server-dr.sh", "undo")
	if addresses, err := server.Addresses("lo"); err != nil || strings.Contains(fmt.Sprint(addresses), "192.0.2.100") {
		b.Errorf("after undo: %v, %v", addresses, err)
	}
}

func TestByHandNAT(t *testing.T) {
	t.Parallel()
	b := newByHand(t, "inside", "10.10.0.%d/24")
	b.prepare("nat")
	b.wantAnswers(map[string]int{"rs1": 10, "rs2": 10})
	// What a server begins itself comes from the director: the client has no way to the servers' network.
	_, err := labkit.StartServer(b.client, "outside", ":80")
	b.must(err)
	requests, err := labkit.Ask(wait(b), b.servers[0], netip.Addr{}, netip.MustParseAddrPort("192.0.2.200:80"), 1)
	b.must(err)
	if len(requests) != 1 || requests[0].Server != "outside" {
		b.Errorf("a server's own request: %+v", requests)
	}
}

// newByHandFar has the servers behind a router.
func newByHandFar(t *testing.T) *byHand {
	b := newByHand(t, "far", "198.51.100.%d/24")
	anywhere, far := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("198.51.100.0/24")
	router := b.host("router", b.lan, "192.0.2.254/24")
	_, err := router.Attach(b.behind, "eth1", netip.MustParsePrefix("198.51.100.254/24"))
	b.must(err)
	for _, ifname := range []string{"eth0", "eth1"} {
		b.must(router.Sysctl("net/ipv4/conf/"+ifname+"/rp_filter", "0"))
	}
	b.must(router.Sysctl("net/ipv4/conf/all/rp_filter", "0"))
	b.must(router.Sysctl("net/ipv4/ip_forward", "1"))
	b.must(b.director.AddRoute(far, netip.MustParseAddr("192.0.2.254")))
	for _, s := range b.servers {
		b.must(s.AddRoute(anywhere, netip.MustParseAddr("198.51.100.254")))
		b.must(s.Sysctl("net/ipv4/conf/all/rp_filter", "1")) // as distributions set it
	}
	return b
}

func TestByHandTUN(t *testing.T) {
	t.Parallel()
	b := newByHandFar(t)
	b.prepare("tun")
	b.wantAnswers(map[string]int{"rs1": 10, "rs2": 10})
	server := b.servers[0]
	if said := b.run(server, "vigil", "real-server", "--tunnel", "check", "192.0.2.100"); said != "" {
		b.Error(said)
	}
	b.script(server, "real-server-tun.sh", "undo")
	if value, err := server.ReadSysctl("net/ipv4/conf/all/arp_ignore"); err != nil || value != "0" {
		b.Errorf("after undo: arp_ignore %s, %v", value, err)
	}
}

// TestTunnelsOfRealServers has servers that are sent to in each kind of tunnel, one in GUE to a port of its own, prepared, checked and
// left as they were.
func TestTunnelsOfRealServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		server, sending []string // options of vigil real-server, and of ipvsadm
	}{
		{"gre", []string{"--tunnel=gre"}, []string{"--tun-type", "gre"}},
		{"gue", []string{"--tunnel=gue"}, []string{"--tun-type", "gue", "--tun-port", "6080"}},
		{"gue with checksums", []string{"--tunnel=gue", "--gue-port=16080"}, []string{"--tun-type", "gue", "--tun-port", "16080", "--tun-csum"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newByHandFar(t)
			const vip = "192.0.2.100"
			tool := func(verb string) []string {
				return slices.Concat([]string{"vigil", "real-server"}, c.server, []string{verb, vip})
			}
			b.script(b.director, "director-tun.sh")
			for _, verb := range []string{"apply", "undo"} { // loads modules, which stay
				b.run(b.servers[0], tool(verb)...)
			}
			before := b.run(b.servers[0], "sh", "-c", "vigil real-server --tunnel=gue check "+vip+" || true")
			for n, s := range append(b.servers, b.servers[0]) { // one of them again
				b.run(s, tool("apply")...)
				edit := slices.Concat([]string{"ipvsadm", "-e", "-t", vip + ":80", "-r", fmt.Sprintf("198.51.100.%d", 11+n%2), "-i"}, c.sending)
				b.run(b.director, edit...)
			}
			b.wantAnswers(map[string]int{"rs1": 10, "rs2": 10})
			server := b.servers[0]
			if said := b.run(server, tool("check")...); said != "" {
				b.Error(said)
			}
			b.run(server, tool("undo")...)
			if after := b.run(server, "sh", "-c", "vigil real-server --tunnel=gue check "+vip+" || true"); after != before {
				b.Errorf("after undo: %s\nbefore apply: %s", after, before)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if out, _ := server.Output(ctx, "ip", "fou", "show"); strings.Contains(out, "port") {
				b.Errorf("after undo: %s", out)
			}
		})
	}
}

// arpSender is the address in whose name an ARP packet speaks (RFC 826), none if the frame is no ARP.
func arpSender(f testlan.Frame) netip.Addr {
	const sender, length = 14 + 14, 14 + 28
	if len(f.Data) < length || f.Data[12] != 0x08 || f.Data[13] != 0x06 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(f.Data[sender:]))
}
