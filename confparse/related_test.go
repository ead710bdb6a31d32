package confparse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse/diag"
)

// instanceText is a sound instance with further lines.
func instanceText(name, vrid, vip, more string) string {
	return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id " + vrid + "\nvirtual_ipaddress { " + vip + " }\n" + more + "}\n"
}

// TestRelatedPlaces: what contradicts something else names the other place.
func TestRelatedPlaces(t *testing.T) {
	const server = "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.1 80 { }\n}\n"
	for _, tt := range []struct {
		rule, text string
		code       Code
		at         int32 // the line of the diagnostic
		related    int32 // the line it refers to
	}{
		{"an instance of the same name", instanceText("A", "1", "192.0.2.1", "") + instanceText("A", "2", "192.0.2.2", ""),
			diag.CodeDuplicateName, 6, 1},
		{"an instance of the same VRID", instanceText("A", "1", "192.0.2.1", "") + instanceText("B", "1", "192.0.2.2", ""),
			diag.CodeDuplicateVRID, 6, 1},
		{"a service of the same address", server + server, diag.CodeDuplicateServer, 7, 1},
		{"a server of the same address", strings.Replace(server, "}\n}\n", "}\nreal_server 10.0.0.1 80 { }\n}\n", 1), diag.CodeDuplicateReal, 6, 5},
		{"a sorry server among the servers", strings.Replace(server, "real", "sorry_server 10.0.0.1 80\nsorry_server_inhibit\nreal", 1),
			diag.CodeSorryInhibit, 5, 7},
		{"something tracked twice", "track_file f {\nfile /f\n}\n" + instanceText("A", "1", "192.0.2.1", "track_file {\nf\nf\n}\n"),
			diag.CodeDuplicateTrack, 10, 9},
		{"a BFD session of the same name", "bfd_instance b { neighbor_ip 192.0.2.9 }\nbfd_instance b { neighbor_ip 192.0.2.8 }\n",
			diag.CodeDuplicateName, 2, 1},
		{"a second SSL block", "SSL { ca /a }\nSSL { ca /b }\n", diag.CodeReplaced, 2, 1},
		{"a keyword behind a missing brace", "global_defs {\nrouter_id a\nvrrp_instance V {\n}\n", diag.CodeMissingClose, 3, 1},
	} {
		_, ds := load(t, tt.text)
		i := slices.IndexFunc(ds, func(d Diagnostic) bool { return d.Code == tt.code })
		if i < 0 {
			t.Errorf("%s: no %s among %v", tt.rule, tt.code, codesOf(ds))
			continue
		}
		d := ds[i]
		if d.Subject.Start.Line != tt.at {
			t.Errorf("%s is reported at line %d, want %d", tt.rule, d.Subject.Start.Line, tt.at)
		}
		if len(d.Related) == 0 || d.Related[0].Range.Start.Line != tt.related || d.Related[0].Note == "" {
			t.Errorf("%s refers to %+v, want line %d", tt.rule, d.Related, tt.related)
		}
	}
}

// TestInstanceCorrections: what keepalived changes in an instance whose settings do not fit together.
func TestInstanceCorrections(t *testing.T) {
	for _, tt := range []struct{ rule, lines, want, codes string }{
		{"nopreempt as initial master", "state MASTER\nnopreempt", "State=1; Priority=255", "KA3013"},
		{"nopreempt of an address owner", "priority 255\nnopreempt", "Priority=255", "KA3013"},
		{"preempt_delay as initial master", "state MASTER\npreempt_delay 5", "State=1; Priority=255", "KA3014"},
		{"preempt_delay with nopreempt", "nopreempt\npreempt_delay 5", "NoPreempt=true", "KA3014"},
		{"authentication in version 3", "version 3\nauthentication {\nauth_type PASS\nauth_pass 1\n}", "Version=3", "KA3015"},
		{"a unicast source without peers", "unicast_src_ip 192.0.2.60", "MulticastSource=192.0.2.60", "KA3016"},
		{"the own interface is watched anyway", "track_interface {\neth0\n}", "", "KA3017"},
		{"a weight of an address owner", "priority 255\ntrack_interface {\neth1 weight 5\n}", "Priority=255", "KA3018"},
		{"an interval of version 2", "advert_int 1.4", "", "KA3010"},
		{"an interval of version 3", "version 3\nadvert_int 1.4", "Version=3; AdvertInterval=1.4s", ""},
		{"unicast with a virtual MAC", "use_vmac\nunicast_peer {\n192.0.2.9\n}",
			"UnicastPeers[0].Addr=192.0.2.9; UnicastPeers[0].MaxTTL=255; VMAC.Enabled=true; VMAC.TransmitBase=true", "KA3073"},
		{"promote_secondaries with a virtual MAC", "use_vmac\npromote_secondaries", "VMAC.Enabled=true", "KA3073"},
	} {
		if want, codes := outcome(rowsOf(t, "vrrp_instance"), tt.lines, Env{}); want != tt.want || codes != tt.codes {
			t.Errorf("%s: %q %q, want %q %q", tt.rule, want, codes, tt.want, tt.codes)
		}
	}
}

// TestStrictMode: what vrrp_strict forbids, and what it sets.
func TestStrictMode(t *testing.T) {
	const sets = "Strict=true; GARP.LowerPrioDelay=0s; GARP.LowerPrioRepeat=0; LowerPriorityNoAdvert=true; HigherPrioritySendAdvert=false"
	const closed = "Accept=false; " + sets
	for _, tt := range []struct{ rule, lines, want, codes string }{
		{"accept mode is off", "", closed, ""},
		{"accept in version 2", "accept", closed, "KA3011"},
		{"accept in version 3", "version 3\naccept", "Version=3; " + sets, ""},
		{"an owner accepts", "state MASTER", "State=1; Priority=255; " + sets + "; OwnerIgnoreAdverts=true", ""},
		{"an owner that says so", "state MASTER\naccept", "State=1; Priority=255; " + sets + "; OwnerIgnoreAdverts=true", ""},
		{"an owner that does not want to", "state MASTER\nno_accept", "State=1; Priority=255; " + closed + "; OwnerIgnoreAdverts=true", ""},
		{"MASTER below 255", "state MASTER\npriority 150", "State=2; Priority=150; " + closed, "KA3011"},
		{"BACKUP with 255", "state BACKUP\npriority 255", "State=1; Priority=255; " + sets + "; OwnerIgnoreAdverts=true", "KA3011"},
		{"authentication", "authentication {\nauth_type PASS\nauth_pass 1\n}", closed, "KA3011"},
		{"preempt_delay", "preempt_delay 5", closed, "KA3011"},
		{"preempt_delay of an owner", "priority 255\npreempt_delay 5", "Priority=255; " + sets + "; OwnerIgnoreAdverts=true", "KA3014"},
		{"down_timer_adverts", "down_timer_adverts 5", closed, "KA3011"},
		{"answers to a lower master", "garp_lower_prio_repeat 3\ngarp_lower_prio_delay 3\nlower_prio_no_advert off", closed, "KA3011 KA3011 KA3011"},
		{"answers to a higher master", "higher_prio_send_advert", closed, "KA3011"},
		{"a virtual MAC address of one's own", "use_vmac v1 02:00:00:00:00:01",
			"Accept=false; Strict=true; GARP.LowerPrioDelay=0s; GARP.LowerPrioRepeat=0; LowerPriorityNoAdvert=true; HigherPrioritySendAdvert=false; VMAC.Enabled=true; VMAC.Interface=v1",
			"KA3011"},
		{"vmac_xmit_base", "use_vmac\nvmac_xmit_base", closed + "; VMAC.Enabled=true", "KA3011"},
	} {
		if want, codes := outcome(rowsOf(t, "vrrp_instance"), "strict_mode\n"+tt.lines, Env{}); want != tt.want || codes != tt.codes {
			t.Errorf("%s: %q %q, want %q %q", tt.rule, want, codes, tt.want, tt.codes)
		}
	}
}

// TestStrictIntervalIsOfVersion3: an interval that version 2 cannot carry stays where strict mode has the instance of version 3.
func TestStrictIntervalIsOfVersion3(t *testing.T) {
	cfg, ds := load(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nstrict_mode\nversion 2\nadvert_int 0.5\n"+
		"virtual_ipaddress {\nfe80::1\n}\n}\n")
	if in := cfg.Instances[0]; in.Version != 3 || in.AdvertInterval != 500*time.Millisecond {
		t.Errorf("version %d, interval %v (%s)", in.Version, in.AdvertInterval, codeList(ds))
	}
}

// TestServiceCorrections: what keepalived changes in a service whose settings do not fit together.
func TestServiceCorrections(t *testing.T) {
	const rs = "real_server 10.0.0.1 80 { }\n"
	for _, tt := range []struct{ rule, text, want, codes string }{
		{"no protocol", "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\n" + rs + "}\n", "udp rr 0 1", "KA3036"},
		{"no scheduler", "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_kind NAT\n" + rs + "}\n", "tcp wlc 0 1", "KA3037"},
		{"no method", "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\n" + rs + "}\n", "tcp rr 0 1", "KA3038"},
		{"a protocol on a mark", "virtual_server fwmark 1 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n" + rs + "}\n", "none rr 0 1", "KA3035"},
		{"no servers", "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n}\n", "", "KA3034"},
		{"all ports", "virtual_server 192.0.2.1 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.1 { }\n}\n", "tcp rr 360 1", "KA3042"},
		{"all ports, persistent", "virtual_server 192.0.2.1 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\npersistence_timeout 5\n" +
			"real_server 10.0.0.1 { }\n}\n", "tcp rr 5 1", ""},
		{"a quorum above the weights", oneService + "quorum 9\n" + rs + "}\n", "tcp rr 0 1", "KA3046"},
		{"one-packet scheduling of TCP", oneService + "ops\n" + rs + "}\n", "tcp rr 0 1", "KA3039"},
		{"ha_suspend on a mark", "virtual_server fwmark 1 {\nlb_algo rr\nlb_kind NAT\nha_suspend\n" + rs + "}\n", "none rr 0 1", "KA3040"},
		{"announce_on of a mark", "virtual_server fwmark 1 {\nlb_algo rr\nlb_kind NAT\nannounce_on dummy0\n" + rs + "}\n", "none rr 0 1", "KA3053"},
		{"announce_on of a group of marks", "virtual_server_group G {\nfwmark 1\n}\nvirtual_server group G {\nlb_algo rr\nlb_kind NAT\nannounce_on dummy0\n" + rs +
			"}\n", "none rr 0 1", "KA3053"},
		{"announce_on with ha_suspend", oneService + "announce_on dummy0\nha_suspend\n" + rs + "}\n", "tcp rr 0 1", "KA3053"},
		{"FNAT of a mark", "virtual_server fwmark 1 {\nlb_algo rr\nlvs_method FNAT\n" + rs + "}\n", "none rr 0 1", "KA3050"},
		{"a port that DR cannot change", "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind DR\nreal_server 10.0.0.1 8080 { }\n}\n",
			"tcp rr 0 1", "KA3043"},
		{"an unknown group", "virtual_server group G {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n" + rs + "}\n", "", "KA3048"},
		{"a group further down", "virtual_server group G {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n" + rs +
			"}\nvirtual_server_group G { 192.0.2.1 80 }\n", "tcp rr 0 1", ""},
	} {
		cfg, ds := load(t, tt.text)
		got := ""
		for _, vs := range cfg.VirtualServers {
			got = strings.Join([]string{vs.ID.Protocol.String(), vs.Scheduler, micros(vs.PersistenceTimeout.Microseconds()),
				micros(int64(vs.Quorum) * 1e6)}, " ")
		}
		if got != tt.want || codeList(ds) != tt.codes {
			t.Errorf("%s: %q %q, want %q %q", tt.rule, got, codeList(ds), tt.want, tt.codes)
		}
	}
}

// TestScriptSecurity: programs are checked for the account they run as, and that nobody else can change them.
func TestScriptSecurity(t *testing.T) {
	programs := map[string]ProgramState{"/bin/open": ProgramInsecure, "/bin/gone": ProgramMissing, "/bin/data": ProgramNotExecutable}
	env := Env{Hostname: "lb1", System: machine(programs)}
	script := func(program, user string) string {
		return "vrrp_script chk {\nscript " + program + "\n" + user + "}\n" + oneInstance + "track_script { chk }\n}\n"
	}
	secure := globals("enable_script_security\nscript_user root")
	for _, tt := range []struct{ rule, text, codes string }{
		{"sound", secure + script("/bin/true", ""), ""},
		{"without script security", globals("script_user root") + script("/bin/true", ""), "KA3064"},
		{"missing", secure + script("/bin/gone", ""), "KA3061"},
		{"not executable", secure + script("/bin/data", ""), "KA3062"},
		{"insecure, run as root", secure + script("/bin/open", ""), "KA3065"},
		{"insecure, run as somebody else", globals("enable_script_security\nscript_user nobody") + script("/bin/open", ""), ""},
		{"an unknown account", secure + script("/bin/true", "user mallory\n"), "KA3060 KA3066"},
		{"an account of its own", secure + script("/bin/true", "user nobody\n"), ""},
		{"an unknown script_user", globals("enable_script_security\nscript_user mallory") + script("/bin/true", ""), "KA3060 KA3060 KA3066"},
	} {
		_, ds := Load(memory(tt.text), "test.conf", env)
		if codeList(ds) != tt.codes {
			t.Errorf("%s: %s, want %s", tt.rule, codeList(ds), tt.codes)
		}
	}
}

// TestMiscProgram: what a MISC_CHECK runs is checked like other programs, a checker whose program may not be run is left
// out, and who it is run as is settled.
func TestMiscProgram(t *testing.T) {
	programs := map[string]ProgramState{"/bin/open": ProgramInsecure, "/bin/gone": ProgramMissing, "/bin/data": ProgramNotExecutable}
	env := Env{Hostname: "lb1", System: machine(programs)}
	misc := func(program, more string) string {
		return oneService + "real_server 10.0.0.1 80 {\nMISC_CHECK {\nmisc_path " + program + "\n" + more + "}\n}\n}\n"
	}
	nobody, _, _ := env.System.Account("nobody", "")
	for _, tt := range []struct {
		rule, text string
		as         *Identity // nil: it is left out
	}{
		{"script_user", globals("enable_script_security\nscript_user nobody") + misc("/bin/true", ""), &Identity{UID: nobody, GID: nobody}},
		{"its own user", globals("enable_script_security\nscript_user root") + misc("/bin/true", "user nobody\n"), &Identity{UID: nobody, GID: nobody}},
		{"all groups", globals("set_supplementary_groups\nscript_user root") + misc("/bin/true", ""), &Identity{Supplementary: true}},
		{"insecure, run as root", globals("enable_script_security\nscript_user root") + misc("/bin/open", ""), nil},
		{"insecure, run as somebody else", globals("enable_script_security\nscript_user nobody") + misc("/bin/open", ""),
			&Identity{UID: nobody, GID: nobody}},
		{"insecure, without script security", globals("script_user root") + misc("/bin/open", ""), &Identity{}},
		{"missing", globals("script_user root") + misc("/bin/gone", ""), nil},
		{"not executable", globals("script_user root") + misc("/bin/data", ""), nil},
	} {
		cfg, ds := Load(memory(tt.text), "test.conf", env)
		checkers := cfg.VirtualServers[0].RealServers[0].Checkers
		switch {
		case len(checkers) == 0 && tt.as != nil:
			t.Errorf("%s: it is left out: %v", tt.rule, codesOf(ds))
		case len(checkers) == 1 && tt.as == nil:
			t.Errorf("%s: it is run", tt.rule)
		case tt.as != nil && checkers[0].Detail.(*MiscDetail).Script.RunAs != *tt.as:
			t.Errorf("%s: as %+v", tt.rule, checkers[0].Detail.(*MiscDetail).Script.RunAs)
		}
	}
}
