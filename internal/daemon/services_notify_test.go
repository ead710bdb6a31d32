package daemon

import (
	"bufio"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/script"
	"vigil/ipvs"
	"vigil/ipvs/pool"
)

// telling is a teller that runs programs as whoever runs the test.
func telling(t *testing.T) *teller {
	t.Helper()
	r := script.NewRunner(script.Options{})
	task := startTask("programs", nil, r.Run)
	t.Cleanup(func() { task.stop(scriptStopLimit) })
	return newTeller(nothingLogged, r)
}

var nothingLogged = slog.New(slog.DiscardHandler)

func logTo(b *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func myself() confparse.Identity {
	return confparse.Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
}

func program(argv ...string) confparse.Program {
	return confparse.ProgramOf(&confparse.Script{Argv: argv, RunAs: myself()})
}

var (
	toldVS = confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.1"), Port: 80}
	toldRS = netip.MustParseAddrPort("198.51.100.1:8080")
)

func serverEvent(kind pool.NoteKind, wasUp bool, n pool.Notify) ipvs.Event {
	return ipvs.Event{VirtualServer: toldVS, Note: pool.Note{Kind: kind, Server: toldRS, Up: wasUp, Notify: n}}
}

func TestToldLines(t *testing.T) {
	const rs, vs = "RS [198.51.100.1]:tcp:8080 [192.0.2.1]:tcp:80", "VS [192.0.2.1]:tcp:80"
	for _, c := range []struct {
		event ipvs.Event
		want  string
	}{
		{serverEvent(pool.ServerUp, true, pool.Notify{}), rs + " UP"},
		{serverEvent(pool.ServerDown, false, pool.Notify{}), rs + " DOWN"},
		{serverEvent(pool.ServerGone, true, pool.Notify{}), rs + " DOWN"},
		{serverEvent(pool.ServerGone, false, pool.Notify{}), ""},
		{serverEvent(pool.WeightChanged, true, pool.Notify{}), ""},
		{serverEvent(pool.CheckDone, true, pool.Notify{}), ""},
		{serverEvent(pool.PanicBegan, false, pool.Notify{}), ""},
		{serverEvent(pool.QuorumGained, false, pool.Notify{}), vs + " UP"},
		{serverEvent(pool.QuorumLost, false, pool.Notify{}), vs + " DOWN"},
	} {
		if line, _, _ := told(c.event); line != c.want {
			t.Errorf("%v: %q, want %q", c.event.Kind, line, c.want)
		}
	}
}

// The programs of an event run, those of one object in order; the pipe has all lines in order.
func TestProgramsAndPipeAreTold(t *testing.T) {
	dir := t.TempDir()
	path, fifo := filepath.Join(dir, "log"), filepath.Join(dir, "fifo")
	note := func(word string) confparse.Program {
		return program("/bin/sh", "-c", "echo "+word+" >> "+path)
	}
	server := pool.NotifyOf(pool.Told{Up: note("up"), Down: note("down")})
	quorum := pool.NotifyOf(pool.Told{Up: note("gained"), Down: note("lost")})
	tell := telling(t)
	tell.set(toldSpec{Services: pipeSpec{Path: fifo, Owner: myself()}})
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 3 {
		tell.tell(serverEvent(pool.ServerDown, false, server))
		tell.tell(serverEvent(pool.ServerUp, true, server))
	}
	tell.tell(serverEvent(pool.QuorumLost, false, quorum))
	in := bufio.NewScanner(f)
	var lines []string
	for len(lines) < 7 && in.Scan() {
		lines = append(lines, in.Text()[strings.LastIndexByte(in.Text(), ' ')+1:])
	}
	if got := strings.Join(lines, " "); got != "DOWN UP DOWN UP DOWN UP DOWN" {
		t.Errorf("pipe: %s", got)
	}
	// At the end they are started soon after each other, so that the last one is run; until then each waits for the one before.
	var words []string
	for len(words) < 7 && t.Context().Err() == nil {
		time.Sleep(5 * time.Millisecond)
		b, _ := os.ReadFile(path)
		words = strings.Fields(string(b))
	}
	tell.close()
	var order []string
	quorums := 0
	for _, w := range words {
		if w == "lost" {
			quorums++
			continue
		}
		order = append(order, w)
	}
	if got := strings.Join(order, " "); got != "down up down up down up" || quorums != 1 {
		t.Errorf("programs: %s", words)
	}
}

// lvs_notify_fifo_script reads the pipe, whose path is its last argument, and ends with it.
func TestPipeReader(t *testing.T) {
	dir := t.TempDir()
	fifo, done := filepath.Join(dir, "fifo"), filepath.Join(dir, "done")
	if err := unix.Mkfifo(done, 0o600); err != nil { // on which the reader says what it has read
		t.Fatal(err)
	}
	tell := telling(t)
	reader := program("/bin/sh", "-c", `read line < "$2"; echo "$line" > "$1"`, "sh", done)
	tell.set(toldSpec{Services: pipeSpec{Path: fifo, Owner: myself(), Reader: reader}})
	tell.tell(serverEvent(pool.ServerDown, false, pool.Notify{}))
	line, err := os.ReadFile(done)
	if string(line) != "RS [198.51.100.1]:tcp:8080 [192.0.2.1]:tcp:80 DOWN\n" {
		t.Errorf("the reader got %q, %v", line, err)
	}
	tell.close()
	if _, err := os.Stat(fifo); !os.IsNotExist(err) {
		t.Errorf("the pipe stays: %v", err)
	}
}

// A pipe that cannot be had is no reason not to run programs; another path is another pipe.
func TestAnotherPipe(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	tell := telling(t)
	tell.services.set(pipeSpec{Path: filepath.Join(dir, "no", "fifo")})
	tell.tell(serverEvent(pool.ServerDown, false, pool.Notify{}))
	tell.services.set(pipeSpec{Path: a, Owner: myself()})
	first := tell.services.pipe.Load()
	tell.services.set(pipeSpec{Path: a, Owner: myself()})
	if tell.services.pipe.Load() != first {
		t.Error("the same pipe is opened anew")
	}
	tell.services.set(pipeSpec{Path: b, Owner: myself()})
	for path, want := range map[string]bool{a: false, b: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	tell.close()
}

// A path that a reload gives to another keyword is there afterwards, and so is one that could not be had before.
func TestAPipeThatAnotherKeywordGets(t *testing.T) {
	dir := t.TempDir()
	a, b := pipeSpec{Path: filepath.Join(dir, "a"), Owner: myself()}, pipeSpec{Path: filepath.Join(dir, "later", "b"), Owner: myself()}
	tell := telling(t)
	for _, next := range []toldSpec{{Routers: a}, {All: a}, {Services: a}, {Routers: a, All: b}, {All: a, Services: b},
		{All: a, Services: a}, {Services: a}, {All: a, Routers: a}, {Routers: a}} {
		tell.set(next)
		if _, err := os.Stat(a.Path); err != nil {
			t.Errorf("%+v: %v", next, err)
		}
	}
	if err := os.Mkdir(filepath.Dir(b.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	tell.set(toldSpec{All: a, Services: b})
	if _, err := os.Stat(b.Path); err != nil || tell.services.pipe.Load() == nil {
		t.Errorf("when it can be had: %v", err)
	}
	tell.close()
}

// From the configuration to the program: a start tells of the quorum, and the end, with omega, of every server and of it.
func TestOmegaIsToldAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	path, tell := filepath.Join(dir, "told"), filepath.Join(dir, "tell")
	if err := os.WriteFile(tell, []byte("#!/bin/sh\necho \"$@\" >> "+path+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := "global_defs {\n script_user root\n}\nvirtual_server 192.0.2.1 80 {\n lb_algo rr\n protocol TCP\n omega\n" +
		" quorum_up \"" + tell + " gained\"\n quorum_down \"" + tell + " lost\"\n" +
		" real_server 198.51.100.1 80 {\n  notify_down \"" + tell + " down\"\n }\n}\n"
	if os.Geteuid() != 0 {
		t.Skip("programs are run as root here")
	}
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, config, nil)
		if err := i.end(); err != nil {
			t.Errorf("%v\n%s", err, i.log)
		}
	})
	b, _ := os.ReadFile(path)
	words := strings.Fields(string(b))
	slices.Sort(words) // of different objects
	if got := strings.Join(words, " "); got != "down gained lost" {
		t.Errorf("told: %q", b)
	}
}
