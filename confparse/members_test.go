package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func member(at string) Member {
	a := netip.MustParseAddrPort(at)
	return Member{Addr: a.Addr(), Port: a.Port()}
}

// membersOf is what the sources of a test have, by their text.
func membersOf(lists map[string][]Member) func(Source) []Member {
	return func(s Source) []Member { return lists[s.String()] }
}

// summary is each server of vs with its weight, method and where its first check asks.
func summary(vs *VirtualServer) string {
	var list []string
	for _, rs := range vs.RealServers {
		one := fmt.Sprintf("%s*%d", netip.AddrPortFrom(rs.ID.Addr, rs.ID.Port), rs.Weight)
		if rs.Forwarding != NAT {
			one += " " + methodWords[rs.Forwarding]
		}
		if len(rs.Checkers) > 0 {
			one += fmt.Sprintf(" asks %s", netip.AddrPortFrom(rs.Checkers[0].Connect.Addr, rs.Checkers[0].Connect.Port))
		}
		list = append(list, one)
	}
	return strings.Join(list, ", ")
}

func TestWithMembers(t *testing.T) {
	const nat = "protocol TCP\nlb_algo rr\nlb_kind NAT\n"
	weighted := member("192.0.2.4:8080")
	weighted.Weight, weighted.Weighted = 0, true
	lists := map[string][]Member{
		"/m":      {member("192.0.2.1:8080"), member("192.0.2.2:0"), weighted, member("[2001:db8::1]:8080")},
		"/n":      {member("192.0.2.1:8080"), member("192.0.2.9:8080")},
		"dns:web": {member("192.0.2.7:0")},
	}
	for _, tt := range []struct{ rule, of, body, want string }{
		{"the port is the virtual server's where a member has none", "203.0.113.1 80", nat + "real_servers_from /m {\nweight 3\n}\n",
			"192.0.2.1:8080*3, 192.0.2.2:80*3, 192.0.2.4:8080*0"},
		{"checks ask the member", "203.0.113.1 80", nat + "real_servers_from /m {\nTCP_CHECK {\n}\n}\n",
			"192.0.2.1:8080*1 asks 192.0.2.1:8080, 192.0.2.2:80*1 asks 192.0.2.2:80, 192.0.2.4:8080*0 asks 192.0.2.4:8080"},
		{"but for what is written", "203.0.113.1 80", nat + "real_servers_from /n {\nTCP_CHECK {\nconnect_ip 192.0.2.99\nconnect_port 99\n}\n}\n",
			"192.0.2.1:8080*1 asks 192.0.2.99:99, 192.0.2.9:8080*1 asks 192.0.2.99:99"},
		{"an echo request has no port", "203.0.113.1 80", nat + "real_servers_from dns:web {\nPING_CHECK {\n}\n}\n", "192.0.2.7:80*1 asks 192.0.2.7:0"},
		{"DR keeps the port of the packet, and the check asks the member's", "203.0.113.1 80",
			"protocol TCP\nlb_algo rr\nlb_kind DR\nreal_servers_from /n {\nTCP_CHECK {\n}\n}\n",
			"192.0.2.1:80*1 DR asks 192.0.2.1:8080, 192.0.2.9:80*1 DR asks 192.0.2.9:8080"},
		{"under a mark there is none", "fwmark 7", "lb_algo rr\nlb_kind DR\nreal_servers_from /n {\n}\n", "192.0.2.1:0*1 DR, 192.0.2.9:0*1 DR"},
		{"a server that is written comes before a member", "203.0.113.1 80", nat + "real_servers_from /n {\nweight 3\n}\nreal_server 192.0.2.1 8080 {\nweight 9\n}\n",
			"192.0.2.1:8080*9, 192.0.2.9:8080*3"},
		{"and a source before those that follow", "203.0.113.1 80", nat + "real_servers_from /n {\nweight 3\n}\nreal_servers_from /m {\n}\n",
			"192.0.2.1:8080*3, 192.0.2.9:8080*3, 192.0.2.2:80*1, 192.0.2.4:8080*0"},
		{"IPv6", "2001:db8::99 80", nat + "real_servers_from /m {\n}\n", "[2001:db8::1]:8080*1"},
		{"tunnels have both families, and an address to ask from is of one", "203.0.113.1 80",
			"protocol TCP\nlb_algo rr\nlb_kind NAT\nreal_servers_from /m {\nlvs_method TUN\nTCP_CHECK {\nbindto 192.0.2.77\n}\n}\n",
			"192.0.2.1:80*1 TUN asks 192.0.2.1:8080, 192.0.2.2:80*1 TUN asks 192.0.2.2:80, 192.0.2.4:80*0 TUN asks 192.0.2.4:8080, [2001:db8::1]:80*1 TUN asks [2001:db8::1]:8080"},
		{"a source without members", "203.0.113.1 80", nat + "real_servers_from dns:nobody {\n}\n", ""},
	} {
		cfg, ds := load(t, "virtual_server "+tt.of+" {\n"+tt.body+"}\n")
		if len(ds) > 0 || len(cfg.VirtualServers) != 1 {
			t.Errorf("%s: %v", tt.rule, ds)
			continue
		}
		before := dump(t, cfg)
		next := cfg.WithMembers(membersOf(lists))
		if got := summary(next.VirtualServers[0]); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.rule, got, tt.want)
		}
		if after := dump(t, cfg); after != before {
			t.Errorf("%s: the configuration has changed:\n%s", tt.rule, after)
		}
		for _, rs := range next.VirtualServers[0].RealServers {
			for _, ck := range rs.Checkers {
				if b := ck.Connect.BindAddr; b.IsValid() && FamilyOf(b) != FamilyOf(ck.Connect.Addr) {
					t.Errorf("%s: %s is asked from %s", tt.rule, ck.Connect.Addr, b)
				}
			}
		}
	}
}

// TestMembersAreSettledAsServersAre: members are what servers written with their addresses are, places aside.
func TestMembersAreSettledAsServersAre(t *testing.T) {
	const inside = "weight 7\nuthreshold 9\nlthreshold 3\ninhibit_on_failure\nvirtualhost v\nnotify_up /bin/true\nalpha\nretry 2\n" +
		"HTTP_GET {\nurl {\npath /\n}\n}\nTCP_CHECK {\nconnect_timeout 2\n}\nMISC_CHECK {\nmisc_path /bin/true\n}\n"
	for _, method := range []string{"NAT", "DR", "TUN", "FNAT"} {
		text := func(servers string) string {
			return safeScripts + "virtual_server 203.0.113.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind " + method + "\ndelay_loop 7\nquorum 2\n" + servers + "}\n"
		}
		from, _ := load(t, text("real_servers_from /m {\n"+inside+"}\n"))
		written, _ := load(t, text("real_server 192.0.2.1 80 {\n"+inside+"}\nreal_server 192.0.2.2 80 {\n"+inside+"}\n"))
		from = from.WithMembers(membersOf(map[string][]Member{"/m": {member("192.0.2.1:0"), member("192.0.2.2:80")}}))
		from.VirtualServers[0].Sources = nil
		if diff := configDiff(written, from); diff != "" {
			t.Errorf("%s (-written +member)\n%s", method, diff)
		}
	}
}

// TestServersThatMayBeNone: a virtual server with a source is there without servers, and its quorum is what is written.
func TestServersThatMayBeNone(t *testing.T) {
	cfg, ds := load(t, "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nquorum 3\nhysteresis 2\nsorry_server 192.0.2.9 80\n"+
		"real_servers_from dns:web {\ninhibit_on_failure\n}\n}\n")
	if len(ds) > 0 || len(cfg.VirtualServers) != 1 {
		t.Fatal(ds)
	}
	vs := cfg.VirtualServers[0]
	if vs.Quorum != 3 || vs.Hysteresis != 2 || vs.SorryServer == nil {
		t.Errorf("%+v", vs)
	}
	next := cfg.WithMembers(membersOf(map[string][]Member{"dns:web": {member("192.0.2.9:80")}})).VirtualServers[0]
	if !next.SorryServer.Inhibit || vs.SorryServer.Inhibit || next.Quorum != 3 {
		t.Error("a member that is the sorry server is not one server with it")
	}
}

// TestSourcesOfAGroup: only tunnelled members can be of the families of a group that has both.
func TestSourcesOfAGroup(t *testing.T) {
	for _, tt := range []struct{ entries, method, want, codes string }{
		{"198.51.100.1 80", "NAT", "{File: Name:web Port:0 IPv4:true IPv6:false}", ""},
		{"2001:db8::1 80", "DR", "{File: Name:web Port:0 IPv4:false IPv6:true}", ""},
		{"198.51.100.1 80\n2001:db8::1 80", "TUN", "{File: Name:web Port:0 IPv4:true IPv6:true}", ""},
		{"198.51.100.1 80\n2001:db8::1 80", "NAT", "", "KA3034 KA3049"},
	} {
		cfg, ds := load(t, "virtual_server_group G {\n"+tt.entries+"\n}\nvirtual_server group G {\nprotocol TCP\nlb_algo rr\nlb_kind "+tt.method+
			"\nreal_servers_from dns:web {\n}\n}\n")
		got := ""
		for _, s := range cfg.Sources() {
			type plain Source
			got += fmt.Sprintf("%+v", plain(s))
		}
		codes := strings.Fields(codeList(ds))
		slices.Sort(codes)
		if got != tt.want || strings.Join(codes, " ") != tt.codes {
			t.Errorf("%s, %s: %s, %v; want %s", tt.entries, tt.method, got, ds, tt.want)
		}
	}
}

// TestSourcedKeepsWhatMembersNeed: of other virtual servers that stand alone it has that they are unchanged.
func TestSourcedKeepsWhatMembersNeed(t *testing.T) {
	plain := oneService + "real_server 10.0.0.1 80 { }\n}\n"
	group := "virtual_server_group G {\n198.51.100.1 80\n}\nvirtual_server group G {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.1 80 { }\n}\n"
	cfg, _ := load(t, plain+group)
	if cfg.Sourced() != nil {
		t.Error("something is kept where there are no sources")
	}
	cfg, _ = load(t, plain+group+strings.NewReplacer("192.0.2.1", "192.0.2.2", "real_server 10.0.0.1 80", "real_servers_from /m").Replace(plain))
	kept := cfg.Sourced()
	var got []bool
	for i, vs := range kept.VirtualServers {
		if got = append(got, vs.Unchanged); vs.ID != cfg.VirtualServers[i].ID {
			t.Errorf("%s is %s", cfg.VirtualServers[i].ID, vs.ID)
		}
	}
	if !slices.Equal(got, []bool{true, false, false}) || kept.Inputs != nil || kept.Known != nil || cfg.VirtualServers[0].Unchanged {
		t.Errorf("unchanged: %v", got)
	}
	next := kept.WithMembers(membersOf(map[string][]Member{"/m": {member("192.0.2.7:0")}}))
	if s := summary(next.VirtualServers[2]); s != "192.0.2.7:80*1" {
		t.Error(s)
	}
}

// TestSourcesAreAlwaysRead: a load that knows the one before leaves other virtual servers out, also behind one with a source.
func TestSourcesAreAlwaysRead(t *testing.T) {
	const quiet = "  lb_algo rr\n  lb_kind NAT\n"
	sourced := knownServer("10.0.0.2", quiet+"  real_servers_from /m {\n  }\n")
	text := knownServer("10.0.0.1", quiet) + sourced + knownServer("10.0.0.3", quiet)
	env := Env{Hostname: "lb1"}
	first, _ := Load(mapFS(text), "k.conf", env)
	env.Known = first.Known
	second, _ := Load(mapFS(text), "k.conf", env)
	if n := unread(second); n != 2 || second.VirtualServers[1].Unchanged {
		t.Errorf("%d left out of 3, the one with a source: %v", n, second.VirtualServers[1].Unchanged)
	}
	followEdits(t, []string{text, text + knownServer("10.0.0.4", quiet), sourced + text, strings.Replace(text, "/m", "/n", 1)})
}

// TestReferencesOfMembers: what each member refers to is listed where it is written.
func TestReferencesOfMembers(t *testing.T) {
	cfg, _ := load(t, "track_file f {\nfile /run/f\n}\n"+oneService+"real_servers_from /m {\nnotify_up /bin/true\nTCP_CHECK {\nbind_if eth9\n}\nFILE_CHECK {\ntrack_file f\n}\n}\n}\n")
	var got []string
	for _, r := range cfg.References() {
		got = append(got, r.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"/bin/true", "eth9", "f"}) {
		t.Errorf("%q", got)
	}
}
