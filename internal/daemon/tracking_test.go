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
	"vigil/internal/status"
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

// stands reports whether a virtual router is as wanted: "on 80" is BACKUP or MASTER with that priority, for how long somebody
// who stands for election is BACKUP a loaded machine does not say.
func stands(state, want string) bool {
	for _, s := range []string{"BACKUP", "MASTER"} {
		if rest, ok := strings.CutPrefix(state, s); ok && strings.HasPrefix(want, "on") {
			state = "on" + rest
		}
	}
	return state == want
}

// await waits for a state, in real time.
func (i *instance) await(want string) {
	i.t.Helper()
	for end := time.Now().Add(time.Minute); !stands(i.state(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			i.t.Fatalf("state %s, want %s\n%s", i.state(), want, i.log)
		}
	}
}

// TestStatusTellsOfTrackers: what each is, since when, and what comes of it for whom.
func TestStatusTellsOfTrackers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "number")
	if err := os.WriteFile(file, []byte("-20"), 0o600); err != nil {
		t.Fatal(err)
	}
	router := func(name string, vrid int, words string) string {
		return fmt.Sprintf("vrrp_instance %s {\n interface eth0\n virtual_router_id %d\n priority 100\n virtual_ipaddress {\n  192.0.2.%d/24\n }\n%s\n}\n",
			name, vrid, vrid, words)
	}
	config := "global_defs {\n dynamic_interfaces\n}\ntrack_file f {\n file " + file + "\n}\n" +
		"vrrp_script slow {\n script \"/bin/sleep 1000\"\n timeout 1000\n}\n" + router("A", 51, " track_file {\n  f weight 2\n }") +
		router("B", 52, " track_script {\n  slow weight 5\n }\n track_file {\n  f weight 1 reverse\n }\n track_virtual_server 192.0.2.1 80\n") +
		"virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 10.0.0.1 80 {\n }\n}\n"
	begun := time.Now()
	i := launch(t, config, nil)
	i.await("on 60")
	s := i.status().VRRP.Trackers
	if len(s) != 3 {
		t.Fatalf("%+v", s)
	}
	for end := time.Now().Add(time.Minute); s[0].Run != "running" && time.Now().Before(end); time.Sleep(time.Millisecond) {
		s = i.status().VRRP.Trackers
	}
	if x := s[0]; x.Kind != "script" || x.Name != "slow" || x.State != "unknown" || x.Run != "running" {
		t.Errorf("script: %+v", x)
	}
	if s = s[1:]; s[0].Run != "" {
		t.Errorf("a file is %s", s[0].Run)
	}
	want := []status.TrackerEffect{{Instance: "A", Weight: 2, Points: -40}, {Instance: "B", Weight: 1, Reverse: true, Points: 20}}
	if f := s[0]; f.Kind != "file" || f.Name != "f" || f.State != "up" || f.Value != -20 || f.Since.Before(begun) || f.Since.After(time.Now()) ||
		!slices.Equal(f.Effects, want) {
		t.Errorf("file: %+v", f)
	}
	if v := s[1]; v.Kind != "virtual_server" || v.State == "unknown" || len(v.Effects) != 1 || v.Effects[0].Instance != "B" {
		t.Errorf("virtual server: %+v", v)
	}
	if err := i.end(); err != nil {
		t.Error(err)
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
	i.await("MASTER 255")
	must(os.WriteFile(path("drain"), []byte("1"), 0o644))
	i.await("FAULT 255")
	i.write(trackedRouter(""))
	if r := <-i.ask(CommandReload); r.Text != reloadApplied {
		t.Fatal(r)
	}
	i.await("on 255")
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
	i.await("on 255")
	quorum(false)
	i.await("FAULT 255")
	reload(service + router("100", " weight -20"))
	i.await("on 80")
	quorum(true)
	i.await("on 100")
	quorum(false)
	i.await("on 80")
	reload(router("100", " weight -20"))
	i.await("on 100")
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

// TestTrackScriptByReloadLeavesTheMaster: until it has run for the first time it counts as up, however long that takes; no
// advert of priority 0, no change. One that is there already stays as it was.
func TestTrackScriptByReloadLeavesTheMaster(t *testing.T) {
	dir := t.TempDir()
	begun, end, bad := filepath.Join(dir, "begun"), filepath.Join(dir, "end"), filepath.Join(dir, "bad")
	program := filepath.Join(dir, "chk")
	text := "#!/bin/sh\necho >>" + begun + "\nwhile [ ! -e " + end + " ]; do sleep 0.01; done\n[ ! -e " + bad + " ]\n"
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	i := launch(t, trackedRouter(""), nil)
	defer i.end()
	i.await("MASTER 255")
	script := "vrrp_script chk {\n script " + program + "\n interval 0.05\n timeout 60\n}\n"
	reload := func(config string) {
		t.Helper()
		i.write(config)
		if r := <-i.ask(CommandReload); r.Text != reloadApplied {
			t.Fatal(r)
		}
	}
	reload(script + trackedRouter("track_script {\n chk\n}"))
	until(t, "the program runs", func() bool { _, err := os.Stat(begun); return err == nil })
	reload(script + trackedRouter("garp_master_repeat 2\ntrack_script {\n chk\n}"))
	if err := os.WriteFile(end, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	until(t, "its first success", func() bool { return strings.Contains(i.log.String(), "VRRP_Script(chk) succeeded") })
	if runs, err := os.ReadFile(begun); err != nil || strings.Contains(i.log.String(), "considered") {
		t.Errorf("a reload that does not touch the script began it anew: %q, %v", runs, err)
	}
	if c := i.routers.runner.Load().Status().Instances[0].Counters; i.state() != "MASTER 255" || c.PriorityZeroSent != 0 || c.BecameMaster != 1 {
		t.Errorf("%s, %+v", i.state(), c)
	}
	if err := os.WriteFile(bad, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	i.await("FAULT 255")
}

// until waits for a condition, in real time.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// TestScriptOfAGroup: a program that the group tracks moves its members together, each by its weight or both to FAULT; a
// weight of one member alone counts for nothing unless the group says so.
func TestScriptOfAGroup(t *testing.T) {
	dir := t.TempDir()
	program, bad := filepath.Join(dir, "chk"), filepath.Join(dir, "bad")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n[ ! -e "+bad+" ]\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := func(member, group string) string {
		one := strings.Replace(trackedRouter(member), "priority 255", "priority 100", 1)
		return "vrrp_script chk {\n script " + program + "\n interval 0.05\n timeout 30\n}\n" + one +
			strings.NewReplacer("vrrp_instance V", "vrrp_instance W", "router_id 51", "router_id 52", "192.0.2.1/", "192.0.2.2/").Replace(
				strings.Replace(trackedRouter(""), "priority 255", "priority 100", 1)) +
			"vrrp_sync_group G {\n group {\n  V\n  W\n }\n" + group + "\n}\n"
	}
	states := func(i *instance) string {
		runner := i.routers.runner.Load()
		if runner == nil {
			return ""
		}
		var all []string
		for _, s := range runner.Status().Instances {
			all = append(all, fmt.Sprint(s.State, " ", s.Priority))
		}
		return strings.NewReplacer("BACKUP", "on", "MASTER", "on").Replace(strings.Join(all, ", "))
	}
	const chk, weighted = "track_script {\n chk\n}", "track_script {\n chk weight -20\n}"
	for _, tt := range []struct{ name, member, group, bad string }{
		{"of the group", "", chk, "FAULT 100, FAULT 100"},
		{"of the group, with weight", "", weighted, "on 80, on 80"},
		{"of a member", chk, "", "FAULT 100, FAULT 100"},
		{"of a member, with weight, where the group allows that", weighted, "sync_group_tracking_weight", "on 80, on 100"},
		{"of a member with weight, and of the group", weighted, chk, "FAULT 100, FAULT 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := launch(t, config(tt.member, tt.group), nil)
			defer i.end()
			until(t, "both begin", func() bool { return states(i) == "on 100, on 100" })
			if err := os.WriteFile(bad, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			until(t, tt.bad, func() bool { return states(i) == tt.bad })
			if err := os.Remove(bad); err != nil {
				t.Fatal(err)
			}
			until(t, "both are back", func() bool { return states(i) == "on 100, on 100" })
		})
	}
}
