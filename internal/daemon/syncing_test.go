package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/ipvs"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// syncConf is a director whose connections are shared as the words say; its router becomes master after 3.6 s.
func syncConf(words string) string {
	return "global_defs {\n  dynamic_interfaces\n  " + words + "\n}\n" + strings.NewReplacer("global_defs {\n  dynamic_interfaces\n}\n", "",
		"priority 255", "priority 100", "state MASTER", "state BACKUP").Replace(oneRouter)
}

// synced fails unless these operations were made since, "start backup 9", and exactly the daemons of them run that should.
func (i *instance) synced(want ...string) {
	i.t.Helper()
	var got []string
	for _, e := range i.kernel.TakeLog() {
		verb := map[ipvs.OpKind]string{ipvs.StartSync: "start ", ipvs.StopSync: "stop "}[e.Kind]
		if verb == "" {
			continue
		}
		line := verb + strings.Join(strings.Fields(e.Sync.String())[:5], " ")
		if e.Err != nil {
			line += ": " + e.Err.Error()
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		i.t.Errorf("operations %q, want %q\n%s", got, want, i.log)
	}
}

func (i *instance) becomesMaster() {
	i.t.Helper()
	time.Sleep(4 * time.Second)
	synctest.Wait()
	if state := i.status().VRRP.Instances[0].State; state != "MASTER" {
		i.t.Fatalf("the router is %s", state)
	}
	time.Sleep(handOverTime)
	synctest.Wait()
}

// A backup at the start; a master begins to tell before it ceases to listen; the end of the daemon is the end of the one that runs. No
// virtual server is needed for that.
func TestCheckCase57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, syncConf("lvs_sync_daemon eth0 inst VI_1 id 9"), nil)
		i.synced("start backup on eth0 id 9")
		i.becomesMaster()
		i.synced("start master on eth0 id 9", "stop backup on eth0 id 9")
		s := i.status().Sync
		if s == nil || s.Instance != "VI_1" || len(s.Daemons) != 1 || s.Daemons[0].Role != "master" || s.Daemons[0].ID != 9 || len(s.Failing) > 0 {
			t.Errorf("status %+v", s)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
		i.synced("stop master on eth0 id 9")
		if !i.kernel.Closed() {
			t.Error("the kernel is left open")
		}
	})
}

// Every state but MASTER is that of a backup.
func TestSyncLeavesMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Replace(syncConf("lvs_sync_daemon eth0 inst VI_1"), "priority 100", "priority 100\n  track_virtual_server 192.0.2.1 80", 1)
		i := begin(t, text+oneService, nil)
		i.becomesMaster()
		i.kernel.TakeLog()
		quorum := i.running.desired.Followed[0].id()
		for _, step := range []struct {
			value int
			state string
			ops   []string
		}{
			{track.Down, "FAULT", []string{"start backup on eth0 id 51", "stop master on eth0 id 51"}},
			{track.Up, "MASTER", []string{"start master on eth0 id 51", "stop backup on eth0 id 51"}},
		} {
			i.syncing.tracked.Set(quorum, step.value)
			time.Sleep(4*time.Second + handOverTime)
			synctest.Wait()
			if state := i.status().VRRP.Instances[0].State; state != step.state {
				t.Errorf("the router is %s, want %s", state, step.state)
			}
			i.synced(step.ops...)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
		i.synced("stop master on eth0 id 51")
	})
}

// With backup_only the kernel does not distribute while it learns: that ends when clients come.
func TestSyncOfBackupOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, syncConf("lvs_sync_daemon eth0 VI_1\n backup_only"), nil)
		i.kernel.TakeLog()
		for at := time.Duration(0); at < 8*time.Second; at += 100 * time.Millisecond {
			list, err := i.kernel.SyncDaemons(t.Context())
			if learns := len(list) > 0 && list[len(list)-1].Role == ipvs.SyncBackup; err != nil || learns == (len(i.network.virtual()) > 0) {
				t.Fatalf("after %v: %v while there are %v; %v", at, list, i.network.virtual(), err)
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		if list, err := i.kernel.SyncDaemons(t.Context()); err != nil || len(list) != 1 || list[0].Role != ipvs.SyncMaster {
			t.Errorf("in the end %v, %v", list, err)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// A reload that changes an option has the daemon with it, at once and in the role that is; an instance that is renamed is
// followed on; without the keyword nothing runs.
func TestSyncIsReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, syncConf("lvs_sync_daemon eth0 VI_1"), nil)
		i.becomesMaster()
		i.kernel.TakeLog()
		for _, step := range []struct {
			words, name string
			ops         string
		}{
			{"lvs_sync_daemon eth0 VI_1 ttl 7", "VI_1", "stop master on eth0 id 51\nstart master on eth0 id 51"},
			{"lvs_sync_daemon eth0 VI_1 ttl 7\n  vrrp_version 2", "VI_1", ""},
			{"lvs_sync_daemon eth0 VI_2 ttl 7", "VI_2", ""},
			{"lvs_sync_daemon eth0 VI_2 id 8 maxlen 1000 port 9 group ff02::81", "VI_2", "stop master on eth0 id 51\nstart master on eth0 id 8"},
			{"lvs_sync_daemon eth0 VI_2 id 8 port 9 group ff02::81", "VI_2", "stop master on eth0 id 8\nstart master on eth0 id 8"},
			{"", "VI_2", "stop master on eth0 id 8"},
			{"lvs_sync_daemon eth0 VI_2", "VI_2", "start master on eth0 id 51"},
			{"lvs_sync_daemon eth0", "VI_2", "stop master on eth0 id 51"}, // for nobody's connections
		} {
			i.write(strings.ReplaceAll(syncConf(step.words), "vrrp_instance VI_1", "vrrp_instance "+step.name))
			<-i.ask(CommandReload)
			synctest.Wait()
			var want []string
			if step.ops != "" {
				want = strings.Split(step.ops, "\n")
			}
			i.synced(want...)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
		i.synced()
	})
}

// Without an instance both run, for the virtual servers.
func TestSyncStandsWithoutAnInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, syncConf("lvs_sync_daemon eth0 id 4")+oneService, nil)
		i.becomesMaster()
		i.synced("start master on eth0 id 4", "start backup on eth0 id 4")
		if err := i.end(); err != nil {
			t.Error(err)
		}
		i.synced("stop master on eth0 id 4", "stop backup on eth0 id 4")
	})
}

// A daemon that runs virtual routers or virtual servers alone has that which follows its own.
func TestSyncOfOneSubsystem(t *testing.T) {
	for _, c := range []struct {
		words          string
		vrrp, checkers bool
		ops            []string
	}{
		{"lvs_sync_daemon eth0 VI_1", true, false, []string{"start backup on eth0 id 51"}},
		{"lvs_sync_daemon eth0 VI_1", false, true, nil},
		{"lvs_sync_daemon eth0", true, false, nil},
		{"lvs_sync_daemon eth0", false, true, []string{"start master on eth0 id 0", "start backup on eth0 id 0"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, syncConf(c.words)+oneService, func(o *Options) { o.VRRP, o.Checkers = c.vrrp, c.checkers })
			i.synced(c.ops...)
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without IPVS nothing is shared; the router does not care, and the status says so.
func TestRoutersWithoutIPVSAreNotSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, syncConf("lvs_sync_daemon eth0 VI_1"), func(o *Options) {
			o.Kernel = func(context.Context) (ipvs.Kernel, error) { return nil, errors.Join(ipvs.ErrUnavailable) }
		})
		i.becomesMaster()
		if s := i.status().Sync; s == nil || len(s.Failing) != 1 || !strings.Contains(s.Failing[0].Error, "no IPVS") {
			t.Errorf("status %+v", s)
		}
		if reason := i.unready(); reason != "" {
			t.Errorf("unready: %s", reason)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// --dont-release-ipvs leaves the kernel's daemon as it leaves the table, for the next start to take over.
func TestSyncIsKeptWithTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, syncConf("lvs_sync_daemon eth0 VI_1"), func(o *Options) { o.KeepIPVS = true })
		i.kernel.TakeLog()
		if err := i.end(); err != nil {
			t.Error(err)
		}
		i.synced()
	})
}

// One is served by its own instance alone: from when clients come to it until it is decided that it gives way. What comes late
// of a mastership that is over says nothing, nor does the end.
func TestSyncFollowsItsInstance(t *testing.T) {
	transition := func(name confparse.InstanceName, to election.State) []vrrp.Change {
		return []vrrp.Change{{Instance: name, To: to}}
	}
	s := &syncing{roles: make(map[confparse.InstanceName]role)}
	for i, c := range []struct {
		decided, followed []vrrp.Change
		want              bool
	}{
		{transition("A", vrrp.Backup), nil, false},
		{transition("A", vrrp.Master), nil, false}, // the addresses are still to come, or it waits for its programs
		{nil, transition("A", vrrp.Master), true},
		{transition("B", vrrp.Fault), transition("B", vrrp.Fault), true},
		{nil, []vrrp.Change{{Kind: vrrp.LowerMaster, Instance: "A", From: vrrp.Backup, To: vrrp.Backup}, {Group: "A", To: vrrp.Backup}}, true},
		{transition("A", vrrp.Backup), nil, false},
		{nil, transition("A", vrrp.Master), false}, // it comes late
		{transition("A", vrrp.Master), transition("A", vrrp.Backup), false},
		{nil, transition("A", vrrp.Master), true},
		{transition("A", vrrp.Init), transition("A", vrrp.Init), true},
	} {
		s.look(c.decided, c.followed)
		if got := s.roles["A"].serves; got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
