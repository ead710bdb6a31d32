package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/connsync"
	"vigil/internal/web"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

const oneService = `virtual_server 192.0.2.1 80 {
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 198.51.100.1 8080 {
  }
  real_server 198.51.100.2 8080 {
  }
}
`

// instance is a daemon that runs in a synctest bubble on an in-memory kernel.
type instance struct {
	t         *testing.T
	dir       string
	kernel    *ipvstest.Kernel
	network   *network
	directors *directors
	requests  chan Request
	cancel    context.CancelFunc
	done      chan error
	log       *logBuffer
	*daemon
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// begin starts a daemon with config and waits until it has settled.
func begin(t *testing.T, config string, edit func(*Options)) *instance {
	t.Helper()
	i := launch(t, config, edit)
	synctest.Wait()
	return i
}

// launch starts a daemon with config.
func launch(t *testing.T, config string, edit func(*Options)) *instance {
	t.Helper()
	i := &instance{t: t, dir: t.TempDir(), kernel: ipvstest.New(), network: newNetwork(), directors: new(directors), requests: make(chan Request, 16),
		done: make(chan error, 1), log: &logBuffer{}}
	i.write(config)
	o := DefaultOptions()
	o.ConfigFile = filepath.Join(i.dir, "k.conf")
	o.PIDFiles = PIDFiles{Daemon: filepath.Join(i.dir, "keepalived.pid"), VRRP: filepath.Join(i.dir, "vrrp.pid"),
		Checkers: filepath.Join(i.dir, "checkers.pid")}
	o.MetricsListen, o.Control = web.Off, ControlOff
	o.Requests = i.requests
	o.Logger = slog.New(slog.NewTextHandler(i.log, nil))
	o.Kernel = i.kernel.Open
	o.Network = func() (Network, error) { return i.network, nil }
	o.Connections = func() (connsync.Network, error) { return i.directors, nil }
	if edit != nil {
		edit(&o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	i.cancel = cancel
	i.daemon = newDaemon(o)
	go func() { i.done <- i.run(ctx) }()
	return i
}

func (i *instance) write(config string) {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.dir, "k.conf"), []byte(config), 0o644); err != nil {
		i.t.Fatal(err)
	}
}

// ask sends a request; the channel gets the reply.
func (i *instance) ask(c Command) <-chan Reply {
	reply := make(chan Reply, 1)
	i.requests <- Request{Command: c, Reply: reply}
	return reply
}

// reload replaces the configuration, asks for a reload and returns what came of it and what the kernel got.
func (i *instance) reload(config string) (Reply, []ipvstest.Entry) {
	i.t.Helper()
	i.write(config)
	return i.reloadAgain()
}

func (i *instance) reloadAgain() (Reply, []ipvstest.Entry) {
	i.kernel.TakeLog()
	reply := <-i.ask(CommandReload)
	synctest.Wait()
	return reply, i.kernel.TakeLog()
}

// want fails unless a reload had the result; err says whether there is to be an error.
func (r Reply) want(t *testing.T, what, result string) {
	t.Helper()
	if r.Text != result || (r.Err != nil) != (result == reloadRefused) {
		t.Errorf("%s: reload was %s, %v; want %s", what, r.Text, r.Err, result)
	}
}

// end stops the daemon and returns what Run returned.
func (i *instance) end() error {
	i.cancel()
	return <-i.done
}

func destinations(t ipvs.Table) int {
	n := 0
	for _, s := range t {
		n += len(s.Dests)
	}
	return n
}

func TestStartProgramsAndStopRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		if got := i.kernel.Table(); len(got) != 1 || destinations(got) != 2 {
			t.Fatalf("table after start: %v\n%s", got, i.log)
		}
		for _, name := range []string{"keepalived.pid", "vrrp.pid", "checkers.pid"} {
			if _, err := os.Stat(filepath.Join(i.dir, name)); err != nil {
				t.Error(err)
			}
		}
		if err := i.end(); err != nil {
			t.Fatal(err)
		}
		if got := i.kernel.Table(); len(got) != 0 {
			t.Errorf("table after stop: %v", got)
		}
		left, _ := filepath.Glob(filepath.Join(i.dir, "*.pid"))
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if !i.kernel.Closed() {
			t.Error("kernel not closed")
		}
	})
}

func TestReloadOfAnUnchangedFileWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		for _, same := range []string{oneService, "# a comment\n" + oneService} {
			reply, ops := i.reload(same)
			reply.want(t, same, reloadUnchanged)
			if len(ops) != 0 {
				t.Errorf("operations: %v", ops)
			}
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestReloadDoesExactlyTheDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		without := strings.Replace(oneService, "  real_server 198.51.100.2 8080 {\n  }\n", "", 1)
		for _, tt := range []struct {
			config string
			want   []ipvs.OpKind
			dests  int
		}{
			{without, []ipvs.OpKind{ipvs.DelDest}, 1},
			{oneService, []ipvs.OpKind{ipvs.AddDest}, 2},
			{strings.Replace(oneService, "lb_algo rr", "lb_algo wrr", 1), []ipvs.OpKind{ipvs.SetService}, 2},
			{oneService + strings.Replace(oneService, "192.0.2.1 80", "192.0.2.1 81", 1),
				[]ipvs.OpKind{ipvs.AddService, ipvs.AddDest, ipvs.AddDest, ipvs.SetService}, 4},
			{oneService, []ipvs.OpKind{ipvs.DelService}, 2},
		} {
			var kinds []ipvs.OpKind
			reply, ops := i.reload(tt.config)
			reply.want(t, tt.config, reloadApplied)
			for _, e := range ops {
				kinds = append(kinds, e.Op.Kind)
			}
			sortKinds := cmp.Transformer("count", func(ks []ipvs.OpKind) map[ipvs.OpKind]int {
				m := map[ipvs.OpKind]int{}
				for _, k := range ks {
					m[k]++
				}
				return m
			})
			if diff := cmp.Diff(tt.want, kinds, sortKinds); diff != "" {
				t.Errorf("operations (-want +got):\n%s%s", diff, i.log)
			}
			if n := destinations(i.kernel.Table()); n != tt.dests {
				t.Errorf("%d destinations, want %d", n, tt.dests)
			}
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestReloadWithAnErrorChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		for name, broken := range map[string]string{
			"unclosed brace":  strings.TrimSuffix(oneService, "}\n"),
			"port 70000":      strings.Replace(oneService, "192.0.2.1 80", "192.0.2.1 70000", 1),
			"bad address":     strings.Replace(oneService, "198.51.100.1", "198.51.100.300", 1),
			"missing include": oneService + "includea nowhere.conf\n",
			"random bytes":    "\x00\xff\xfe{{{\x80\"" + oneService,
			"extra brace":     oneService + "}\n",
			"missing interface": oneService + "vrrp_instance VI_1 {\n interface nope0\n virtual_router_id 51\n" +
				" virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
			"missing argument": strings.Replace(oneService, "protocol TCP", "protocol", 1),
		} {
			reply, ops := i.reload(broken)
			reply.want(t, name, reloadRefused)
			if len(ops) != 0 {
				t.Errorf("%s: operations %v", name, ops)
			}
		}
		if err := os.Remove(filepath.Join(i.dir, "k.conf")); err != nil {
			t.Fatal(err)
		}
		reply, ops := i.reloadAgain()
		reply.want(t, "file gone", reloadRefused)
		if len(ops) != 0 || destinations(i.kernel.Table()) != 2 {
			t.Errorf("file gone: operations %v", ops)
		}
		reply, ops = i.reload(oneService)
		reply.want(t, "mended file", reloadUnchanged)
		if len(ops) != 0 {
			t.Errorf("mended file: operations %v", ops)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestStartWithAnErrorAppliesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, strings.TrimSuffix(oneService, "}\n"), nil)
		var exit *ExitError
		if err := <-i.done; !errors.As(err, &exit) || exit.Code != ExitConfig {
			t.Errorf("Run: %v", err)
		}
		if ops := i.kernel.TakeLog(); len(ops) != 0 {
			t.Errorf("operations: %v", ops)
		}
	})
}

func TestMissingConfigurationExitsSix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, "", func(o *Options) { o.ConfigFile += ".absent" })
		var exit *ExitError
		if err := <-i.done; !errors.As(err, &exit) || exit.Code != ExitNoConfig {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestKernelWithoutIPVS(t *testing.T) {
	unavailable := func(o *Options) {
		o.Kernel = func(context.Context) (ipvs.Kernel, error) { return nil, ipvs.ErrUnavailable }
	}
	t.Run("with virtual servers is one clear error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, oneService, unavailable)
			var exit *ExitError
			if err := <-i.done; !errors.As(err, &exit) || exit.Code != ExitFatal {
				t.Errorf("Run: %v", err)
			}
			if n := strings.Count(i.log.String(), "level=ERROR"); n != 1 {
				t.Errorf("%d errors logged:\n%s", n, i.log)
			}
		})
	})
	t.Run("without virtual servers does not matter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, "global_defs {\n router_id x\n}\n", unavailable)
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestOptionsThatLeaveTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, func(o *Options) { o.KeepIPVS = true })
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if n := destinations(i.kernel.Table()); n != 2 {
			t.Errorf("%d destinations left with --dont-release-ipvs, want 2", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, func(o *Options) { o.Checkers = false })
		if ops := i.kernel.TakeLog(); len(ops) != 0 {
			t.Errorf("operations with --vrrp: %v", ops)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// What a run that was killed has left in the table goes at the next start, also when no virtual server is configured any
// more. Services of others stay, and a kernel that cannot be opened for it does not matter.
func TestWhatAnEarlierRunLeftIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := begin(t, oneService, func(o *Options) { o.KeepIPVS = true }) // as good as killed
		if err := first.end(); err != nil {
			t.Fatal(err)
		}
		foreign := ipvs.ServiceKey{Family: confparse.IPv4, Fwmark: 9}
		first.kernel.Edit(func(t ipvs.Table) { t[foreign] = ipvs.Service{} })
		again := func(open func(context.Context) (ipvs.Kernel, error)) {
			i := begin(t, "global_defs {\n lvs_flush\n lvs_flush_on_stop\n}\n", func(o *Options) {
				o.PIDFiles.Daemon, o.Kernel = filepath.Join(first.dir, "keepalived.pid"), open
			})
			if err := i.end(); err != nil {
				t.Error(err)
			}
		}
		again(func(context.Context) (ipvs.Kernel, error) { return nil, syscall.EPERM })
		if n := len(first.kernel.Table()); n != 2 {
			t.Errorf("%d services, want 2: the kernel was not to be had", n)
		}
		again(first.kernel.Open)
		if got := first.kernel.Table(); len(got) != 1 || destinations(got) != 0 {
			t.Errorf("left: %v", got)
		}
		opened := false
		again(func(ctx context.Context) (ipvs.Kernel, error) { opened = true; return first.kernel.Open(ctx) })
		if opened {
			t.Error("IPVS was looked at, and nothing of ours was left in it")
		}
	})
}

func TestSecondDaemonLeavesTheFirstAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := begin(t, oneService, nil)
		second := begin(t, oneService, func(o *Options) { o.PIDFiles.VRRP = filepath.Join(first.dir, "vrrp.pid") })
		if err := <-second.done; err != nil {
			t.Errorf("second: %v", err)
		}
		if ops := second.kernel.TakeLog(); len(ops) != 0 {
			t.Errorf("second wrote %v", ops)
		}
		if _, err := os.Stat(filepath.Join(second.dir, "keepalived.pid")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("second left its pid file: %v", err)
		}
		if err := first.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestServicesThatAppearAndVanishByReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, "", nil)
		i.reload(oneService)
		if n := destinations(i.kernel.Table()); n != 2 {
			t.Errorf("%d destinations after they were configured:\n%s", n, i.log)
		}
		i.reload("")
		if n := len(i.kernel.Table()); n != 0 {
			t.Errorf("%d services after they were removed", n)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
