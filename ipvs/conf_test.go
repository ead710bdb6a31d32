package ipvs_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/ipvs"
)

// configOf is the Config of a text, and the codes of what is wrong with it.
func configOf(t testing.TB, text string) (*confparse.Config, []string) {
	t.Helper()
	fsys := fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
	cfg, problems := confparse.Load(fsys, "k.conf", confparse.Env{Hostname: "lb1"})
	var codes []string
	for _, p := range problems {
		codes = append(codes, p.Code.String())
	}
	return cfg, codes
}

func specFrom(t testing.TB, text string) ipvs.Spec {
	t.Helper()
	cfg, _ := configOf(t, text)
	return ipvs.FromConfig(cfg)
}

var methods = map[confparse.Forwarding]string{confparse.NAT: "masq", confparse.DR: "route", confparse.TUN: "tunnel"}

// written is a table with a line for each service and destination, without what has its default:
//
//	tcp 10.0.0.1:80 wlc flags 1 timeout 360 mask ffffff00
//	-> 192.168.0.1:80 masq 1
func written(t ipvs.Table) string {
	var b strings.Builder
	for _, k := range slices.SortedFunc(maps.Keys(t), func(a, b ipvs.ServiceKey) int { return strings.Compare(a.String(), b.String()) }) {
		s := t[k]
		fmt.Fprintf(&b, "%v %s", k, s.Attrs.Scheduler)
		if s.Attrs.Flags != 0 {
			fmt.Fprintf(&b, " flags %x", uint32(s.Attrs.Flags))
		}
		if s.Attrs.Timeout != 0 {
			fmt.Fprintf(&b, " timeout %d", s.Attrs.Timeout)
		}
		if m := s.Attrs.Netmask; m != attrs(k, "").Netmask {
			fmt.Fprintf(&b, " mask %x", m)
		}
		if s.Attrs.PE != "" {
			b.WriteString(" pe " + s.Attrs.PE)
		}
		b.WriteString("\n")
		for _, d := range slices.SortedFunc(maps.Keys(s.Dests), ipvs.DestKey.Compare) {
			a := s.Dests[d]
			fmt.Fprintf(&b, "-> %v %s %d", d, methods[a.Forwarding], a.Weight)
			if a.UpperThreshold != 0 || a.LowerThreshold != 0 {
				fmt.Fprintf(&b, " thresholds %d %d", a.UpperThreshold, a.LowerThreshold)
			}
			if a.Tunnel != (confparse.Tunnel{}) {
				fmt.Fprintf(&b, " %s port %d csum %d", [...]string{"ipip", "gue", "gre"}[a.Tunnel.Type], a.Tunnel.Port, a.Tunnel.Flags)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// lines puts each line of text at the margin.
func lines(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// configuredTables are virtual servers of every kind, and what they are in the kernel while all their servers are up.
var configuredTables = []struct{ name, text, want string }{
	{"fwmark, IPv6 by its servers", "virtual_server fwmark 9 {\nlb_algo rr\nlb_kind NAT\nreal_server 2001:db8::5 80 {\n}\n}",
		`fwmark 9 IPv6 rr
			-> [2001:db8::5]:80 masq 1`},
	{"fwmark through tunnels to both families", "virtual_server fwmark 9 {\nlb_algo rr\nlb_kind TUN\n" +
		"real_server 2001:db8::5 80 {\n}\nreal_server 192.168.0.5 80 {\n}\n}",
		`fwmark 9 IPv4 rr
			-> 192.168.0.5:0 tunnel 1
			-> [2001:db8::5]:0 tunnel 1`},
	{"IPv4 address through a tunnel to an IPv6 server", "virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol TCP\n" +
		"real_server 2001:db8::5 80 {\nlvs_method TUN\n}\n}",
		`tcp 10.0.0.1:80 rr
			-> [2001:db8::5]:80 tunnel 1`},
	{"tunnels with ports and checksums", "virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol TCP\nlb_kind TUN type gre csum\n" +
		"real_server 192.168.0.1 {\n}\nreal_server 192.168.0.2 {\nlvs_method TUN type gue port 6080 remcsum\n}\n" +
		"real_server 192.168.0.3 {\nlvs_method DR type gre\n}\nreal_server 192.168.0.4 {\nlvs_method TUN\n}\n}",
		`tcp 10.0.0.1:80 rr
			-> 192.168.0.1:80 tunnel 1 gre port 0 csum 1
			-> 192.168.0.2:80 tunnel 1 gue port 6080 csum 2
			-> 192.168.0.3:80 route 1
			-> 192.168.0.4:80 tunnel 1`},
	{"SCTP; one-packet scheduling", "virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol SCTP\nreal_server 192.168.0.1 80 {\n}\n}\n" +
		"virtual_server 10.0.0.1 53 {\nlb_algo rr\nprotocol UDP\nops\nreal_server 192.168.0.1 53 {\n}\n}",
		`sctp 10.0.0.1:80 rr
			-> 192.168.0.1:80 masq 1
			udp 10.0.0.1:53 rr flags 4
			-> 192.168.0.1:53 masq 1`},
	{"a group of everything: addresses, ranges over a boundary of 16 bits, prefixes, marks", `
			virtual_server_group G {
				10.0.0.1 80
				10.0.0.254-10.0.1.1 81
				2001:db8::fffe-2001:db8::1:1 82
				2001:db8:1::/127 83
				fwmark 5
				fwmark 6 inet6
			}
			virtual_server group G {
				lb_algo wlc
				lb_kind TUN
				protocol TCP
				persistence_timeout 50
				real_server 192.168.0.1 {
				}
			}`,
		`fwmark 5 IPv4 wlc flags 1 timeout 50
			-> 192.168.0.1:0 tunnel 1
			fwmark 6 IPv6 wlc flags 1 timeout 50
			-> 192.168.0.1:0 tunnel 1
			tcp 10.0.0.1:80 wlc flags 1 timeout 50
			-> 192.168.0.1:80 tunnel 1
			tcp 10.0.0.254:81 wlc flags 1 timeout 50
			-> 192.168.0.1:81 tunnel 1
			tcp 10.0.0.255:81 wlc flags 1 timeout 50
			-> 192.168.0.1:81 tunnel 1
			tcp 10.0.1.0:81 wlc flags 1 timeout 50
			-> 192.168.0.1:81 tunnel 1
			tcp 10.0.1.1:81 wlc flags 1 timeout 50
			-> 192.168.0.1:81 tunnel 1
			tcp [2001:db8:1::1]:83 wlc flags 1 timeout 50
			-> 192.168.0.1:83 tunnel 1
			tcp [2001:db8:1::]:83 wlc flags 1 timeout 50
			-> 192.168.0.1:83 tunnel 1
			tcp [2001:db8::1:0]:82 wlc flags 1 timeout 50
			-> 192.168.0.1:82 tunnel 1
			tcp [2001:db8::1:1]:82 wlc flags 1 timeout 50
			-> 192.168.0.1:82 tunnel 1
			tcp [2001:db8::fffe]:82 wlc flags 1 timeout 50
			-> 192.168.0.1:82 tunnel 1
			tcp [2001:db8::ffff]:82 wlc flags 1 timeout 50
			-> 192.168.0.1:82 tunnel 1`},
	{"the granularity of a group is applied to its services", "virtual_server_group G {\n10.0.0.1 80\nfwmark 5\n}\n" +
		"virtual_server group G {\nlb_algo rr\nprotocol TCP\npersistence_granularity 255.255.0.0\nreal_server 192.168.0.1 80 {\n}\n}",
		`fwmark 5 IPv4 rr flags 1 timeout 360 mask ffff0000
			-> 192.168.0.1:80 masq 1
			tcp 10.0.0.1:80 rr flags 1 timeout 360 mask ffff0000
			-> 192.168.0.1:80 masq 1`},
	{"entries that overlap are one service", "virtual_server_group G {\n10.0.0.1-2 80\n10.0.0.2-3 80\n}\n" +
		"virtual_server group G {\nlb_algo rr\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}\n}",
		`tcp 10.0.0.1:80 rr
			-> 192.168.0.1:80 masq 1
			tcp 10.0.0.2:80 rr
			-> 192.168.0.1:80 masq 1
			tcp 10.0.0.3:80 rr
			-> 192.168.0.1:80 masq 1`},
	{"a director of UDP services with persistence, weights and thresholds", `
			virtual_server 192.0.2.100 53 {
				lb_algo wrr
				lb_kind NAT
				protocol UDP
				persistence_timeout 33
				persistence_granularity 255.255.0.0
				delay_loop 30
				delay_before_retry 31
				retry 3
				real_server 192.0.2.21 53 {
					weight 13
					uthreshold 98
					MISC_CHECK {
						misc_path "/usr/local/bin/udp-check 192.0.2.21 53"
						misc_timeout 30
					}
				}
			}`,
		`udp 192.0.2.100:53 wrr flags 1 timeout 33 mask ffff0000
			-> 192.0.2.21:53 masq 13 thresholds 98 0`},
}

func TestConfiguredTables(t *testing.T) {
	for _, c := range configuredTables {
		t.Run(c.name, func(t *testing.T) {
			if got := written(ipvs.Desired(specFrom(t, c.text), ipvs.Health{})); got != lines(c.want) {
				t.Errorf("table:\n%s\nwant:\n%s", got, lines(c.want))
			}
		})
	}
}

// A group of 2^18 addresses is made as it is written, also across all boundaries.
func TestWideRange(t *testing.T) {
	s := specFrom(t, "virtual_server_group G {\n2001:db8::/110 80\n}\nvirtual_server group G {\nlb_algo rr\nprotocol TCP\n"+
		"real_server 2001:db8:1::1 80 {\n}\n}")
	services := s.VirtualServers[0].Services
	if len(services) != 1<<18 || services[0].Key != tcp("[2001:db8::]:80") || services[len(services)-1].Key != tcp("[2001:db8::3:ffff]:80") {
		t.Errorf("%d services, the last %v", len(services), services[len(services)-1].Key)
	}
}
