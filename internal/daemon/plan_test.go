package daemon

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// desired parses text, which must be free of errors.
func desired(t testing.TB, text string) Desired {
	t.Helper()
	cfg, diags := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", confparse.Env{Hostname: "host"})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, text)
	}
	return NewDesired(cfg)
}

const pairConfig = `
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
    192.0.2.1/24
  }
}
virtual_server 192.0.2.1 80 {
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 198.51.100.1 8080 {
    TCP_CHECK {
      connect_timeout 3
    }
  }
  real_server 198.51.100.2 8080 {
    TCP_CHECK {
      connect_timeout 3
    }
  }
}
`

// everyPart are the parts as they compare desired states, which needs nothing that runs.
var everyPart = []part{&notifications{}, &services{}, &syncing{}, &tracking{}, &routers{}, &following{}}

func TestPlanNamesEveryDifference(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(pairConfig) }
	second := strings.Index(pairConfig, "  real_server 198.51.100.2")
	first := strings.Index(pairConfig, "  real_server 198.51.100.1")
	oneServer := pairConfig[:second] + "}\n"
	other := strings.ReplaceAll(oneService, "192.0.2.1 80", "192.0.2.9 80")
	for _, tt := range []struct {
		name, old, new string
		want           string
	}{
		{"nothing", pairConfig, pairConfig, ""},
		{"comments and layout are nothing", pairConfig, "# new\n" + edit("  ", "\t"), ""},
		{"priority", pairConfig, edit("priority 100", "priority 150"), "~ vrrp_instance VI_1\n"},
		{"instance renamed", pairConfig, edit("VI_1", "VI_2"), "~ vrrp_instance VI_2, was VI_1\n"},
		{"another VRID", pairConfig, edit("router_id 51", "router_id 52"), "~ vrrp_instance VI_1 starts anew, as another virtual router\n"},
		{"another VRID and name", pairConfig, edit("router_id 51", "router_id 52", "VI_1", "VI_2"), "+ vrrp_instance VI_2\n- vrrp_instance VI_1\n"},
		{"what is left of the table", pairConfig, "global_defs {\n lvs_flush_on_stop\n}\n" + pairConfig, "~ lvs_flush_on_stop\n"},
		{"what the next start does", pairConfig, "global_defs {\n lvs_flush\n vrrp_startup_delay 3\n}\n" + pairConfig,
			"~ lvs_flush, for the next start\n~ vrrp_startup_delay, for the next start\n"},
		{"synchronization of connections", pairConfig, "global_defs {\n lvs_sync_daemon eth1 VI_1\n}\n" + pairConfig, "+ lvs_sync_daemon\n~ vrrp_instance VI_1\n"},
		{"its options", "global_defs {\n lvs_sync_daemon eth1 VI_1\n}\n" + pairConfig,
			"global_defs {\n lvs_sync_daemon eth1 VI_1 ttl 2\n}\n" + pairConfig, "~ lvs_sync_daemon\n"},
		{"no synchronization", "global_defs {\n lvs_sync_daemon eth1 VI_1\n}\n" + pairConfig, pairConfig, "- lvs_sync_daemon\n~ vrrp_instance VI_1\n"},
		{"order of virtual servers", pairConfig + other, other + pairConfig, "~ order of the virtual_servers\n"},
		{"order of real servers", pairConfig, pairConfig[:first] + pairConfig[second:len(pairConfig)-2] + pairConfig[first:second] + "}\n",
			"~ order of the real_servers of [192.0.2.1]:tcp:80\n"},
		{"scheduler", pairConfig, edit("lb_algo rr", "lb_algo wrr"), "~ virtual_server [192.0.2.1]:tcp:80\n"},
		{"server removed", pairConfig, oneServer, "- real_server [198.51.100.2]:tcp:8080 of [192.0.2.1]:tcp:80\n"},
		{"server added", oneServer, pairConfig, "+ real_server [198.51.100.2]:tcp:8080 of [192.0.2.1]:tcp:80\n"},
		{"weight", pairConfig, edit("198.51.100.2 8080 {", "198.51.100.2 8080 {\n weight 5"),
			"~ real_server [198.51.100.2]:tcp:8080 of [192.0.2.1]:tcp:80\n"},
		{"only a check", pairConfig, edit("connect_timeout 3", "connect_timeout 4"), "~ checks of virtual_server [192.0.2.1]:tcp:80\n"},
		{"from nothing", "", oneServer, "+ virtual_server [192.0.2.1]:tcp:80\n" +
			"+ real_server [198.51.100.1]:tcp:8080 of [192.0.2.1]:tcp:80\n+ vrrp_instance VI_1\n"},
		{"to nothing", oneServer, "", "- virtual_server [192.0.2.1]:tcp:80\n- vrrp_instance VI_1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := planOf(everyPart, desired(t, tt.old), desired(t, tt.new))
			var b strings.Builder
			if _, err := p.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if p.Empty() != (tt.want == "") {
				t.Errorf("Empty() = %v", p.Empty())
			}
		})
	}
}

func TestPlanSummary(t *testing.T) {
	p := planOf(everyPart, desired(t, ""), desired(t, pairConfig))
	if got := p.Summary(); got != "4 added" {
		t.Errorf("%q", got)
	}
	if got := (Plan{}).Summary(); got != "nothing changed" {
		t.Errorf("%q", got)
	}
}
