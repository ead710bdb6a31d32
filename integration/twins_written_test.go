package integration

import (
	"fmt"
	"strings"

	"vigil/ipvs"
)

// written makes a virtual server of a name, its own lines, and servers, each "ADDRESS PORT [WEIGHT]: own lines; switch switch".
func written(name, lines string, servers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "virtual_server %s {\n%s%s", name, usualTimes, lines)
	for _, s := range servers {
		address, rest, _ := strings.Cut(s, ": ")
		own, names, _ := strings.Cut(rest, ";")
		words := strings.Fields(address)
		fmt.Fprintf(&b, "real_server %s {\n%s\n", strings.Join(words[:2], " "), strings.TrimSpace(own))
		if len(words) > 2 {
			fmt.Fprintf(&b, "weight %s\n", words[2])
		}
		for _, name := range strings.Fields(names) {
			b.WriteString(checkOf(name))
		}
		b.WriteString("}\n")
	}
	return b.String() + "}\n"
}

// root is what every file begins with.
func root(globals string) string { return "global_defs {\nscript_user root\n" + globals + "}\n" }

// writtenConfigurations are configurations of which one thing is to be seen that drawn ones show rarely or never.
func writtenConfigurations() []tried {
	const usual = "lb_algo rr\nlb_kind NAT\nprotocol TCP\n"
	three := []string{"192.168.0.1 80: ; tcp1", "192.168.0.2 80: ; tcp2", "192.168.0.3 80: ; tcp3"}
	granular := func(t ipvs.Table) {
		for k, s := range t {
			if s.Attrs.Netmask == 0xffffffff { // as if it were not written
				s.Attrs.Netmask = 0xffff0000
			}
			t[k] = s
		}
	}
	of := func(n string, more ...string) []string { return append([]string{n}, more...) }
	return []tried{
		{name: "hysteresis shows in the sorry server", texts: []string{
			root("") + written("10.0.0.1 80", usual+"quorum 2\nhysteresis 1\nsorry_server 192.168.0.9 80\n", three...),
			root("") + written("10.0.0.1 80", usual+"quorum 2\nhysteresis 1\nsorry_server 192.168.0.8 80\n", three...)},
			steps: of("tcp1 down", "tcp2 down", "reload", "tcp3 down", "tcp1 up", "tcp3 up", "tcp2 up")},
		{name: "weights that programs say", texts: []string{
			root("") + written("10.0.0.1 80", usual+"sorry_server 192.168.0.9 80\n", "192.168.0.1 80 3: ; code1", "192.168.0.2 80: ; code2 tcp1"),
			root("") + written("10.0.0.1 80", usual+"sorry_server 192.168.0.9 80\n", "192.168.0.1 80 3: ; code1", "192.168.0.2 80: ; code2 tcp1", "192.168.0.3 80: ; tcp2")},
			steps: of("code1 12", "code2 22", "reload", "code1 2", "code2 1", "code1 255, tcp1 down", "tcp2 down", "code2 7, tcp1 up")},
		{name: "granularity of a group", quirk: granular, unsaid: strings.NewReplacer(" -M 255.255.0.0", ""), texts: []string{
			root("") + "virtual_server_group G {\n10.0.0.1-2 80\n}\n" + written("group G", usual+"persistence_timeout 50\npersistence_granularity 255.255.0.0\n", three...)},
			steps: of("tcp1 down")},
		{name: "lvs_flush, at the start and at the end", texts: []string{root("lvs_flush\nlvs_flush_on_stop\n") + written("10.0.0.1 80", usual, three...),
			root("lvs_flush\nlvs_flush_on_stop\n") + written("10.0.0.2 80", usual, three...)}, steps: of("tcp1 down", "tcp2 down", "reload", "tcp2 up")},
		{name: "persistence by a SIP call", texts: []string{
			root("") + written("10.0.0.1 5060", "lb_algo rr\nlb_kind NAT\nprotocol UDP\npersistence_timeout 50\npersistence_engine sip\n", three...),
			root("") + written("10.0.0.1 5060", "lb_algo rr\nlb_kind NAT\nprotocol UDP\npersistence_timeout 50\n", three...)}, steps: of("tcp1 down", "tcp1 up", "reload")},
		{name: "automatic marks", texts: []string{
			root("nftables_ipvs\n") + "virtual_server_group G {\n10.0.0.1-9 80\n10.0.0.20 81\n}\n" + written("group G", usual, three...),
			root("nftables_ipvs\n") + "virtual_server_group G {\n10.0.0.1-9 80\n10.0.0.20 81\n}\n" + written("group G", "lb_algo wlc\nlb_kind NAT\nprotocol TCP\n", three...)},
			steps: of("tcp1 down", "tcp1 up", "reload", "tcp2 down")},
		{name: "one group, TCP and UDP", texts: []string{
			root("") + "virtual_server_group G {\n10.0.0.1-2 53\n}\n" + written("group G", usual, three...) + written("group G", "lb_algo wlc\nlb_kind NAT\nprotocol UDP\n", "192.168.0.1 53: ; dns1", "192.168.0.2 53: ; dns2"),
			root("") + "virtual_server_group G {\n10.0.0.1-2 53\n}\n" + written("group G", usual, three[1:]...) + written("group G", "lb_algo lc\nlb_kind NAT\nprotocol UDP\n", "192.168.0.1 53: ; dns1", "192.168.0.2 53: ; dns2")},
			steps: of("tcp1 down", "dns1 down", "reload", "dns1 up", "tcp2 down")},
		{name: "the sorry server is one of the servers", texts: []string{
			root("") + written("10.0.0.1 80", usual+"quorum 2\nsorry_server 192.168.0.3 80\n", three...)}, steps: of("tcp1 down", "tcp2 down", "tcp3 down", "tcp1 up", "tcp3 up")},
		{name: "timeouts of connections", texts: []string{
			root("lvs_timeouts tcp 100 tcpfin 20 udp 200\n") + written("10.0.0.1 80", usual, three...),
			root("lvs_timeouts tcp 150 udp 250\n") + written("10.0.0.1 80", usual, three...)}, steps: of("tcp1 down", "reload", "tcp1 up")},
		{name: "weight 0 and no quorum to lose", texts: []string{
			root("") + written("10.0.0.1 80", usual, "192.168.0.1 80 0: ; tcp1", "192.168.0.2 80 0: ; tcp2"),
			root("") + written("10.0.0.1 80", usual, "192.168.0.1 80 2: ; tcp1", "192.168.0.2 80 0: ; tcp2")}, steps: of("tcp1 down", "tcp1 up", "reload", "tcp1 down")},
		{name: "a mark through tunnels to both families", texts: []string{
			root("") + written("fwmark 5", "lb_algo rr\nlb_kind TUN\n", "192.168.0.1 80: ; tcp1", "2001:db8:f00::2 80: ; tcp2", "2001:db8:f00::3 80: lvs_method TUN type gue port 6080 remcsum; http1"),
			root("") + written("fwmark 5", "lb_algo rr\nlb_kind TUN\n", "192.168.0.1 80: ; tcp1", "2001:db8:f00::2 80: ; tcp2", "2001:db8:f00::3 80: lvs_method TUN type gue port 6081; http1")},
			steps: of("tcp1 down", "tcp2 down", "reload", "http1 down", "tcp2 up")},
		{name: "thresholds", texts: []string{
			root("") + written("10.0.0.1 80", usual, "192.168.0.1 80: uthreshold 98\nlthreshold 20; tcp1", "192.168.0.2 80: uthreshold 7; tcp2"),
			root("") + written("10.0.0.1 80", usual, "192.168.0.1 80: uthreshold 98\nlthreshold 20; tcp1", "192.168.0.2 80: uthreshold 7; tcp2", "192.168.0.3 80: uthreshold 5; tcp3")},
			steps: of("tcp1 down", "tcp2 down", "reload", "tcp1 up", "tcp3 down")},
		{name: "flags before their scheduler, hashed, and what a bare service has", texts: []string{
			root("") + written("10.0.0.1 80", "sh-port\nlb_algo sh\nhashed\nprotocol TCP\nlb_kind NAT\n", three...) + written("10.0.0.2 53", "", three...) +
				written("10.0.0.3 0", usual, three...) + written("10.0.0.4 80", usual+"persistence_granularity 255.255.255.0\n", three...)},
			steps: of("tcp1 down", "tcp2 down", "tcp1 up")},
		{name: "ports that a method leaves alone are checked as they are written", texts: []string{
			root("") + written("10.0.0.1 80", "lb_algo rr\nlb_kind DR\nprotocol TCP\n", "127.0.0.1 7001: TCP_CHECK {\n}\n;", "127.0.0.2 7001: TCP_CHECK {\nconnect_ip 127.0.0.1\n}\n;", "192.168.0.2 80: ; tcp1 tcp2")},
			steps: of("tcp1 down", "tcp1 up", "tcp2 down")},
		{name: "a failing check is taken out of the configuration", texts: []string{
			root("") + written("10.0.0.1 80", usual, "192.168.0.1 80: ; tcp1 http1", three[1]), root("") + written("10.0.0.1 80", usual, "192.168.0.1 80: ; tcp1", three[1])},
			steps: of("http1 down", "tcp2 down", "reload", "tcp1 down")},
		{name: "a protocol and an address change", texts: []string{
			root("") + written("10.0.0.1 53", usual, three...), root("") + written("10.0.0.1 53", "lb_algo rr\nlb_kind NAT\nprotocol UDP\n", three...),
			root("") + written("10.0.0.2 53", "lb_algo rr\nlb_kind NAT\nprotocol UDP\n", three...)}, steps: of("tcp1 down", "tcp2 down", "reload", "tcp2 up", "tcp3 down", "reload")},
	}
}
