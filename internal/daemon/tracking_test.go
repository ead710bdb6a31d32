package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/ipvs"
	"vigil/ipvs/pool"
)

// trackedRouter is an address owner, which is master as soon as it may be, with statements of its own.
func trackedRouter(statements string) string {
	return "vrrp_instance V {\n interface eth0\n virtual_router_id 51\n priority 255\n virtual_ipaddress {\n  192.0.2.1/24\n }\n" + statements + "\n}\n"
}

// state is the state and the priority of the first virtual router.
func (i *instance) state() string {
	runner := i.routers.runner.Load()
	if runner == nil || len(runner.Status().Instances) == 0 {
		return "none"
	}
	s := runner.Status().Instances[0]
	return fmt.Sprint(s.State, " ", s.Priority)
}

// await waits for a state, in real time.
func (i *instance) await(want string) {
	i.t.Helper()
	for end := time.Now().Add(time.Minute); i.state() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			i.t.Fatalf("state %s, want %s\n%s", i.state(), want, i.log)
		}
	}
}

// TestTrackersMoveARouter: a program, a process and a number in a file, from the first look to the reload that takes them
// away; and of what cannot be run keepalived's message, while the rest works.
func TestTrackersMoveARouter(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	program := "#!/bin/sh\n[ ! -e " + path("bad") + " ]\n"
	must(os.WriteFile(path("chk"), []byte(program), 0o755))
	config := "vrrp_script chk {\n script " + path("chk") + "\n interval 0.05\n timeout 30\n}\n" +
		"vrrp_script gone {\n script " + path("gone") + "\n}\n" +
		"vrrp_script idle {\n script " + path("chk") + "\n}\n" +
		"track_file drain {\n file " + path("drain") + "\n weight 0\n}\n" +
		"vrrp_track_process none {\n process vigil_no_such\n weight 0 reverse\n}\n" +
		trackedRouter("track_script {\n chk\n gone\n unknown\n}\ntrack_file {\n drain\n}\ntrack_process {\n none\n}")
	i := launch(t, config, nil)
	defer i.end()
	i.await("MASTER 255")
	must(os.WriteFile(path("bad"), nil, 0o644))
	i.await("FAULT 255")
	must(os.Remove(path("bad")))
	i.await("BACKUP 255") // an owner too waits then
	i.await("MASTER 255")
	must(os.WriteFile(path("drain"), []byte("1"), 0o644))
	i.await("FAULT 255")
	i.write(trackedRouter(""))
	if r := <-i.ask(CommandReload); r.Text != reloadApplied {
		t.Fatal(r)
	}
	i.await("BACKUP 255")
	for _, line := range []string{"Disabling track script gone since not found/accessible", "track script unknown not found, ignoring...",
		"Warning - script idle is not used", "VRRP_Script(chk) succeeded", "now returning 1", "VRRP_Script(chk) failed (exited with status 1)"} {
		if !strings.Contains(i.log.String(), line) {
			t.Errorf("not logged: %s\n%s", line, i.log)
		}
	}
}

// TestRouterFollowsAVirtualServer: while it has lost its quorum the router is in FAULT, or has another priority; one that a
// reload takes away counts no more.
func TestRouterFollowsAVirtualServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "drain")
	service := "track_file drain {\n file " + file + "\n weight 0\n}\nvirtual_server 192.0.2.1 80 {\n lb_algo rr\n protocol TCP\n" +
		" real_server 198.51.100.1 80 {\n  FILE_CHECK {\n   track_file drain\n  }\n }\n}\n"
	router := func(priority, weight string) string {
		return strings.Replace(trackedRouter("track_virtual_server 192.0.2.1 80"+weight), "priority 255", "priority "+priority, 1)
	}
	i := launch(t, service+router("255", ""), nil)
	defer i.end()
	quorum := func(up bool) {
		t.Helper()
		if err := os.WriteFile(file, []byte(map[bool]string{true: "0", false: "1"}[up]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reload := func(config string) {
		t.Helper()
		i.write(config)
		if r := <-i.ask(CommandReload); r.Text != reloadApplied {
			t.Fatal(r)
		}
	}
	i.await("MASTER 255")
	quorum(false)
	i.await("FAULT 255")
	quorum(true)
	i.await("BACKUP 255")
	quorum(false)
	i.await("FAULT 255")
	reload(service + router("100", " weight -20"))
	i.await("BACKUP 80")
	quorum(true)
	i.await("BACKUP 100")
	quorum(false)
	i.await("BACKUP 80")
	reload(router("100", " weight -20"))
	i.await("BACKUP 100")
	if want := "(V) track virtual_server 192.0.2.1 80 not found, ignoring..."; !strings.Contains(i.log.String(), want) {
		t.Errorf("not logged: %s", want)
	}
}

// TestQuorums: one name may stand for several virtual servers, which are up together; nothing is told of what is not known.
func TestQuorums(t *testing.T) {
	cfg := desiredConfig(t, "virtual_server 192.0.2.1 53 {\nprotocol TCP\nreal_server 10.0.0.1 53 {\n}\n}\nvirtual_server 192.0.2.1 53 {\nprotocol UDP\nreal_server 10.0.0.1 53 {\n}\n}\n"+
		"virtual_server fwmark 5 {\nreal_server 10.0.0.1 53 {\n}\n}\n"+trackedRouter("track_virtual_server 192.0.2.1 53")+
		"vrrp_sync_group G {\ngroup {\nV\n}\ntrack_virtual_server fwmark 5\n}\n")
	list := followedOf(cfg)
	if len(list) != 2 || len(list[0].Servers) != 2 || list[1].Name != "fwmark 5" {
		t.Fatalf("%+v", list)
	}
	var told []string
	q := quorums{tell: func(id track.ID, v int) { told = append(told, fmt.Sprint(id.Name, "=", v)) },
		forget: func(id track.ID) { told = append(told, id.Name+" forgotten") }}
	tcp, udp := list[0].Servers[0], list[0].Servers[1]
	for n, step := range []struct {
		do   func()
		want string
	}{
		{func() { q.set(list, nil) }, ""},
		{func() { q.take(ipvs.Event{VirtualServer: tcp, Note: pool.Note{Kind: ipvs.QuorumGained}}) }, "192.0.2.1 53=1"},
		{func() { q.take(ipvs.Event{VirtualServer: udp, Note: pool.Note{Kind: ipvs.QuorumLost}}) }, "192.0.2.1 53=0"},
		{func() { q.take(ipvs.Event{VirtualServer: udp, Note: pool.Note{Kind: ipvs.ServerUp}}) }, ""},
		{func() { q.set(list, []ipvs.PoolStatus{{VirtualServer: udp, QuorumUp: true}}) }, "192.0.2.1 53=1"},
		{func() { q.set(list[:1], nil) }, "fwmark 5 forgotten 192.0.2.1 53=1"},
		{func() { q.set(nil, nil) }, "192.0.2.1 53 forgotten"},
	} {
		told = nil
		if step.do(); strings.Join(told, " ") != step.want {
			t.Errorf("step %d: told %q, want %q", n, told, step.want)
		}
	}
}

// desiredConfig loads a configuration without errors.
func desiredConfig(t *testing.T, text string) *confparse.Config {
	t.Helper()
	cfg, diags := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", confparse.Env{Hostname: "host"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return cfg
}

// TestPlanNamesTrackers: what is watched is a part of the plan, and its order in the file is not.
func TestPlanNamesTrackers(t *testing.T) {
	trackers := func(interval string) string {
		return "vrrp_script a {\nscript /bin/a\ninterval " + interval + "\n}\nvrrp_script b {\nscript /bin/b\n}\nvrrp_track_process p {\nprocess x\n}\ntrack_file f {\nfile /run/f\n}\n"
	}
	router := trackedRouter("track_script {\na\nb\n}\ntrack_process {\np\n}\ntrack_file {\nf\n}")
	steps := func(from, to string) (list []string) {
		for _, s := range (&tracking{}).diff(desired(t, from), desired(t, to)) {
			list = append(list, string(s.Verb)+" "+s.Object)
		}
		return list
	}
	for _, tt := range []struct {
		from, to string
		want     []string
	}{
		{trackers("1") + router, trackers("1") + router, nil},
		{trackers("1") + router, trackers("2") + router, []string{"~ vrrp_script a"}},
		{trackers("1") + router, trackedRouter(""), []string{"- vrrp_script a", "- vrrp_script b", "- vrrp_track_process p", "- track_file f"}},
		{trackers("1"), trackers("1") + router, []string{"+ vrrp_script a", "+ vrrp_script b", "+ vrrp_track_process p", "+ track_file f"}},
		{trackers("1") + router, strings.Replace(trackers("1"), "script b", "script c", 1) + strings.Replace(router, "b\n", "c\n", 1),
			[]string{"+ vrrp_script c", "- vrrp_script b"}},
	} {
		if got := steps(tt.from, tt.to); !slices.Equal(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
