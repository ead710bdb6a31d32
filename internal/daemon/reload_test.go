package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

const oneRouter = `global_defs {
  dynamic_interfaces
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority 255
  state MASTER
  virtual_ipaddress {
    192.0.2.1/24
  }
}
`

// TestRefusedReloadChangesNothingInAnyPart: the routers cannot be had, so the services stay as they are; and what can be
// had the next time is had.
func TestRefusedReloadChangesNothingInAnyPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuse error
		var given []*network
		i := begin(t, oneService, func(o *Options) {
			o.Network = func() (Network, error) {
				if refuse != nil {
					return nil, refuse
				}
				n := newNetwork()
				given = append(given, n)
				return n, nil
			}
		})
		refuse = errors.New("no sockets")
		reply, ops := i.reload(oneRouter) // the service goes, the router comes
		reply.want(t, "without a network", reloadRefused)
		if !errors.Is(reply.Err, refuse) || len(ops) != 0 || destinations(i.kernel.Table()) != 2 {
			t.Errorf("%v, operations %v, table %v", reply.Err, ops, i.kernel.Table())
		}
		reply, ops = i.reload(oneService)
		reply.want(t, "the old file again", reloadUnchanged)
		if len(ops) != 0 {
			t.Errorf("operations %v", ops)
		}
		refuse = nil
		reply, _ = i.reload(oneRouter)
		reply.want(t, "with a network", reloadApplied)
		if len(i.kernel.Table()) != 0 || len(given) != 1 || len(given[0].virtual()) != 1 {
			t.Errorf("table %v, %d networks", i.kernel.Table(), len(given))
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestPreparedPartsLetGoOfWhatIsNotCommitted: the kernel's table could be had and the network could not.
func TestPreparedPartsLetGoOfWhatIsNotCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := errors.New("no sockets")
		i := begin(t, "", func(o *Options) { o.Network = func() (Network, error) { return nil, refuse } })
		reply, ops := i.reload(oneRouter + oneService)
		reply.want(t, "both", reloadRefused)
		if len(ops) != 0 || !i.kernel.Closed() {
			t.Errorf("operations %v, kernel closed %v", ops, i.kernel.Closed())
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestFirstServiceOnAKernelWithoutIPVS: the reload is refused, however late that is known, and the addresses stay.
func TestFirstServiceOnAKernelWithoutIPVS(t *testing.T) {
	for _, late := range []time.Duration{0, 50 * time.Millisecond, 150 * time.Millisecond, 9 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, oneRouter, func(o *Options) {
				o.Kernel = func(ctx context.Context) (ipvs.Kernel, error) {
					select {
					case <-time.After(late):
						return nil, ipvs.ErrUnavailable
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
			})
			for range 2 {
				reply, _ := i.reload(oneRouter + oneService)
				reply.want(t, late.String(), reloadRefused)
				if !errors.Is(reply.Err, ipvs.ErrUnavailable) {
					t.Errorf("%v", reply.Err)
				}
			}
			if len(i.network.virtual()) != 1 {
				t.Error("the address has gone")
			}
			if got := i.status(); got.Configuration.Result != reloadRefused || got.Configuration.Error == "" || got.IPVS != nil {
				t.Errorf("status: %+v", got.Configuration)
			}
			reply, _ := i.reload(oneRouter)
			reply.want(t, "the old file", reloadUnchanged)
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// gate is a file system whose files cannot be opened until it is opened.
type gate struct {
	fs.FS
	open chan struct{}
}

func (g *gate) Open(name string) (fs.File, error) {
	<-g.open
	return g.FS.Open(name)
}

// TestReloadThatHangsHoldsUpNothing: the file system does not answer. Requests are answered, reloads asked for meanwhile
// become one, and the daemon can be stopped.
func TestReloadThatHangsHoldsUpNothing(t *testing.T) {
	// The second server follows a BFD session, which this daemon does not run itself.
	followed := strings.Replace(oneService, "198.51.100.2 8080 {\n", "198.51.100.2 8080 {\n    BFD_CHECK {\n      name b\n    }\n", 1) +
		"bfd_instance b {\n  neighbor_ip 198.51.100.2\n}\n"
	start := func(t *testing.T) (*instance, *gate, fstest.MapFS) {
		files := fstest.MapFS{"k.conf": {Data: []byte(followed)}}
		g := &gate{FS: files, open: make(chan struct{})}
		close(g.open)
		i := begin(t, "", func(o *Options) { o.ConfigFile, o.Files, o.BFD = "k.conf", g, false })
		i.services.followed.Set("b", true)
		synctest.Wait()
		if destinations(i.kernel.Table()) != 2 {
			t.Fatalf("%v\n%s", i.kernel.Table(), i.log)
		}
		g.open = make(chan struct{})
		return i, g, files
	}
	synctest.Test(t, func(t *testing.T) {
		i, g, files := start(t)
		first, second, third := i.ask(CommandReload), i.ask(CommandReload), i.ask(CommandReload)
		synctest.Wait()
		if r := <-i.ask("nonsense"); !errors.Is(r.Err, errUnknownCommand) {
			t.Errorf("%v", r)
		}
		if r := <-i.ask(CommandData); !errors.Is(r.Err, errNoRouters) {
			t.Errorf("%v", r)
		}
		i.services.followed.Set("b", false)
		synctest.Wait()
		if n := destinations(i.kernel.Table()); n != 1 {
			t.Errorf("%d servers after a check has failed, want 1", n)
		}
		files["k.conf"] = &fstest.MapFile{Data: []byte(oneRouter)}
		close(g.open)
		(<-first).want(t, "first", reloadApplied)
		(<-second).want(t, "second", reloadUnchanged)
		(<-third).want(t, "third", reloadUnchanged)
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i, g, _ := start(t)
		asked, later := i.ask(CommandReload), i.ask(CommandReload)
		synctest.Wait()
		if err := i.end(); err != nil {
			t.Error(err)
		}
		for _, c := range []<-chan Reply{asked, later} {
			if r := <-c; !errors.Is(r.Err, errStopping) {
				t.Errorf("%v", r)
			}
		}
		close(g.open)
	})
	synctest.Test(t, func(t *testing.T) { // at start
		g := &gate{FS: fstest.MapFS{"k.conf": {Data: []byte(oneService)}}, open: make(chan struct{})}
		i := begin(t, "", func(o *Options) { o.ConfigFile, o.Files = "k.conf", g })
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if len(i.kernel.TakeLog()) != 0 {
			t.Error("something was programmed")
		}
		close(g.open)
	})
}

// TestStopWhileAPartPrepares: what it has opened by then is closed.
func TestStopWhileAPartPrepares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := ipvstest.New()
		i := begin(t, "", func(o *Options) {
			o.Kernel = func(ctx context.Context) (ipvs.Kernel, error) {
				<-ctx.Done()
				return kernel.Open(ctx) // it came too late
			}
		})
		i.write(oneService)
		i.ask(CommandReload)
		synctest.Wait()
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if !kernel.Closed() || len(kernel.TakeLog()) != 0 {
			t.Error("the kernel was not let go of")
		}
	})
}

// TestIncludeOfAFIFO: nobody ever writes to it, and nobody waits for it.
func TestIncludeOfAFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		if err := syscall.Mkfifo(filepath.Join(i.dir, "fifo"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, include := range []string{"include", "includea"} {
			reply, ops := i.reload(include + " fifo\n" + oneService)
			reply.want(t, include, reloadRefused)
			if len(ops) != 0 {
				t.Errorf("operations %v", ops)
			}
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestSignalsAreRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		signals := make(chan os.Signal, len(signalCommands))
		requests := RequestsOf(ctx, signals)
		for _, s := range HandledSignals() {
			signals <- s
			if r := <-requests; r.Command == "" || r.Command != signalCommands[s] || commands[r.Command] == nil {
				t.Errorf("%v became %q", s, r.Command)
			}
		}
	})
}
