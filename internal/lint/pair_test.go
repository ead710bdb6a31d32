package lint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPair(t *testing.T) {
	a := func(more ...string) string { return instance(append([]string{"priority 100"}, more...)...) }
	b := func(more ...string) string { return instance(append([]string{"priority 50"}, more...)...) }
	auth := func(word string) string { return "authentication {\nauth_type PASS\nauth_pass " + word + "\n}" }
	second := func(more ...string) string {
		return strings.NewReplacer("VI", "VJ", " 51", " 52", "192.0.2.100", "192.0.2.101").Replace(instance(more...))
	}
	const both = "vrrp_sync_group G {\ngroup {\nVI\nVJ\n}\n}\n"
	for name, test := range map[string]struct {
		a, b string
		want []string
	}{
		"a sound pair": {a: a() + service, b: b() + service},
		"an instance on one side": {
			a: a(), b: strings.ReplaceAll(strings.Replace(b(), "VI", "OTHER", 1), "virtual_router_id 51", "virtual_router_id 52"),
			want: []string{"VL5001 error 1", "VL5001 error 1"}},
		"virtual router ids": {
			a: a(), b: strings.Replace(b(), "virtual_router_id 51", "virtual_router_id 52", 1), want: []string{"VL5002 error 1"}},
		"another name is no difference": {a: a(), b: strings.Replace(b(), "VI", "OTHER", 1)},
		"addresses":                     {a: a(), b: strings.Replace(b(), "192.0.2.100", "192.0.2.101", 1), want: []string{"VL5003 error 1"}},
		"excluded addresses": {
			a: a("virtual_ipaddress_excluded {", "192.0.2.7", "}"), b: b(), want: []string{"VL5004 warning 1"}},
		"versions":           {a: a("version 3"), b: b(), want: []string{"VL5005 error 1"}},
		"intervals in v2":    {a: a("advert_int 2"), b: b(), want: []string{"VL5006 error 1"}},
		"intervals in v3":    {a: a("version 3", "advert_int 2"), b: b("version 3"), want: []string{"VL5006 warning 1"}},
		"authentication":     {a: a(auth("x")), b: b(), want: []string{"VL5007 error 1"}},
		"passwords":          {a: a(auth("x")), b: b(auth("y")), want: []string{"VL5007 error 1"}},
		"passwords beyond 8": {a: a(auth("12345678a")), b: b(auth("12345678b"))},
		"unicast and multicast": {
			a: a("unicast_peer {", "192.0.2.3", "}"), b: b(), want: []string{"VL5008 error 1"}},
		"multicast groups": {a: a("mcast_dst_ip 224.0.0.19"), b: b(), want: []string{"VL5008 error 1"}},
		"peers": {
			a:    a("unicast_src_ip 192.0.2.2", "unicast_peer {", "192.0.2.3", "}"),
			b:    b("unicast_src_ip 192.0.2.4", "unicast_peer {", "192.0.2.2", "}"),
			want: []string{"VL5009 error 1"}},
		"a source on both": {
			a:    a("unicast_src_ip 192.0.2.2", "unicast_peer {", "192.0.2.3", "}"),
			b:    b("unicast_src_ip 192.0.2.2", "unicast_peer {", "192.0.2.3", "}"),
			want: []string{"VL5010 error 1"}},
		"a tie":                   {a: a(), b: instance("priority 100"), want: []string{"VL5011 warning 1"}},
		"a tie by what is added":  {a: a(), b: b("track_interface {", "eth1 weight 50", "}"), want: []string{"VL5011 warning 1"}},
		"two owners":              {a: instance("priority 255"), b: instance("priority 255"), want: []string{"VL5011 error 1"}},
		"a weight too small":      {a: a("track_interface {", "eth1 weight -20", "}"), b: b(), want: []string{"VL5012 warning 9"}},
		"a weight on the backup":  {a: a(), b: b("track_interface {", "eth1 weight -20", "}")},
		"a weight that is enough": {a: a("track_interface {", "eth1 weight -51", "}"), b: b()},
		"a weight against nopreempt": {
			a: a("state BACKUP", "nopreempt", "track_interface {", "eth1 weight -60", "}"), b: b("state BACKUP", "nopreempt"),
			want: []string{"VL5012 warning 11"}},
		"nopreempt on the lower one":  {a: a(), b: b("state BACKUP", "nopreempt"), want: []string{"VL5013 warning 1"}},
		"nopreempt on the higher one": {a: a("state BACKUP", "nopreempt"), b: b()},
		"a group on one side": {
			a: a() + "vrrp_sync_group G {\ngroup {\nVI\n}\n}\n", b: b(), want: []string{"VL5014 warning 9"}},
		"a service on one side":  {a: a() + service, b: b(), want: []string{"VL5015 warning 9"}},
		"a service on the other": {a: a(), b: b() + service, want: []string{"VL5015 warning 9"}},
		"a service that differs": {
			a: a() + service, b: b() + strings.Replace(service, "lb_algo rr", "lb_algo wlc", 1), want: []string{"VL5016 warning 9"}},
		"a server that differs": {
			a: a() + service, b: b() + strings.Replace(service, "192.0.2.11", "192.0.2.12", 1), want: []string{"VL5016 warning 9"}},
		"a group that is split": {
			a: a() + second("priority 50") + both, b: b() + second("priority 100") + both, want: []string{"VL5018 warning 17"}},
		"a group of one mind": {a: a() + second("priority 100") + both, b: b() + second("priority 50") + both},
		"a sync daemon on one side": {
			a: "global_defs {\nlvs_sync_daemon eth1 VI\n}\n" + a() + service, b: b() + service, want: []string{"VL5019 warning 2"}},
		"a sync daemon on the other": {
			a: a() + service, b: "global_defs {\nlvs_sync_daemon eth1 VI\n}\n" + b() + service, want: []string{"VL5019 warning 2"}},
		"sync daemons of two ids": {
			a: "global_defs {\nlvs_sync_daemon eth1 VI id 5\n}\n" + a() + service,
			b: "global_defs {\nlvs_sync_daemon eth1 VI\n}\n" + b() + service, want: []string{"VL5019 warning 2"}},
		"sync daemons that fit": {
			a: "global_defs {\nlvs_sync_daemon eth1 VI id 51\n}\n" + a() + service,
			b: "global_defs {\nlvs_sync_daemon eth2 VI\n}\n" + b() + service},
		"checksums": {a: a("version 3", "v3_checksum_as_v2"), b: b("version 3"), want: []string{"VL5017 error 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want == nil {
				test.want = []string{}
			}
			got := Pair(read(t, "a", test.a), read(t, "b", test.b))
			if d := cmp.Diff(test.want, brief(got)); d != "" {
				t.Errorf("findings (-want +got):\n%s%v", d, got)
			}
		})
	}
}

func TestPairFindsTheSameFromEitherSide(t *testing.T) {
	a := read(t, "a", instance("priority 100", "advert_int 2", "track_interface {", "eth1 weight -20", "}")+service)
	b := read(t, "b", instance("priority 50"))
	codes := func(f, g File) map[string]int {
		m := map[string]int{}
		for _, d := range Pair(f, g) {
			m[d.Code.String()]++
		}
		return m
	}
	if d := cmp.Diff(codes(a, b), codes(b, a)); d != "" {
		t.Errorf("a, b and b, a (-first +second):\n%s", d)
	}
}
