package confparse

import (
	"slices"
	"testing"
	"testing/fstest"
)

// The deprecated word of an instance is lvs_sync_daemon that follows it. lvs_sync_daemon itself has precedence, and the first
// instance among several; an interface that is not there is looked for where it is written, once.
func TestSyncDaemonOfAnInstance(t *testing.T) {
	router := func(name, id, words string) string {
		return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id " + id + "\n" + words + "\n}\n"
	}
	for _, c := range []struct {
		text, link string
		instance   InstanceName
		id         int
		references int // to that interface
	}{
		{router("A", "1", "") + router("B", "2", ""), "", "", 0, 0},
		{router("A", "1", "") + router("B", "2", "lvs_sync_daemon_interface eth1"), "eth1", "B", 2, 1},
		{router("A", "1", "lvs_sync_daemon_interface eth1") + router("B", "2", "lvs_sync_daemon_interface eth2"), "eth1", "A", 1, 1},
		{"global_defs {\nlvs_sync_daemon eth3 B\n}\n" + router("A", "1", "lvs_sync_daemon_interface eth1") + router("B", "2", ""), "eth3", "B", 2, 1},
		{"global_defs {\nlvs_sync_daemon eth3\n}\n" + router("A", "1", "lvs_sync_daemon_interface eth1"), "eth3", "", 0, 1},
	} {
		cfg, _ := Load(fstest.MapFS{"k.conf": {Data: []byte(c.text)}}, "k.conf", Env{Hostname: "lb1"})
		d := cfg.Global.SyncDaemon
		if d.Interface != c.link || d.Instance != c.instance {
			t.Errorf("%q: on %q after %q, want %q after %q", c.text, d.Interface, d.Instance, c.link, c.instance)
		}
		if c.link != "" && (d.ID != c.id || d.Port != 8848 || d.TTL != 1 || d.Group.String() != "224.0.0.81") {
			t.Errorf("%q: %+v", c.text, d)
		}
		list := slices.DeleteFunc(cfg.References(), func(r Reference) bool { return r.Kind != ToInterface || r.Name != c.link || c.link == "" })
		if len(list) != c.references {
			t.Errorf("%q: references %+v", c.text, list)
		}
	}
}
