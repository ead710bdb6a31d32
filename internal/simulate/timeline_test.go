package simulate

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
)

// conf is a configuration of one instance with these lines in it.
func conf(t *testing.T, lines ...string) *confparse.Config {
	t.Helper()
	text := "vrrp_script chk {\n script /bin/true\n weight -60\n}\nvrrp_script must {\n script /bin/true\n}\nvrrp_instance VI {\n interface eth0\n virtual_router_id 51\n" + strings.Join(lines, "\n") +
		"\n virtual_ipaddress {\n  192.0.2.1\n }\n}\n"
	cfg, ds := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "/k.conf", confparse.Env{})
	if ds.HasFatal() {
		t.Fatal(ds)
	}
	return cfg
}

// TestWithoutInterface: routers without an interface are where their addresses are.
func TestWithoutInterface(t *testing.T) {
	host := func(name, own, peer, priority string) Host {
		text := "vrrp_instance VI {\n virtual_router_id 51\n priority " + priority + "\n unicast_src_ip " + own + "\n unicast_peer {\n  " + peer +
			"\n }\n virtual_ipaddress {\n  192.0.2.1 dev eth0\n }\n}\n"
		cfg, ds := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "/k.conf", confparse.Env{})
		if ds.HasErrors() {
			t.Fatal(ds)
		}
		return Host{name, cfg}
	}
	sc, err := Parse("x.sim", "cut eth0 of A at 20 s")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Run(&out, "x.sim", sc, []Host{host("A", "10.0.0.1", "10.0.0.2", "150"), host("B", "10.0.0.2", "10.0.0.1", "100")}, nil); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"A VI: FAULT, priority 150: its interface is down", "B VI: MASTER, priority 100: nothing was heard of A"} {
		if !strings.Contains(out.String(), w) {
			t.Errorf("no %q:\n%s", w, out.String())
		}
	}
}

// TestTimeline: what happens, and why, as somebody reads it.
func TestTimeline(t *testing.T) {
	const scripts = "track_script {\n chk\n must\n}\n"
	unicast := func(src, peer string) string {
		return fmt.Sprintf("unicast_src_ip %s\n unicast_peer {\n %s\n }\n", src, peer)
	}
	for _, tt := range []struct {
		name     string
		a, b     []string
		scenario string
		want     []string // lines of the timeline, in order
		not      string
	}{
		{"start", []string{"priority 150"}, []string{"priority 100"}, "end at 10 s",
			[]string{"A VI: BACKUP, priority 150: it starts", "3.414 s  A VI: MASTER, priority 150: nobody is heard", "192.0.2.1: at A", "192.0.2.1: at A, without an outage"}, "B VI: MASTER"},
		{"host dies", []string{"priority 150"}, []string{"priority 100"}, "halt A at 20 s",
			[]string{"20.000 s  192.0.2.1: at nobody", "B VI: MASTER, priority 100: nothing was heard of A for 3.6", "at B, one outage of 3.0"}, ""},
		{"stop", []string{"priority 150"}, []string{"priority 100"}, "stop A at 20 s",
			[]string{"A VI: stopping, priority 150: it is told to stop", "B VI: MASTER, priority 100: A has resigned", "192.0.2.1: at B, without an outage"}, ""},
		{"cable", []string{"priority 150"}, []string{"priority 100"}, "cut eth0 of A at 20 s\nheal eth0 of A at 30 s",
			[]string{"A VI: FAULT, priority 150: its interface is down", "A VI: BACKUP, priority 150: what was wrong is over",
				"A VI: MASTER, priority 150: it outranks B, which has priority 100", "B VI: BACKUP, priority 100: A is MASTER with priority 150"}, ""},
		{"script that weighs", []string{"priority 150", scripts}, []string{"priority 100", scripts}, "script chk fails on A at 20 s",
			[]string{"A VI: priority 150 -> 90", "B VI: MASTER, priority 100: it outranks A", "without an outage"}, ""},
		{"script that decides", []string{"priority 150", scripts}, []string{"priority 100", scripts}, "script must fails on A at 20 s",
			[]string{"A VI: FAULT, priority 150: script must is down"}, ""},
		{"one-way loss makes two masters", []string{"priority 150"}, []string{"priority 100"}, "block A to B at 20 s\nend at 30 s",
			[]string{"B VI: MASTER, priority 100: nothing was heard of A", "192.0.2.1: at A and B"}, "outage of"},
		{"address removed", []string{"priority 150"}, []string{"priority 100"}, "remove 192.0.2.1 on A at 20 s",
			[]string{"192.0.2.1/32 is put back", "192.0.2.1: at nobody", "192.0.2.1: at A, one outage of 0.001 s"}, "B VI: MASTER"},
		{"address refused", []string{"priority 150"}, []string{"priority 100"}, "refuse 192.0.2.1 on A at 0 s\nend at 9 s",
			[]string{"192.0.2.1/32 cannot be installed", "A VI: FAULT, priority 150: none of its addresses can be installed", "B VI: MASTER", "192.0.2.1: at B"}, ""},
		{"names of links differ", []string{"priority 150"}, []string{"priority 100"}, "lan A:eth0 B:eth0\nend at 9 s",
			[]string{"192.0.2.1: at A, without an outage"}, "B VI: MASTER"},
		{"unicast", []string{"priority 150", unicast("10.0.0.1", "10.0.0.2")}, []string{"priority 100", unicast("10.0.0.2", "10.0.0.1")}, "halt A at 20 s",
			[]string{"A VI: MASTER", "B VI: MASTER, priority 100: nothing was heard of A"}, ""},
		{"unicast to somebody else", []string{"priority 150", unicast("10.0.0.1", "10.0.0.9")}, []string{"priority 100", unicast("10.0.0.2", "10.0.0.1")}, "end at 9 s",
			[]string{"A VI: MASTER", "B VI: MASTER, priority 100: nobody is heard"}, ""},
		{"intervals differ", []string{"priority 150", "advert_int 2"}, []string{"priority 100"}, "end at 20 s",
			[]string{"adverts of A are refused"}, ""},
		{"stall", []string{"priority 150"}, []string{"priority 100"}, "stall A for 8 s at 20 s",
			[]string{"B VI: MASTER, priority 100: nothing was heard of A", "B VI: BACKUP, priority 100: A is MASTER with priority 150"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc, err := Parse("x.sim", tt.scenario)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := Run(&out, "x.sim", sc, []Host{{"A", conf(t, tt.a...)}, {"B", conf(t, tt.b...)}}, nil); err != nil {
				t.Fatal(err)
			}
			rest := out.String()
			for _, w := range tt.want {
				i := strings.Index(rest, w)
				if i < 0 {
					t.Fatalf("no %q in its place:\n%s", w, out.String())
				}
				rest = rest[i:]
			}
			if tt.not != "" && strings.Contains(out.String(), tt.not) {
				t.Errorf("%q:\n%s", tt.not, out.String())
			}
		})
	}
}
