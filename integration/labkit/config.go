package labkit

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Mode says what the directors of a pair do with a request.
type Mode string

// The modes. Local needs no IPVS: the directors run a web server themselves, and only the addresses move.
const (
	Local Mode = "local"
	DR    Mode = "DR"
	NAT   Mode = "NAT"
	TUN   Mode = "TUN"
)

// Where things are. The sample configurations in examples/ use the same addresses.
var (
	VIP     = netip.MustParseAddr("192.0.2.100")
	Gateway = netip.MustParseAddr("10.10.0.1") // the inside address of the NAT director that is master
	HTTP    = netip.AddrPortFrom(VIP, 80)
)

// Settings are the knobs of a pair's configuration that scenarios turn.
type Settings struct {
	Mode     Mode
	Version  int    // VRRP, 2 or 3
	Advert   string // advert_int, in seconds
	Pass     bool   // auth_type PASS
	Priority [2]int
	Omit     []string // real servers left out, by name
	Often    bool     // check the servers every second, not once a minute
	Globals  string   // more lines of global_defs
}

// Render writes the configuration of director i (0 is the master). It has one instance, and, except in Local mode, one
// virtual server. Its servers are first checked a second after the start, and then rarely: what a check finds while a
// director's own cable is cut, and the unanswered ARP requests it leaves, are not what most scenarios are about.
func (s Settings) Render(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id d%d\n  vrrp_version %d\n%s}\n", i+1, s.Version, s.Globals)
	state := []string{"MASTER", "BACKUP"}[i]
	fmt.Fprintf(&b, "vrrp_instance VI_1 {\n  state %s\n  interface eth0\n  virtual_router_id 51\n  priority %d\n  advert_int %s\n",
		state, s.Priority[i], s.Advert)
	if s.Pass {
		b.WriteString("  authentication {\n    auth_type PASS\n    auth_pass s3cr3t\n  }\n")
	}
	fmt.Fprintf(&b, "  virtual_ipaddress {\n    %s/24\n", VIP)
	if s.Mode == NAT {
		fmt.Fprintf(&b, "    %s/24 dev eth1\n", Gateway)
	}
	b.WriteString("  }\n}\n")
	if s.Mode == Local {
		return b.String()
	}
	port := 80
	if s.Mode == NAT {
		port = 8080
	}
	delayLoop := 60
	if s.Often {
		delayLoop = 1
	}
	fmt.Fprintf(&b, "virtual_server %s 80 {\n  delay_loop %d\n  lb_algo rr\n  lb_kind %s\n  protocol TCP\n", VIP, delayLoop, s.Mode)
	for j, name := range serverNames {
		if slices.Contains(s.Omit, name) {
			continue
		}
		fmt.Fprintf(&b, "  real_server %s %d {\n    weight 1\n    TCP_CHECK {\n      connect_timeout 2\n      retry 1\n      delay_before_retry 1\n      warmup 0\n    }\n  }\n",
			serverAddress(s.Mode, j), port)
	}
	b.WriteString("}\n")
	return b.String()
}

var serverNames = []string{"rs1", "rs2"}

// serverAddress is where real server j of a mode is.
func serverAddress(m Mode, j int) netip.Addr {
	subnet := map[Mode]string{DR: "192.0.2.11", NAT: "10.10.0.11", TUN: "198.51.100.11"}[m]
	a := netip.MustParseAddr(subnet)
	for range j {
		a = a.Next()
	}
	return a
}
