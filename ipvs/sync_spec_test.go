package ipvs

import (
	"net/netip"
	"slices"
	"testing"
	"testing/fstest"

	"vigil/confparse"
)

const (
	syncRouter = "vrrp_instance VI {\ninterface eth0\nvirtual_router_id 51\n}\n"
	syncServer = "virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol TCP\nreal_server 192.168.0.1 80 {\n}\n}\n"
)

// What is configured, to which daemons it comes while the instance is no master, and while it is.
func TestSyncFromConfig(t *testing.T) {
	const usual = " group 224.0.0.81 port 8848 ttl 1"
	for _, c := range []struct {
		words, rest    string
		backup, master []string
	}{
		{"eth1 inst VI id 9", syncRouter, []string{"backup on eth1 id 9" + usual}, []string{"master on eth1 id 9" + usual}},
		{"eth1 VI", syncRouter, []string{"backup on eth1 id 51" + usual}, []string{"master on eth1 id 51" + usual}},
		{"eth1 VI 0", syncRouter, []string{"backup on eth1 id 0" + usual}, []string{"master on eth1 id 0" + usual}},
		{"eth1 inst VI maxlen 1400 port 9 ttl 7 group ff02::81", syncRouter,
			[]string{"backup on eth1 id 51 maxlen 1400 group ff02::81 port 9 ttl 7"},
			[]string{"master on eth1 id 51 maxlen 1400 group ff02::81 port 9 ttl 7"}},
		{"eth1", syncRouter + syncServer, []string{"master on eth1 id 0" + usual, "backup on eth1 id 0" + usual},
			[]string{"master on eth1 id 0" + usual, "backup on eth1 id 0" + usual}},
		{"eth1 id 7", syncServer, []string{"master on eth1 id 7" + usual, "backup on eth1 id 7" + usual},
			[]string{"master on eth1 id 7" + usual, "backup on eth1 id 7" + usual}},
		{"eth1 id 7", syncRouter, nil, nil},       // nobody has connections
		{"eth1 inst OTHER", syncRouter, nil, nil}, // nobody to follow
	} {
		fsys := fstest.MapFS{"k.conf": {Data: []byte("global_defs {\nlvs_sync_daemon " + c.words + "\n}\n" + c.rest)}}
		cfg, _ := confparse.Load(fsys, "k.conf", confparse.Env{Hostname: "lb1"})
		spec := SyncFromConfig(cfg)
		for master, want := range map[bool][]string{false: c.backup, true: c.master} {
			var got []string
			for _, d := range spec.Wanted(master, !master).Daemons {
				got = append(got, d.String())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, master %v: %q, want %q", c.words, master, got, want)
			}
		}
		if spec.Exists() != (c.backup != nil) {
			t.Errorf("%s: exists %v", c.words, spec.Exists())
		}
	}
}

// What the kernel tells of a daemon that was started so is that daemon; with any other option it is another.
func TestSyncDaemonServes(t *testing.T) {
	v4, v6 := netip.MustParseAddr("224.0.0.81"), netip.MustParseAddr("ff02::81")
	full := func(edit func(*SyncDaemon)) SyncDaemon {
		d := SyncDaemon{Role: SyncMaster, Interface: "eth0", ID: 1, MaxLen: 1472, Group: v4, Port: 8848, TTL: 1}
		if edit != nil {
			edit(&d)
		}
		return d
	}
	for i, c := range []struct {
		want, told SyncDaemon
		ok         bool
	}{
		{full(nil), full(nil), true},
		{full(func(d *SyncDaemon) { d.MaxLen = 0 }), full(nil), true},
		{SyncDaemon{Role: SyncMaster, Interface: "eth0", ID: 1}, full(nil), true},
		{full(func(d *SyncDaemon) { d.MaxLen = 500 }), full(func(d *SyncDaemon) { d.MaxLen = 500 }), true},
		{full(func(d *SyncDaemon) { d.Role, d.MaxLen = SyncBackup, 500 }), full(func(d *SyncDaemon) { d.Role, d.MaxLen = SyncBackup, 1024 }), true},
		{full(func(d *SyncDaemon) { d.MaxLen = 65507 }), full(func(d *SyncDaemon) { d.MaxLen = 65507 }), true},
		{full(func(d *SyncDaemon) { d.MaxLen, d.Group = 65507, v6 }), full(func(d *SyncDaemon) { d.MaxLen, d.Group = 65487, v6 }), true},
		{full(nil), full(func(d *SyncDaemon) { d.MaxLen = 1400 }), false},
		{full(nil), full(func(d *SyncDaemon) { d.Role = SyncBackup }), false},
		{full(nil), full(func(d *SyncDaemon) { d.Interface = "eth1" }), false},
		{full(nil), full(func(d *SyncDaemon) { d.ID = 2 }), false},
		{full(nil), full(func(d *SyncDaemon) { d.Group = v6 }), false},
		{full(nil), full(func(d *SyncDaemon) { d.Port = 1 }), false},
		{full(nil), full(func(d *SyncDaemon) { d.TTL = 2 }), false},
	} {
		if got := c.want.serves(c.told); got != c.ok {
			t.Errorf("%d: %v told as %v: %v", i, c.want, c.told, got)
		}
	}
}

// What must go goes before what comes; what is right stays.
func TestDiffSync(t *testing.T) {
	d := func(role SyncRole, id uint32) SyncDaemon {
		return SyncDaemon{Role: role, Interface: "eth0", ID: id, MaxLen: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}
	}
	master, backup := d(SyncMaster, 1), d(SyncBackup, 1)
	long := master
	long.MaxLen = 0 // as configured; the kernel tells of a number
	list := func(d ...SyncDaemon) []SyncDaemon { return d }
	for i, c := range []struct {
		running, want []SyncDaemon
		refused       []SyncDaemon // of those that would do
		ops           []string
	}{
		{nil, nil, nil, nil},
		{nil, list(backup), nil, []string{"start backup 1"}},
		{list(backup), list(master), nil, []string{"stop backup 1", "start master 1"}},
		{list(master), list(backup), nil, []string{"stop master 1", "start backup 1"}},
		{list(master), list(master, backup), nil, []string{"start backup 1"}},
		{list(master, backup), list(master), nil, []string{"stop backup 1"}},
		{list(d(SyncMaster, 7), d(SyncBackup, 7)), list(master, backup), nil,
			[]string{"stop master 7", "stop backup 7", "start master 1", "start backup 1"}},
		{list(master), list(long), nil, nil}, // as it was found
		{list(master), list(long), list(long), []string{"stop master 1", "start master 1"}},
		{list(master, backup), nil, nil, []string{"stop master 1", "stop backup 1"}},
	} {
		var got []string
		for _, op := range diffSync(c.running, c.want, func(told, want SyncDaemon) bool { return want.serves(told) && !slices.Contains(c.refused, want) }) {
			verb := map[OpKind]string{StartSync: "start", StopSync: "stop"}[op.Kind]
			got = append(got, verb+" "+op.Sync.Role.String()+" "+string(rune('0'+op.Sync.ID)))
		}
		if !slices.Equal(got, c.ops) {
			t.Errorf("%d: %q, want %q", i, got, c.ops)
		}
	}
}
