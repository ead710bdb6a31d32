package daemon

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
)

// oneMaster is an instance with room for more lines in it, and for blocks behind it.
func oneMaster(lines, blocks string) string {
	return `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority 100
  state BACKUP
` + lines + `  virtual_ipaddress {
    192.0.2.1/24
  }
}
` + blocks
}

// TestReloadThatNamesAMissingInterface: wherever it is named, the reload is refused with the line, and the router stays
// what it is.
func TestReloadThatNamesAMissingInterface(t *testing.T) {
	for what, tt := range map[string]struct {
		config string
		line   string // that the error names
	}{
		"interface":          {oneMaster("", "vrrp_instance VI_2 {\n interface nope7\n virtual_router_id 52\n virtual_ipaddress {\n  192.0.2.2\n }\n}\n"), ":10"},
		"track_interface":    {oneMaster("  track_interface {\n    nope7 weight 10\n  }\n", ""), ":7"},
		"dev of an address":  {oneMaster("  virtual_ipaddress_excluded {\n    192.0.2.150/32 dev nope7\n  }\n", ""), ":7"},
		"dev of a route":     {oneMaster("  virtual_routes {\n    198.51.100.0/24 via 192.0.2.254 dev nope7\n  }\n", ""), ":7"},
		"a hop of a route":   {oneMaster("  virtual_routes {\n    198.51.100.0/24 nexthop via 192.0.2.254 dev eth0 weight 1 nexthop via 192.0.2.253 dev nope7 weight 1\n  }\n", ""), ":7"},
		"a rule":             {oneMaster("  virtual_rules {\n    from 192.0.2.1 iif nope7 lookup 100\n  }\n", ""), ":7"},
		"a sync group":       {oneMaster("", "vrrp_sync_group G {\n group {\n  VI_1\n }\n track_interface {\n  nope7\n }\n}\n"), ":15"},
		"the sync daemon":    {oneMaster("  lvs_sync_daemon_interface nope7\n", ""), ":1"},
		"a static address":   {oneMaster("", "static_ipaddress {\n 192.0.2.77/24 dev nope7\n}\n"), ":11"},
		"a static route":     {oneMaster("", "static_routes {\n 198.51.100.0/24 via 192.0.2.254 dev nope7\n}\n"), ":11"},
		"where a check goes": {oneMaster("", strings.Replace(oneService, "8080 {\n", "8080 {\n TCP_CHECK {\n  bind_if nope7\n }\n", 1)), ":15"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, oneMaster("", ""), nil)
			time.Sleep(10 * time.Second)
			if len(i.network.virtual()) != 1 {
				t.Fatalf("not master:\n%s", i.log)
			}
			reply, ops := i.reload(tt.config)
			reply.want(t, what, reloadRefused)
			var missing errStrangers
			if !errors.As(reply.Err, &missing) || len(missing) != 1 || missing[0].Name != "nope7" ||
				missing[0].Range.String() != filepath.Join(i.dir, "k.conf")+tt.line {
				t.Errorf("%s: %v, want line %s", what, reply.Err, tt.line)
			}
			if got := i.status(); got.VRRP.Instances[0].State != "MASTER" || len(got.VRRP.Instances) != 1 ||
				i.gauge(t, metricReloadOK) != 0 || len(ops) != 0 || len(i.network.virtual()) != 1 {
				t.Errorf("%s: %+v", what, got.VRRP)
			}
			reply, _ = i.reload("global_defs {\n dynamic_interfaces\n}\n" + tt.config)
			if reply.Err != nil {
				t.Errorf("%s, which may come later: %v", what, reply.Err)
			}
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInterfacesThatAreNoStrangers(t *testing.T) {
	uses := func(names ...string) (list []confparse.Reference) {
		for _, n := range names {
			list = append(list, confparse.Reference{Name: n})
		}
		return list
	}
	exists := func(name string) bool { return name == "eth0" }
	for _, tt := range []struct {
		uses  []confparse.Reference
		known map[string]bool
		want  []string
	}{
		{uses("eth0"), nil, nil},
		{uses("eth9", "eth0", "eth9", "eth8"), nil, []string{"eth9", "eth8"}},
		{uses("eth0", "eth9"), map[string]bool{"eth9": true}, nil}, // unplugged while the daemon ran
	} {
		var got []string
		for _, u := range strangers(tt.uses, tt.known, exists) {
			got = append(got, u.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.uses, got, tt.want)
		}
	}
}

// TestInterfacesOfVirtualRoutersAreTheirOwn: a VMAC exists when the router does.
func TestInterfacesOfVirtualRoutersAreTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneMaster("", ""), nil)
		reply, _ := i.reload(oneMaster("  use_vmac vrrp7\n  track_interface {\n    vrrp7\n  }\n", ""))
		var missing errStrangers
		if errors.As(reply.Err, &missing) {
			t.Errorf("%v", reply.Err)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
