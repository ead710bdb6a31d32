package ipvs_test

import (
	"fmt"
	"testing"

	"vigil/ipvs"
)

// markedConf is nftables_ipvs with the given groups, each with a virtual server of each protocol that is named.
func markedConf(global string, groups ...string) string {
	text := "global_defs {\nnftables_ipvs\n" + global + "\n}\n"
	for _, g := range groups {
		text += "virtual_server_group " + g + " {\n10.0.0.1 80\n10.0.0.2-3 81\n2001:db8::1 80\n}\n"
	}
	for _, g := range groups {
		for _, p := range []string{"TCP", "UDP"} {
			text += "virtual_server group " + g + " {\nlb_algo rr\nlb_kind TUN\nprotocol " + p + "\nreal_server 192.168.0.1 {\n}\n}\n"
		}
	}
	return text
}

// marksOf are the marks of the virtual servers.
func marksOf(s ipvs.Spec) (out []string) {
	for _, vs := range s.VirtualServers {
		out = append(out, fmt.Sprintf("%v=%d", vs.ID, vs.Marked[0].Mark))
	}
	return out
}

func TestGroupsByMark(t *testing.T) {
	s := specFrom(t, markedConf("", "A"))
	if got := written(ipvs.Desired(s, ipvs.Health{})); got != lines(`fwmark 1000 IPv4 rr
		-> 192.168.0.1:0 tunnel 1
		fwmark 1000 IPv6 rr
		-> 192.168.0.1:0 tunnel 1
		fwmark 1001 IPv4 rr
		-> 192.168.0.1:0 tunnel 1
		fwmark 1001 IPv6 rr
		-> 192.168.0.1:0 tunnel 1`) {
		t.Errorf("table:\n%s", got)
	}
	got := ""
	for _, e := range s.VirtualServers[1].Marked {
		got += fmt.Sprintf("%v %v %d, ", e.AddrPort, e.Protocol, e.Mark)
	}
	if got != "10.0.0.1:80 udp 1001, 10.0.0.2:81 udp 1001, 10.0.0.3:81 udp 1001, [2001:db8::1]:80 udp 1001, " {
		t.Errorf("marked: %s", got)
	}
	if want := (ipvs.Firewall{Table: "keepalived_ipvs", Priority: -1, FirstMark: 1000}); s.Firewall != want {
		t.Errorf("%+v, want %+v", s.Firewall, want)
	}
	// A group with a mark of its own, or with all ports of an address, is what it is without nftables_ipvs.
	for _, entries := range []string{"10.0.0.1 80\nfwmark 5", "10.0.0.1 80\n10.0.0.2"} {
		text := inGroup(entries, "lb_kind NAT\nprotocol TCP\npersistence_timeout 9\nreal_server 192.168.0.1 80 {\n}")
		with := specFrom(t, "global_defs {\nnftables_ipvs\n}\n"+text)
		if diff := diffTables(ipvs.Desired(specFrom(t, text), ipvs.Health{}), ipvs.Desired(with, ipvs.Health{})); diff != "" {
			t.Errorf("%q (-without +with):\n%s", entries, diff)
		}
	}
}

// A virtual server keeps its mark through a reload, and with it its connections.
func TestMarksAreKept(t *testing.T) {
	for _, c := range []struct {
		name, next string
		want       string
	}{
		{"one more in front", markedConf("", "B", "A"), "[[B]:0=1002 [B]:1=1003 [A]:0=1000 [A]:1=1001]"},
		{"a mark that is in use", markedConf("", "A", "B") + "virtual_server fwmark 1002 {\nlb_algo rr\nreal_server 192.168.0.1 80 {\n}\n}\n", "[[A]:0=1000 [A]:1=1001 [B]:0=1003 [B]:1=1004]"},
		{"another first mark", markedConf("nftables_ipvs_start_fwmark 7", "A"), "[[A]:0=7 [A]:1=8]"},
		{"others", markedConf("", "B"), "[[B]:0=1000 [B]:1=1001]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, _ := configOf(t, c.next)
			s, ok := specFrom(t, markedConf("", "A")).Updated(cfg)
			if c.name == "a mark that is in use" {
				s.VirtualServers = s.VirtualServers[:4]
			}
			if got := fmt.Sprint(marksOf(s)); !ok || got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
