package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// machine is a host with a /run of its own and two named network namespaces, red and blue. Both have an eth0.
type machine struct {
	t      *testing.T
	lab    *testlan.Lab
	host   *testlan.Host
	holder *testlan.Process // keeps its mounts
	self   string
}

const machineSetUp = `set -e
mount --make-rprivate /
mount -t tmpfs run /run
ip link add name outside type veth peer name beside
for n in red blue; do
	ip netns add $n
	ip -n $n link set lo up
	ip link add eth0 netns $n type veth peer name peer netns $n
	ip -n $n link set peer up
	ip -n $n link set eth0 up
	ip -n $n address add 192.0.2.9/24 dev eth0
done
touch /run/ready
exec sleep 1000000`

func newMachine(t *testing.T) *machine {
	t.Setenv(asProgram, "1")
	lab := testlan.ForTest(t)
	host, err := lab.Host("machine")
	if err != nil {
		t.Fatal(err)
	}
	holder, err := host.Start("holder", nil, "unshare", "--mount", "sh", "-c", machineSetUp)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, lab: lab, host: host, holder: holder}
	if m.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	m.until("the machine", func() bool { return m.exists("ready") })
	return m
}

var errNotYet = errors.New("not yet")

// until waits for a condition, however slow the machine is.
func (m *machine) until(what string, holds func() bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Minute)
	defer cancel()
	err := testlan.Until(ctx, what, func() error {
		if holds() {
			return nil
		}
		return errNotYet
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// path is a file below the machine's /run.
func (m *machine) path(name string) string { return m.pathOf(m.holder.PID(), name) }

// pathOf is a file below /run as a process of it sees it.
func (m *machine) pathOf(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), "root/run", name)
}

func (m *machine) exists(name string) bool {
	_, err := os.Stat(m.path(name))
	return err == nil
}

// configure writes a configuration with one virtual router behind the lines given.
func (m *machine) configure(lines string) {
	m.t.Helper()
	text := lines + "vrrp_instance V {\ninterface eth0\nstate MASTER\npriority 255\nvirtual_router_id 7\n" +
		"virtual_ipaddress {\n192.0.2.171/24\n}\n}\n"
	if err := os.WriteFile(m.path("k.conf"), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) inside(argv ...string) []string {
	return append([]string{"nsenter", "--mount", "--root", "-t", strconv.Itoa(m.holder.PID())}, argv...)
}

func (m *machine) daemon(options ...string) []string {
	return append([]string{m.self, "-f", "/run/k.conf", "-G", "-l"}, options...)
}

func (m *machine) start(options ...string) *testlan.Process {
	m.t.Helper()
	p, err := m.host.Start("keepalived", nil, m.inside(m.daemon(append(options, "-n")...)...)...)
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

func (m *machine) output(argv ...string) (string, error) {
	return m.host.Output(m.t.Context(), m.inside(argv...)...)
}

// hasAddress reports whether the virtual address is in a network namespace.
func (m *machine) hasAddress(namespace string) bool {
	m.t.Helper()
	out, err := m.output("ip", "-n", namespace, "-o", "address", "show", "dev", "eth0")
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Contains(out, "192.0.2.171/")
}

// wantAllThreadsIn fails unless every thread of a process is in the network namespace.
func (m *machine) wantAllThreadsIn(pid int, namespace string) {
	m.t.Helper()
	var want syscall.Stat_t
	if err := syscall.Stat(m.path("netns/"+namespace), &want); err != nil {
		m.t.Fatal(err)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(threads) < 2 {
		m.t.Fatalf("threads %v, %v", threads, err)
	}
	for _, thread := range threads {
		var got syscall.Stat_t
		if err := syscall.Stat(filepath.Join(thread, "ns/net"), &got); err == nil && (got.Ino != want.Ino || got.Dev != want.Dev) {
			m.t.Errorf("%s is not in %s", thread, namespace)
		}
	}
}

// readPID is the pid in a file below the machine's /run, as its process pid sees it if that is not 0. Without one it is 0.
func (m *machine) readPID(pid int, name string) int {
	m.t.Helper()
	path := m.path(name)
	if pid != 0 {
		path = m.pathOf(pid, name)
	}
	b, _ := os.ReadFile(path)
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// TestRunsInItsNetworkNamespace: the address goes where the configuration or the command line says, with every thread
// and the pid files, and nothing is left of it.
func TestRunsInItsNetworkNamespace(t *testing.T) {
	m := newMachine(t)
	for _, tt := range []struct {
		rule, lines string
		options     []string
		in, pidFile string
	}{
		{"net_namespace", "net_namespace blue\n", nil, "blue", "keepalived.pid"},
		{"--namespace", "", []string{"-s", "red"}, "red", "keepalived.pid"},
		{"--namespace wins", "net_namespace no-such-namespace\n", []string{"--namespace=red"}, "red", "keepalived.pid"},
		{"with an instance name", "net_namespace blue\ninstance west\n", nil, "blue", "keepalived_west.pid"},
	} {
		m.configure(tt.lines)
		p := m.start(tt.options...)
		m.until(tt.rule, func() bool { return m.hasAddress(tt.in) })
		if other := map[string]string{"red": "blue", "blue": "red"}[tt.in]; m.hasAddress(other) {
			t.Errorf("%s: the address is in %s too", tt.rule, other)
		}
		m.wantAllThreadsIn(p.PID(), tt.in)
		outside := filepath.Join("keepalived", tt.in, tt.pidFile)
		if a, b := m.readPID(0, outside), m.readPID(p.PID(), "keepalived/"+tt.pidFile); a != p.PID() || b != p.PID() {
			t.Errorf("%s: pid files say %d and %d, the process is %d", tt.rule, a, b, p.PID())
		}
		for _, mark := range []string{"/run/keepalived.pid", "/run/vrrp.pid"} {
			if m.exists(filepath.Base(mark)) {
				t.Errorf("%s: %s is there too", tt.rule, mark)
			}
		}
		if err := p.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v\n%s", tt.rule, err, p.Log.Tail(20))
		}
		if m.hasAddress(tt.in) || m.exists("keepalived") {
			t.Errorf("%s: address or directory of pid files left behind", tt.rule)
		}
	}
}

// TestProgramThatIsGoneRunsInItsNetworkNamespace: what executes itself again is the program that runs, not a file that was
// replaced by another version's or removed since.
func TestProgramThatIsGoneRunsInItsNetworkNamespace(t *testing.T) {
	m := newMachine(t)
	m.configure("net_namespace blue\n")
	program, err := os.ReadFile(m.self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.path("program"), program, 0o700); err != nil {
		t.Fatal(err)
	}
	const gone = `exec 9</run/program && rm /run/program && shift && exec /proc/self/fd/9 "$@"`
	p, err := m.host.Start("keepalived", nil, m.inside(append([]string{"sh", "-c", gone, "sh"}, m.daemon("-n")...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	m.until("the address", func() bool { return m.hasAddress("blue") })
	m.wantAllThreadsIn(p.PID(), "blue")
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNamespacesBesideEachOther: a daemon in each, with the same configuration but for that, and in the background.
func TestNamespacesBesideEachOther(t *testing.T) {
	m := newMachine(t)
	m.configure("")
	pids := make(map[string]int)
	for _, name := range []string{"red", "blue"} {
		if out, err := m.output(m.daemon("-s", name)...); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		pids[name] = m.readPID(0, "keepalived/"+name+"/keepalived.pid")
		m.wantAllThreadsIn(pids[name], name)
	}
	for _, name := range []string{"red", "blue"} {
		m.until(name, func() bool { return m.hasAddress(name) })
		if err := syscall.Kill(pids[name], syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		m.until("the end in "+name, func() bool { return !m.exists("keepalived/" + name) })
		if m.hasAddress(name) {
			t.Errorf("address left in %s", name)
		}
	}
}

// TestNamespaceThatCannotBeEntered: the exit status is keepalived's, and nothing has been opened anywhere.
func TestNamespaceThatCannotBeEntered(t *testing.T) {
	m := newMachine(t)
	if err := os.WriteFile(m.path("netns/file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule, lines string
		options     []string
	}{
		{"that does not exist", "net_namespace no-such-namespace\n", nil},
		{"of the command line that does not exist", "", []string{"-s", "nowhere"}},
		{"that is none", "net_namespace file\n", nil},
		{"by a path", "net_namespace ../netns/red\n", nil},
		{"with the config test", "", []string{"-t", "-s", "nowhere"}},
	} {
		m.configure(tt.lines)
		p := m.start(tt.options...)
		if err := p.Wait(t.Context()); err != nil {
			t.Errorf("%s: %v", tt.rule, err)
		}
		if m.exists("keepalived") || m.exists("keepalived.pid") || m.hasAddress("red") || m.hasAddress("blue") {
			t.Errorf("%s: something was begun", tt.rule)
		}
	}
	m.configure("net_namespace red\n")
	p, err := m.host.Start("keepalived", nil, m.inside(append([]string{"setpriv", "--bounding-set", "-sys_admin"},
		m.daemon("-n")...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err != nil || m.exists("keepalived") || m.hasAddress("red") {
		t.Errorf("without the capability: %v\n%s", err, p.Log.Tail(5))
	}
}

// TestConfigTestLooksIntoTheNamespace: the interfaces that it asks for are those of the namespace.
func TestConfigTestLooksIntoTheNamespace(t *testing.T) {
	m := newMachine(t)
	for _, tt := range []struct {
		rule, lines string
		options     []string
		status      int
	}{
		{"eth0 is there", "net_namespace blue\n", nil, 0},
		{"and not here", "", nil, 5},
		{"by the command line", "", []string{"-s", "red"}, 0},
		{"the command line wins", "net_namespace no-such-namespace\n", []string{"-s", "red"}, 0},
		{"what is here is not there", "net_namespace blue\nlinkbeat_interfaces {\noutside\n}\n", nil, 4},
		{"there is none, which ends keepalived without a mistake", "net_namespace no-such-namespace\nnonsense\n", nil, 0},
	} {
		m.configure(tt.lines)
		p := m.start(append(tt.options, "-t")...)
		status := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := p.Wait(ctx); err != nil {
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatal(err)
			}
			status = exit.ExitCode()
		}
		cancel()
		if status != tt.status {
			t.Errorf("%s: status %d, want %d\n%s", tt.rule, status, tt.status, p.Log.Tail(20))
		}
		if m.exists("keepalived") {
			t.Errorf("%s: it has made a directory", tt.rule)
		}
	}
}
