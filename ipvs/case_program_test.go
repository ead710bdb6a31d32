package ipvs_test

import (
	"testing"
	"testing/synctest"

	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// programmed are the cases of what is in the kernel when everything is up, with the problem that is reported, if any.
func programmed(t *testing.T, text, code, want string) {
	t.Helper()
	playCase(t, text, nil, func(c *caseRun) {
		if c.table(want); code != "" {
			c.wrong(code)
		}
	})
}

func TestCheckCase01(t *testing.T) {
	playCase(t, vs("", 1, 2), nil, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1\n-> 192.168.0.2:80 masq 1")
		c.told("!gained 1+0=1<=2")
	})
}

func TestCheckCase02(t *testing.T) { // alpha without a check: nothing to wait for
	playCase(t, vs("alpha", 1, 2), nil, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1\n-> 192.168.0.2:80 masq 1")
		c.told("!gained 1+0=1<=2")
	})
}

func TestCheckCase03(t *testing.T) {
	playCase(t, vs("alpha", 1), []int{1}, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc")
		c.told("")
		c.want(c.fail(1))
		c.told("!down .1")
		c.want(c.fail(1))
		c.told("")
	})
}

func TestCheckCase04(t *testing.T) {
	playCase(t, vs("alpha\ninhibit_on_failure", 1), []int{1}, func(c *caseRun) {
		c.fail(1)
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 0")
		c.told("!down .1")
	})
}

func TestCheckCase05(t *testing.T) { // the pool is never empty: the sorry server leaves after the real one has come
	playCase(t, vs("alpha\nsorry_server 192.168.0.9 80", 1), []int{1}, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.9:80 masq 1")
		c.told("!lost 1-0=1>0")
		c.want(c.recover(1), "add tcp 10.0.0.1:80 -> 192.168.0.1:80 weight 1", "delete tcp 10.0.0.1:80 -> 192.168.0.9:80")
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1")
		c.told("up .1, gained 1+0=1<=1")
	})
}

func TestCheckCase06(t *testing.T) {
	programmed(t, "virtual_server 10.0.0.1 80 {\nlb_algo wlc\nlb_kind NAT\nreal_server 192.168.0.1 80 {\n}\n}\n", "KA3036",
		"udp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1")
}

func TestCheckCase07(t *testing.T) {
	playCase(t, "virtual_server 10.0.0.1 80 {\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}\n}\n", nil, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1")
		c.wrong("KA3037")
		c.wrong("KA3038")
	})
}

func TestCheckCase08(t *testing.T) { // HASHED (2) is the kernel's own
	programmed(t, "virtual_server 10.0.0.1 80 {\nlb_algo sh\nsh-port\nsh-fallback\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}\n}\n",
		"", "tcp 10.0.0.1:80 sh flags 18\n-> 192.168.0.1:80 masq 1")
	programmed(t, "virtual_server 10.0.0.1 80 {\nsh-port\nsh-fallback\nlb_algo sh\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}\n}\n",
		"KA3030", "tcp 10.0.0.1:80 sh\n-> 192.168.0.1:80 masq 1")
}

func TestCheckCase09(t *testing.T) {
	programmed(t, "virtual_server 10.0.0.1 0 {\nlb_algo wlc\nprotocol TCP\nreal_server 192.168.0.1 {\n}\n}\n", "KA3042",
		"tcp 10.0.0.1:0 wlc flags 1 timeout 360\n-> 192.168.0.1:0 masq 1")
}

func TestCheckCase10(t *testing.T) {
	programmed(t, vs("persistence_granularity 255.255.255.0", 1), "",
		"tcp 10.0.0.1:80 wlc flags 1 timeout 360 mask ffffff00\n-> 192.168.0.1:80 masq 1")
}

func TestCheckCase11(t *testing.T) {
	programmed(t, "virtual_server 2001:db8::1 80 {\nlb_algo wlc\nprotocol TCP\npersistence_timeout 50\npersistence_granularity 64\n"+
		"real_server 2001:db8::2 80 {\n}\n}\n", "", "tcp [2001:db8::1]:80 wlc flags 1 timeout 50 mask 40\n-> [2001:db8::2]:80 masq 1")
}

func TestCheckCase12(t *testing.T) {
	programmed(t, vs("persistence_engine sip", 1), "", "tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1")
	programmed(t, vs("persistence_engine sip\npersistence_timeout 5", 1), "",
		"tcp 10.0.0.1:80 wlc flags 1 timeout 5 pe sip\n-> 192.168.0.1:80 masq 1")
}

func TestCheckCase13(t *testing.T) {
	text := "virtual_server 10.0.0.1 80 {\nlb_algo wlc\nlb_kind DR\nprotocol TCP\nreal_server 192.168.0.1 8080 {\nTCP_CHECK {\n}\n}\n}\n"
	playCase(t, text, nil, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 route 1")
		c.wrong("KA3043")
		if port := c.config.VirtualServers[0].RealServers[0].Checkers[0].Connect.Port; port != 8080 {
			t.Errorf("port %d is checked, want 8080", port)
		}
	})
}

func TestCheckCase14(t *testing.T) {
	mark := func(kind string) string {
		return "virtual_server fwmark 5 {\nlb_algo wlc\nlb_kind " + kind + "\nreal_server 192.168.0.1 8080 {\n}\n}\n"
	}
	programmed(t, mark("NAT"), "", "fwmark 5 IPv4 wlc\n-> 192.168.0.1:8080 masq 1")
	programmed(t, mark("DR"), "KA3043", "fwmark 5 IPv4 wlc\n-> 192.168.0.1:0 route 1")
}

func TestCheckCase15(t *testing.T) {
	const text = "virtual_server fwmark 5 {\nlb_algo wlc\nlb_kind TUN\nreal_server 192.168.0.1 {\n}\nreal_server 2001:db8::2 {\n}\n}\n"
	programmed(t, text, "", "fwmark 5 IPv4 wlc\n-> 192.168.0.1:0 tunnel 1\n-> [2001:db8::2]:0 tunnel 1")
	synctest.Test(t, func(t *testing.T) { // a synchronization daemon has no room for a second family
		k := ipvstest.New()
		k.Apply(t.Context(), []ipvs.Op{{Kind: ipvs.StartSync, Sync: &ipvs.SyncDaemon{Role: ipvs.SyncMaster, Interface: "eth0"}}})
		playOn(t, k, ipvs.Options{}, text, nil, func(c *caseRun) {
			c.table("fwmark 5 IPv4 wlc\n-> 192.168.0.1:0 tunnel 1")
			if failing := c.Status().Failing; len(failing) != 1 {
				t.Errorf("failing: %+v", failing)
			}
		})
	})
}

func TestCheckCase16(t *testing.T) {
	tun := func(options string) string {
		return "virtual_server 10.0.0.1 80 {\nlb_algo wlc\nlvs_method TUN " + options + "\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}\n}\n"
	}
	programmed(t, tun("type gue port 6080 csum"), "", "tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 tunnel 1 gue port 6080 csum 1")
	programmed(t, tun("type gue"), "KA2044", "tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 tunnel 1")
}

// inGroup is a virtual server of a group.
func inGroup(entries, statements string) string {
	return "virtual_server_group G {\n" + entries + "\n}\nvirtual_server group G {\nlb_algo wlc\n" + statements + "\n}\n"
}

func TestCheckCase17(t *testing.T) {
	playCase(t, inGroup("10.0.0.8/29 80", "lb_kind NAT\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}"), nil, func(c *caseRun) {
		table := c.kernel.Table()
		for _, a := range []string{"10.0.0.8:80", "10.0.0.9:80", "10.0.0.15:80"} {
			if _, ok := table[tcp(a)]; !ok || len(table) != 8 {
				t.Errorf("%d services, %s is there: %v", len(table), a, ok)
			}
		}
	})
	programmed(t, inGroup("10.0.0.1-3 80", "lb_kind NAT\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}"), "",
		`tcp 10.0.0.1:80 wlc
		-> 192.168.0.1:80 masq 1
		tcp 10.0.0.2:80 wlc
		-> 192.168.0.1:80 masq 1
		tcp 10.0.0.3:80 wlc
		-> 192.168.0.1:80 masq 1`)
}

func TestCheckCase18(t *testing.T) {
	group := func(kind string) string {
		return inGroup("10.0.0.1 80\nfwmark 7", "protocol TCP\nlb_kind "+kind+"\nreal_server 192.168.0.1 8080 {\n}")
	}
	programmed(t, group("NAT"), "", "fwmark 7 IPv4 wlc\n-> 192.168.0.1:8080 masq 1\ntcp 10.0.0.1:80 wlc\n-> 192.168.0.1:8080 masq 1")
	programmed(t, group("DR"), "KA3043", "fwmark 7 IPv4 wlc\n-> 192.168.0.1:0 route 1\ntcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 route 1")
}

func TestCheckCase19(t *testing.T) {
	both := func(tcpServers string) string {
		return "virtual_server_group G {\n10.0.0.1 80\n}\nvirtual_server group G {\nlb_algo wlc\nlb_kind NAT\nprotocol TCP\n" + tcpServers +
			"}\nvirtual_server group G {\nlb_algo wlc\nlb_kind NAT\nprotocol UDP\nreal_server 192.168.0.1 80 {\n}\nreal_server 192.168.0.2 80 {\n}\n}\n"
	}
	playCase(t, both("real_server 192.168.0.1 80 {\n}\nreal_server 192.168.0.2 80 {\n}\n"), nil, func(c *caseRun) {
		c.want(c.load(both("real_server 192.168.0.1 80 {\n}\n"), nil), "delete tcp 10.0.0.1:80 -> 192.168.0.2:80")
		c.table(`tcp 10.0.0.1:80 wlc
			-> 192.168.0.1:80 masq 1
			udp 10.0.0.1:80 wlc
			-> 192.168.0.1:80 masq 1
			-> 192.168.0.2:80 masq 1`)
	})
}

func TestCheckCase20(t *testing.T) { // the kernel would refuse the server: it serves, without the lower threshold
	programmed(t, "virtual_server 10.0.0.1 80 {\nlb_algo wlc\nprotocol TCP\nreal_server 192.168.0.1 80 {\nuthreshold 10\nlthreshold 20\n}\n}\n",
		"KA3045", "tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1 thresholds 10 0")
}

func TestCheckCase21(t *testing.T) {
	const text = "virtual_server 10.0.0.1 80 {\nlb_algo wlc\nprotocol TCP\nreal_server 192.168.0.1 80 {\nweight 0\n}\n}\n"
	playCase(t, text, nil, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 0")
		c.wrong("KA3046")
		if quorum := c.spec.VirtualServers[0].Pool.Quorum; quorum != 0 {
			t.Errorf("quorum %d, want 0", quorum)
		}
		c.told("!gained 0+0=0<=0")
	})
}
