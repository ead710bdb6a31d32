package daemon

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/vrrp"
)

// heard is a herald whose pipe and programs are recorded.
type heard struct {
	*herald
	t    *testing.T
	fifo *os.File

	mu  sync.Mutex
	ran []string
}

// listen returns a herald with a vrrp_notify_fifo, that says nothing of priorities unless it is asked for.
func listen(t *testing.T) *heard {
	t.Helper()
	h := &heard{t: t}
	tell := newTeller(nothingLogged, nil)
	tell.programs = notify.NewPrograms(func(_ context.Context, p confparse.Program) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ran = append(h.ran, strings.Join(p.Argv(), " "))
	})
	path := filepath.Join(t.TempDir(), "fifo")
	tell.routers.set(pipeSpec{Path: path, Owner: myself()})
	h.fifo = openPipe(t, path)
	h.herald = newHerald(tell)
	return h
}

// openPipe opens a pipe for reading. What it has is read when its writer has gone.
func openPipe(t *testing.T, path string) *os.File {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { f.Close() })
	return f
}

func linesOf(f *os.File) (lines []string) {
	for in := bufio.NewScanner(f); in.Scan(); {
		lines = append(lines, in.Text())
	}
	return lines
}

// end returns the lines and the programs that were run.
func (h *heard) end() (lines, programs string) {
	h.t.Helper()
	h.teller.close()
	return strings.Join(linesOf(h.fifo), "\n"), strings.Join(h.ran, "\n")
}

var everything = vrrp.Told{Master: program("m", "a b"), Backup: program("b"), Fault: program("f"), Stop: program("s"), Deleted: program("d"),
	Any: program("n", "x"), LowerMaster: program("l")}

func change(from, to vrrp.State, told vrrp.Told, edit ...func(*vrrp.Change)) vrrp.Change {
	c := vrrp.Change{Instance: "V 1", From: from, To: to, Priority: 101, Told: vrrp.AudienceOf(told)}
	for _, f := range edit {
		f(&c)
	}
	return c
}

func ofGroup(c *vrrp.Change)       { c.Instance, c.Group, c.Priority = "", "G", 0 }
func byReload(c *vrrp.Change)      { c.Removed = true }
func lowerMaster(c *vrrp.Change)   { c.Kind = vrrp.LowerMaster }
func priorityEvent(c *vrrp.Change) { c.Kind = vrrp.PriorityChanged }

// What is written, run and mailed of each kind of change: the program for it, then the one for all with four arguments.
func TestWhatIsToldOfARouter(t *testing.T) {
	deleted, priorities := everything, everything
	deleted.SaysDeleted, priorities.Priorities = true, confparse.On
	const instance, group = "VRRP Instance V 1 - ", "VRRP Group G - "
	const lost = "=> VRRP Instance is no longer owning VRRP VIPs <="
	for _, c := range []struct {
		change         vrrp.Change
		line, programs string
		subject, body  string
	}{
		{change(vrrp.Backup, vrrp.Master, everything), `INSTANCE "V 1" MASTER 101`, "m a b\nn x INSTANCE V 1 MASTER 101",
			instance + "Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="},
		{change(vrrp.Init, vrrp.Backup, everything), `INSTANCE "V 1" BACKUP 101`, "b\nn x INSTANCE V 1 BACKUP 101", instance + "Entering BACKUP state", lost},
		{change(vrrp.Backup, vrrp.Fault, everything), `INSTANCE "V 1" FAULT 101`, "f\nn x INSTANCE V 1 FAULT 101", instance + "Entering FAULT state", lost},
		{change(vrrp.Master, vrrp.Init, everything), `INSTANCE "V 1" STOP 101`, "s\nn x INSTANCE V 1 STOP 101",
			instance + "Stopping", "=> VRRP Instance is stopping <="},
		{change(vrrp.Master, vrrp.Init, everything, byReload), `INSTANCE "V 1" FAULT 101`, "f\nn x INSTANCE V 1 FAULT 101",
			instance + "Entering FAULT state", lost},
		{change(vrrp.Master, vrrp.Init, deleted, byReload), `INSTANCE "V 1" DELETED 101`, "d\nn x INSTANCE V 1 DELETED 101",
			instance + "Deleted", "=> VRRP Deleted at reload <="},
		{change(vrrp.Master, vrrp.Master, everything, lowerMaster), `INSTANCE "V 1" MASTER_RX_LOWER_PRI 101`, "l", "", ""},
		{change(vrrp.Master, vrrp.Master, everything, priorityEvent), "", "", "", ""},
		{change(vrrp.Master, vrrp.Master, priorities, priorityEvent), `INSTANCE "V 1" MASTER_PRIORITY 101`, "", "", ""},
		{change(vrrp.Fault, vrrp.Fault, priorities, priorityEvent), `INSTANCE "V 1" BACKUP_PRIORITY 101`, "", "", ""},
		{change(vrrp.Backup, vrrp.Master, everything, ofGroup), `GROUP "G" MASTER 0`, "m a b\nn x GROUP G MASTER 0",
			group + "Entering MASTER state", "=> All VRRP group instances are now in MASTER state <="},
		{change(vrrp.Backup, vrrp.Init, everything, ofGroup), `GROUP "G" STOP 0`, "s\nn x GROUP G STOP 0",
			group + "Stopping", "=> All VRRP group instances are now stopping <="},
		{change(vrrp.Backup, vrrp.Init, everything, ofGroup, byReload), "", "", "", ""},
		{change(vrrp.Backup, vrrp.Master, vrrp.Told{}), `INSTANCE "V 1" MASTER 101`, "", instance + "Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="},
	} {
		h := listen(t)
		h.tell(c.change)
		if line, programs := h.end(); line != c.line || programs != c.programs {
			t.Errorf("%+v: %q and %q\nwant %q and %q", c.change, line, programs, c.line, c.programs)
		}
		word, _ := spoken(c.change, c.change.Told.Told())
		if c.change.Kind != vrrp.Transition || word == "" {
			continue
		}
		m, ok := newHerald(nil).alert(&mailSpec{RouterID: "lb1", Routers: true}, c.change, word)
		if !ok || m.Subject != "[lb1] "+c.subject || m.Body != c.body {
			t.Errorf("%+v: mail %q, %q\nwant %q, %q", c.change, m.Subject, m.Body, c.subject, c.body)
		}
	}
}

// A state is mailed once; no_email_faults leaves out FAULT, after which the state before it is no news.
func TestStatesAreMailedOnce(t *testing.T) {
	for _, tt := range []struct {
		spec          mailSpec
		told          confparse.Switch
		states, mails string
	}{
		{mailSpec{Routers: true}, confparse.Unset, "BACKUP FAULT BACKUP MASTER", "BACKUP FAULT BACKUP MASTER"},
		{mailSpec{Routers: true, NoFaults: true}, confparse.Unset, "BACKUP FAULT BACKUP MASTER FAULT BACKUP", "BACKUP MASTER BACKUP"},
		{mailSpec{Routers: true}, confparse.Off, "BACKUP MASTER", ""},
		{mailSpec{}, confparse.On, "BACKUP MASTER", "BACKUP MASTER"},
		{mailSpec{}, confparse.Unset, "BACKUP MASTER", ""},
	} {
		h := newHerald(nil)
		var mails []string
		for word := range strings.FieldsSeq(tt.states) {
			if _, wanted := h.alert(&tt.spec, change(vrrp.Init, vrrp.Init, vrrp.Told{Mail: tt.told}), word); wanted {
				mails = append(mails, word)
			}
		}
		if got := strings.Join(mails, " "); got != tt.mails {
			t.Errorf("%+v, %v: mailed %s, want %s", tt.spec, tt.told, got, tt.mails)
		}
	}
}

// Whether mails are sent: smtp_alert_vrrp, else smtp_alert, else not.
func TestRoutersAlertsThatAreWanted(t *testing.T) {
	for _, c := range []struct {
		routers, all confparse.Switch
		want         bool
	}{{confparse.Unset, confparse.Unset, false}, {confparse.Unset, confparse.On, true}, {confparse.Off, confparse.On, false}, {confparse.On, confparse.Off, true}} {
		s := mailOf(&confparse.Global{Mail: confparse.Mail{ServerHost: "192.0.2.5", Recipients: []string{"a"}, Alerts: c.all, VRRP: c.routers}})
		if s.Routers != c.want {
			t.Errorf("%+v: %v", c, s.Routers)
		}
	}
}

// record is a configuration whose programs note what they are told in path, and whose pipes are in dir.
func record(dir, extra, rest string) string {
	note := filepath.Join(dir, "note")
	path := filepath.Join(dir, "told")
	if err := os.WriteFile(note, []byte("#!/bin/sh\necho \"$@\" >> "+path+"\n"), 0o755); err != nil {
		panic(err)
	}
	config := "global_defs {\n script_user root\n dynamic_interfaces\n notify_fifo DIR/all\n vrrp_notify_fifo DIR/vrrp\n" + extra + "}\n" + rest
	return strings.NewReplacer("DIR", dir, "NOTE", note).Replace(config)
}

const toldPair = `vrrp_sync_group G {
  group {
    A
    B
  }
  notify_master "NOTE group master"
  notify_stop "NOTE group stop"
  notify "NOTE group"
}
vrrp_instance A {
  interface eth0
  virtual_router_id 51
  virtual_ipaddress {
    192.0.2.1/24
  }
  notify_master "NOTE 'A master'"
  notify_backup "NOTE A backup"
  notify "NOTE 'one word'"
}
`

func toldRouter(name string, vrid int, more string) string {
	return fmt.Sprintf("vrrp_instance %s {\n interface eth0\n virtual_router_id %d\n virtual_ipaddress {\n  192.0.2.%d/24\n }\n%s\n}\n", name, vrid, vrid, more)
}

// A whole life as keepalived tells of it: lines in its order in both pipes, arguments to the byte.
func TestALifeIsToldInOrder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("programs are run as root here")
	}
	dir := t.TempDir()
	b, c := toldRouter("B", 52, ""), toldRouter("C", 53, `notify_deleted "NOTE C deleted"`)
	config := func(rest string) string {
		return record(dir, " fifo_write_vrrp_states_on_reload\n startup_script \"NOTE startup\"\n shutdown_script \"NOTE shutdown\"\n", rest)
	}
	want := []string{`GROUP "G" BACKUP 0`, `INSTANCE "A" BACKUP 100`, `INSTANCE "B" BACKUP 100`, `INSTANCE "C" BACKUP 100`,
		`INSTANCE "A" MASTER 100`, `INSTANCE "B" MASTER 100`, `GROUP "G" MASTER 0`, `INSTANCE "C" MASTER 100`,
		// without C, which hands over first
		`INSTANCE "A" MASTER 100`, `INSTANCE "B" MASTER 100`, `GROUP "G" MASTER 0`,
		`INSTANCE "C" DELETED 100`,
		// at a reload of the same
		`INSTANCE "A" MASTER 100`, `INSTANCE "B" MASTER 100`, `GROUP "G" MASTER 0`,
		`INSTANCE "A" STOP 100`, `INSTANCE "B" STOP 100`, `GROUP "G" STOP 0`}
	var pipes []*os.File
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, config(toldPair+b+c), nil)
		pipes = []*os.File{openPipe(t, filepath.Join(dir, "all")), openPipe(t, filepath.Join(dir, "vrrp"))}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		reply, _ := i.reload(config(toldPair + b))
		reply.want(t, "without C", reloadApplied)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		reply, _ = i.reloadAgain()
		reply.want(t, "nothing new", reloadUnchanged)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := i.end(); err != nil {
			t.Errorf("%v\n%s", err, i.log)
		}
		for n, name := range []string{"all", "vrrp"} {
			got := linesOf(pipes[n])
			if diff := differences(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
	told, _ := os.ReadFile(filepath.Join(dir, "told"))
	of := func(prefix string) (list []string) {
		for line := range strings.Lines(string(told)) {
			if strings.HasPrefix(line, prefix) {
				list = append(list, strings.TrimSuffix(line, "\n"))
			}
		}
		return list
	}
	for prefix, want := range map[string]string{
		"A": "A backup, A master",
		// The program of that state before the one of all.
		"one":   "one word INSTANCE A BACKUP 100, one word INSTANCE A MASTER 100, one word INSTANCE A STOP 100",
		"group": "group GROUP G BACKUP 0, group master, group GROUP G MASTER 0, group stop, group GROUP G STOP 0",
		"C":     "C deleted",
	} {
		if got := strings.Join(of(prefix), ", "); got != want {
			t.Errorf("%s: %s\nwant %s", prefix, got, want)
		}
	}
	all := strings.Fields(string(told))
	if all[0] != "startup" || all[len(all)-1] != "shutdown" {
		t.Errorf("startup and shutdown: %s", told)
	}
}

// differences says how two lists differ. Routers that have nothing to do with each other, and members of a group whose
// lines follow each other, come in any order.
func differences(want, got []string) string {
	sorted := func(list []string) string {
		pair := slices.DeleteFunc(slices.Clone(list), func(line string) bool { return strings.Contains(line, `"C"`) })
		for i := 1; i < len(pair); i++ {
			a, b := strings.Fields(pair[i-1]), strings.Fields(pair[i])
			if a[1] == `"B"` && b[1] == `"A"` && a[2] == b[2] {
				pair[i-1], pair[i] = pair[i], pair[i-1]
			}
		}
		alone := slices.DeleteFunc(slices.Clone(list), func(line string) bool { return !strings.Contains(line, `"C"`) })
		return strings.Join(append(pair, alone...), "\n")
	}
	if sorted(want) == sorted(got) {
		return ""
	}
	return fmt.Sprintf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// startup_script is waited for, but no longer than it may take; what becomes of it stops nothing.
func TestStartupScriptIsWaitedFor(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("programs are run as root here")
	}
	for script, want := range map[string]string{"/bin/false": "exited with status 1", "/no/such/program": ""} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, "global_defs {\n script_user root\n startup_script "+script+"\n}\n"+oneService, nil)
			if destinations(i.kernel.Table()) != 2 {
				t.Errorf("%s: not started\n%s", script, i.log)
			}
			if err := i.end(); err != nil || !strings.Contains(i.log.String(), want) {
				t.Errorf("%s: %v\n%s", script, err, i.log)
			}
		})
	}
	spec := onceSpec{Program: program("/bin/sleep", "1000"), Timeout: time.Millisecond}
	var log logBuffer
	spec.run(t.Context(), "startup_script", logTo(&log))
	if !strings.Contains(log.String(), "timed out") {
		t.Errorf("log: %s", &log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	spec.Timeout = time.Hour
	spec.run(ctx, "startup_script", logTo(&log)) // told to stop
}
