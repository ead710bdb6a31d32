package confparse

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAddressCapacity: how many addresses an advert has room for, by family, version and MTU, as keepalived counts them.
func TestAddressCapacity(t *testing.T) {
	for _, tt := range []struct {
		family  Family
		version uint8
		auth    AuthType
		mtu     int
		want    int
	}{
		{IPv4, 2, AuthNone, 1500, 255}, {IPv4, 3, AuthNone, 1500, 255}, {IPv6, 3, AuthNone, 1500, 89}, {IPv6, 3, AuthNone, 9000, 255},
		{IPv6, 3, AuthNone, 1280, 76}, {IPv4, 2, AuthNone, 576, 131}, {IPv4, 3, AuthNone, 576, 133}, {IPv4, 2, AuthAH, 576, 125},
		{IPv4, 3, AuthNone, 40, 0}, {IPv6, 3, AuthNone, 0, 0},
	} {
		form := AdvertForm{Family: tt.family, Version: tt.version, AH: tt.auth == AuthAH}
		if got := form.Capacity(tt.mtu); got != tt.want {
			t.Errorf("%v v%d on MTU %d: %d, want %d", tt.family, tt.version, tt.mtu, got, tt.want)
		}
	}
}

// TestAddressesThatDoNotFitAreExcludedInOrder: the peers must divide the list at the same place.
func TestAddressesThatDoNotFitAreExcludedInOrder(t *testing.T) {
	env := Env{System: System{MTU: func(name string) (int, bool) {
		return map[string]int{"small": 1280, "jumbo": 9000}[name], name != "gone"
	}}}
	for link, room := range map[string]int{"small": 76, "jumbo": 255, "gone": 89} {
		text := instance("V", link, 1, "virtual_ipaddress_excluded {\n2001:db8:1::1\n}", addresses("2001:db8::%x:%x", 300)...)
		cfg, ds := Load(memory(text), "test.conf", env)
		vi := cfg.Instances[0]
		if codeList(ds) != "KA3076" || len(vi.VirtualAddresses) != room || len(vi.ExcludedAddresses) != 301-room {
			t.Fatalf("%s: %d advertised, %d excluded, %s", link, len(vi.VirtualAddresses), len(vi.ExcludedAddresses), codeList(ds))
		}
		at := func(i int) string { return fmt.Sprintf("2001:db8::%x:%x/128", i/250, i%250) }
		if got := vi.ExcludedAddresses[0].Prefix.String(); got != strings.NewReplacer("::0:", "::", ":0/", ":0/").Replace(at(room)) {
			t.Errorf("%s: the first that does not fit is %s", link, got)
		}
		if last := vi.ExcludedAddresses[300-room].Prefix.String(); last != "2001:db8:1::1/128" {
			t.Errorf("%s: the last is %s", link, last)
		}
	}
}

// TestSettled: what is settled without a message, so that whoever acts on a Config need not correct it.
func TestSettled(t *testing.T) {
	const head = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"
	check := func(cfg *Config) *Checker { return cfg.VirtualServers[0].RealServers[0].Checkers[0] }
	for _, tt := range []struct {
		rule, text string
		got        func(*Config) any
		want       any
	}{
		{"an address owner does not wait", instance("V", "eth0", 1, "priority 255\npreempt_delay 5"),
			func(c *Config) any { return c.Instances[0].PreemptDelay }, time.Duration(0)},
		{"a mapped address is the address", "virtual_server ::ffff:192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server ::ffff:10.0.0.1 80 {\n}\n}\n",
			func(c *Config) any {
				return c.VirtualServers[0].ID.String() + c.VirtualServers[0].RealServers[0].ID.String()
			}, "[192.0.2.1]:tcp:80[10.0.0.1]:tcp:80"},
		{"the kernel counts to 2^31 connections", head + "real_server 10.0.0.1 80 {\nuthreshold 4294967295\nlthreshold 4294967294\n}\n}\n",
			func(c *Config) any {
				return [2]uint32{c.VirtualServers[0].RealServers[0].UpperThreshold, c.VirtualServers[0].RealServers[0].LowerThreshold}
			}, [2]uint32{1<<31 - 1, 1<<31 - 1}},
		{"no engine without persistence", head + "persistence_engine sip\nreal_server 10.0.0.1 80 {\n}\n}\n",
			func(c *Config) any { return c.VirtualServers[0].PersistenceEngine }, ""},
		{"no bind_port without bindto", head + "real_server 10.0.0.1 80 {\nTCP_CHECK {\nbind_port 5\n}\n}\n}\n",
			func(c *Config) any { return check(c).Connect.BindPort }, uint16(0)},
		{"announce_on goes before ha_suspend", head + "ha_suspend\nannounce_on dummy0\nreal_server 10.0.0.1 80 {\n}\n}\n",
			func(c *Config) any {
				return fmt.Sprintf("%s %v", c.VirtualServers[0].AnnounceOn, c.VirtualServers[0].HASuspend)
			}, "dummy0 false"},
		{"the check has the port of its server", head + "real_server 10.0.0.1 {\nTCP_CHECK {\n}\n}\n}\n",
			func(c *Config) any { return check(c).Connect.Port }, uint16(80)},
		{"a url without status codes", head + "real_server 10.0.0.1 80 {\nHTTP_GET {\nurl {\npath /\n}\n}\n}\n}\n",
			func(c *Config) any { return fmt.Sprint(check(c).HTTP.URLs[0].StatusCodes) }, "[{200 299}]"},
		{"a check's own log_all_failures", globals("checker_log_all_failures") + head +
			"real_server 10.0.0.1 80 {\nTCP_CHECK {\nlog_all_failures off\n}\n}\n}\n",
			func(c *Config) any { return check(c).LogAllFailures }, false},
		{"the global log_all_failures", globals("checker_log_all_failures") + head + "real_server 10.0.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n",
			func(c *Config) any { return check(c).LogAllFailures }, true},
		{"no tunnel without TUN", strings.Replace(head, "NAT", "NAT type gre", 1) + "real_server 10.0.0.1 80 {\n}\n}\n",
			func(c *Config) any {
				vs := c.VirtualServers[0]
				return [2]TunnelType{vs.Tunnel.Type, vs.RealServers[0].Tunnel.Type}
			}, [2]TunnelType{GRE, IPIP}},
		{"a firewall mark that says no family", "virtual_server_group G {\nfwmark 5\n}\nvirtual_server group G {\nlb_kind TUN\nreal_server 2001:db8::1 80 {\n}\n}\n",
			func(c *Config) any {
				return c.Groups[0].Entries[0].FamilyIn(c.VirtualServers[0].ID).String() + " " + GroupEntry{Fwmark: 5}.FamilyIn(VirtualServerID{}).String()
			}, "IPv6 IPv4"},
		{"granularity of a family that it is not written for", head + "persistence_timeout 50\nreal_server 10.0.0.1 80 {\n}\n}\n",
			func(c *Config) any {
				return [2]uint32{c.VirtualServers[0].GranularityFor(IPv4), c.VirtualServers[0].GranularityFor(IPv6)}
			}, [2]uint32{0xffffffff, 128}},
		{"the interface of an address", instance("V", "eth0", 1, "", "192.0.2.1", "192.0.2.2 dev eth1"),
			func(c *Config) any {
				in := c.Instances[0]
				return in.LinkOf(&in.VirtualAddresses[0]) + " " + in.LinkOf(&in.VirtualAddresses[1])
			}, "eth0 eth1"},
		{"the source of an IPVLAN", instance("V", "eth0", 1, "use_ipvlan 192.0.2.9"),
			func(c *Config) any { return c.Instances[0].AdvertSource().String() }, "192.0.2.9"},
		{"a source before that of the IPVLAN", instance("V", "eth0", 1, "use_ipvlan 192.0.2.9\nmcast_src_ip 192.0.2.8"),
			func(c *Config) any { return c.Instances[0].AdvertSource().String() }, "192.0.2.8"},
		{"the buffer of all instances and one's own", globals("vrrp_rx_bufs_policy MTU") + instance("V", "eth0", 1, "") + instance("W", "eth0", 2, "kernel_rx_buf_size 5000"),
			func(c *Config) any {
				p, n := c.Global.ReceiveBuffer(c.Instances[0])
				q, m := c.Global.ReceiveBuffer(c.Instances[1])
				return fmt.Sprint(p == RXBufferMTU, n, q == RXBufferBytes, m)
			}, "true 3 true 5000"},
		{"the last of several definitions", script("chk", "/bin/true") + script("a", "/bin/true") + script("chk", "/bin/false"),
			func(c *Config) any {
				var argv []string
				for _, s := range InForce(c.Scripts) {
					argv = append(argv, s.Name+" "+s.Script.Argv[0])
				}
				return strings.Join(argv, ", ")
			}, "a /bin/true, chk /bin/false"},
		{"the table of nftables", "", func(c *Config) any { return c.Global.FilterTable() }, "keepalived"},
		{"the table of nftables that is written", globals("nftables t"), func(c *Config) any { return c.Global.FilterTable() }, "t"},
	} {
		cfg, _ := load(t, tt.text)
		if got := tt.got(cfg); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
		}
	}
}

// script defines a vrrp_script.
func script(name, command string) string {
	return "vrrp_script " + name + " {\nscript \"" + command + "\"\n}\n"
}
