package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"vigil/confparse"
	"vigil/internal/control"
	"vigil/internal/status"
)

// drainableConf has a server in two virtual servers, with another beside it in one of them.
const drainableConf = `virtual_server 192.0.2.1 80 {
  lb_algo rr
  protocol TCP
  real_server 198.51.100.1 8080 {
    weight 3
  }
  real_server 198.51.100.2 8080 {
  }
}
virtual_server 192.0.2.1 443 {
  lb_algo rr
  protocol TCP
  real_server 198.51.100.1 8443 {
  }
  real_server 198.51.100.2 8443 {
  }
}
`

func TestHowServersAreCalled(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.1": "192.0.2.1", "192.0.2.1:80": "192.0.2.1:80", "2001:db8::1": "2001:db8::1",
		"[2001:db8::1]:80": "[2001:db8::1]:80", "::ffff:192.0.2.1": "192.0.2.1", "192.0.2.1:0": "192.0.2.1",
		"web": "", "192.0.2.1:99999": "", "": "", "[2001:db8::1]": ""} {
		d, err := drainedOf(text, "")
		if (err == nil) != (want != "") || err == nil && d.server() != want {
			t.Errorf("%q: %q, %v", text, d.server(), err)
		}
	}
}

func TestWhatADrainCovers(t *testing.T) {
	vs := confparse.VirtualServerID{Addr: netip.MustParseAddr("192.0.2.1"), Port: 80, Protocol: confparse.TCP}
	id := confparse.RealServerID{VS: vs, Addr: netip.MustParseAddr("198.51.100.1"), Port: 8080}
	for _, c := range []struct {
		server, of string
		want       bool
	}{
		{"198.51.100.1", "", true}, {"198.51.100.1:8080", "", true}, {"198.51.100.1:8080", "192.0.2.1 80", true}, {"198.51.100.1", "192.0.2.1 80", true},
		{"198.51.100.2", "", false}, {"198.51.100.1:80", "", false}, {"198.51.100.1", "192.0.2.1 443", false}, {"198.51.100.1", "group G", false},
	} {
		d, err := drainedOf(c.server, c.of)
		if err != nil || d.covers(id) != c.want {
			t.Errorf("%s of %q: %v, %v", c.server, c.of, d.covers(id), err)
		}
	}
}

// Drains are remembered, one about the same takes the place of the one before, and what cannot be remembered is not done.
func TestDrainsAreRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drains.json")
	one, _ := drainedOf("198.51.100.1", "")
	one.By, one.Reason = "alice", "a new kernel"
	other, _ := drainedOf("198.51.100.1:80", "")
	var d, next drains
	for _, err := range []error{d.load(path), d.put(other), d.put(one), d.put(one), next.load(path)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if list := next.all(); len(list) != 2 || list[0].server() != "198.51.100.1" || list[0].Reason != "a new kernel" || list[1].server() != "198.51.100.1:80" {
		t.Errorf("%+v", list)
	}
	if was, err := next.remove(one); err != nil || was.By != "alice" {
		t.Errorf("%+v, %v", was, err)
	}
	if _, err := next.remove(one); err == nil || !strings.Contains(err.Error(), "198.51.100.1 is not drained") {
		t.Errorf("ended twice: %v", err)
	}
	if _, err := next.remove(other); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file stays: %v", err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad drains
	if err := bad.load(path); err == nil || len(bad.all()) > 0 {
		t.Errorf("%v, %v", bad.all(), err)
	}
	var lost drains
	if err := lost.load("/proc/none/drains.json"); err != nil {
		t.Error(err)
	}
	if err := lost.put(one); err == nil || len(lost.all()) > 0 {
		t.Errorf("%v, %v", lost.all(), err)
	}
}

// asked asks the daemon as alice.
func (i *instance) asked(command func(context.Context, control.Caller, json.RawMessage) (any, error), arguments status.DrainArguments) (status.Drain, error) {
	i.t.Helper()
	b, err := json.Marshal(arguments)
	if err != nil {
		i.t.Fatal(err)
	}
	result, err := command(i.t.Context(), control.Caller{Name: "alice"}, b)
	synctest.Wait()
	d, _ := result.(status.Drain)
	return d, err
}

// weights are those in the kernel of the servers of drainableConf.
func (i *instance) weights() string {
	var words []string
	for _, s := range i.services.running.Load().table.Pools() {
		for key, service := range i.kernel.Table() {
			if key.Port != s.VirtualServer.Port {
				continue
			}
			for _, addr := range []string{"198.51.100.1", "198.51.100.2"} {
				for d, attrs := range service.Dests {
					if d.Addr() == netip.MustParseAddr(addr) {
						words = append(words, string('0'+rune(attrs.Weight)))
					}
				}
			}
		}
	}
	return strings.Join(words, " ")
}

// TestDrain: a drained server has weight 0 until the drain is ended, also after a reload, and the answer says what it has.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, drainableConf, nil)
		defer i.end()
		want := func(when, weights string) {
			t.Helper()
			if got := i.weights(); got != weights {
				t.Errorf("%s: weights %s, want %s", when, got, weights)
			}
		}
		want("at first", "3 1 1 1")
		d, err := i.asked(i.controlDrain, status.DrainArguments{Server: "198.51.100.1", Reason: " a new kernel "})
		if active, inactive := d.Connections(); err != nil || d.By != "alice" || d.Reason != "a new kernel" || len(d.RealServers) != 2 || active != 2 || inactive != 0 ||
			d.RealServers[0].Name != "[198.51.100.1]:tcp:8080" || d.RealServers[0].VirtualServer != "[192.0.2.1]:tcp:80" {
			t.Errorf("%+v, %v", d, err)
		}
		want("drained", "0 1 0 1")
		reply, _ := i.reload(strings.Replace(drainableConf, "weight 3", "weight 4", 1))
		reply.want(t, "another weight", reloadApplied)
		want("reloaded", "0 1 0 1")
		reply, _ = i.reloadAgain()
		reply.want(t, "nothing", reloadUnchanged)
		if list, err := i.controlDrains(t.Context(), control.Caller{}, nil); err != nil || len(list.([]status.Drain)) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		if list := i.status().Drains; len(list) != 1 || list[0].Reason != "a new kernel" || list[0].Server != "198.51.100.1" {
			t.Errorf("%+v", list)
		}
		if _, err = i.asked(i.controlUndrain, status.DrainArguments{Server: "198.51.100.1:8080"}); err == nil {
			t.Error("another drain than there is was ended")
		}
		if d, err = i.asked(i.controlUndrain, status.DrainArguments{Server: "198.51.100.1"}); err != nil || d.Reason != "a new kernel" {
			t.Errorf("%+v, %v", d, err)
		}
		want("ended", "4 1 1 1")
		if log := i.log.String(); !strings.Contains(log, "198.51.100.1 is drained by alice: a new kernel") || !strings.Contains(log, "no longer drained") {
			t.Error(log)
		}
	})
}

// TestDrainsThatAreRefused: of nobody, without a reason, and of the last server that takes new clients unless it is meant.
func TestDrainsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, drainableConf, nil)
		defer i.end()
		for _, c := range []struct {
			in   status.DrainArguments
			want string
		}{
			{status.DrainArguments{Server: "198.51.100.9", Reason: "x"}, "no real_server is called 198.51.100.9"},
			{status.DrainArguments{Server: "198.51.100.1", VirtualServer: "192.0.2.1 81", Reason: "x"}, "no real_server is called 198.51.100.1 of 192.0.2.1 81"},
			{status.DrainArguments{Server: "198.51.100.1", Reason: " "}, "a reason is required"},
			{status.DrainArguments{Server: "rs1", Reason: "x"}, `"rs1" is no server`},
			{status.DrainArguments{Server: "198.51.100.1:8080", Reason: "x"}, ""},
			{status.DrainArguments{Server: "198.51.100.2", Reason: "x"}, "virtual server [192.0.2.1]:tcp:80 would have nobody left"},
			{status.DrainArguments{Server: "198.51.100.2", VirtualServer: "192.0.2.1 443", Reason: "x"}, ""},
			{status.DrainArguments{Server: "198.51.100.2", Reason: "x", Force: true}, ""},
		} {
			_, err := i.asked(i.controlDrain, c.in)
			if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%+v: %v, want %s", c.in, err, c.want)
			}
		}
		if got := i.weights(); got != "0 0 1 0" {
			t.Errorf("weights %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n", nil)
		defer i.end()
		if _, err := i.asked(i.controlDrain, status.DrainArguments{Server: "198.51.100.1", Reason: "x"}); !errors.Is(err, errNoServers) {
			t.Error(err)
		}
	})
}

// TestUndrainWithoutVirtualServers: what is remembered of servers that are gone is ended like any other.
func TestUndrainWithoutVirtualServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n", func(o *Options) {
			one, _ := drainedOf("198.51.100.1", "")
			if err := remember(filepath.Join(filepath.Dir(o.ConfigFile), "keepalived"+drainsState), []drained{one, {Reason: "of nobody"}}); err != nil {
				t.Fatal(err)
			}
		})
		defer i.end()
		if list, err := i.controlDrains(t.Context(), control.Caller{}, nil); err != nil || len(list.([]status.Drain)) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		if _, err := i.asked(i.controlUndrain, status.DrainArguments{Server: "198.51.100.1"}); err != nil {
			t.Error(err)
		}
	})
}

// TestDrainsAtOnce: of two that would leave nobody together one is refused.
func TestDrainsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, drainableConf, nil)
		defer i.end()
		results := make(chan error, 2)
		for _, server := range []string{"198.51.100.1", "198.51.100.2"} {
			b, _ := json.Marshal(status.DrainArguments{Server: server, Reason: "x"})
			go func() {
				_, err := i.controlDrain(t.Context(), control.Caller{}, b)
				results <- err
			}()
		}
		if one, other := <-results, <-results; (one == nil) == (other == nil) {
			t.Errorf("%v, %v", one, other)
		}
	})
}

// TestDrainsOutliveTheProcess: a start finds what was drained before it, and the table never has anything else.
func TestDrainsOutliveTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, drainableConf, func(o *Options) {
			one, _ := drainedOf("198.51.100.1", "192.0.2.1 443")
			if err := remember(filepath.Join(filepath.Dir(o.ConfigFile), "keepalived"+drainsState), []drained{one}); err != nil {
				t.Fatal(err)
			}
		})
		defer i.end()
		if got := i.weights(); got != "3 1 0 1" {
			t.Errorf("weights %s", got)
		}
		for _, e := range i.kernel.TakeLog() {
			if e.Op.Dest.Port() == 8443 && e.Op.Dest.Addr() == netip.MustParseAddr("198.51.100.1") && e.Op.DestAttrs.Weight != 0 {
				t.Errorf("meanwhile %+v", e.Op)
			}
		}
	})
}

func TestControlPath(t *testing.T) {
	for _, c := range []struct{ control, pid, want string }{
		{"", "/run/keepalived.pid", status.DefaultSocket}, {"", "/run/a.b/k_1.pid", "/run/a.b/k_1/control.sock"}, {"", "/run/vigil", "/run/vigil.d/control.sock"}, {"", "/run/a.x", "/run/a.x.d/control.sock"}, {"", "", ""},
		{ControlOff, "/run/keepalived.pid", ""}, {"/x/y.sock", "/run/keepalived.pid", "/x/y.sock"}, {"/x/y.sock", "", "/x/y.sock"},
	} {
		d := &daemon{opts: Options{Control: c.control, PIDFiles: PIDFiles{Daemon: c.pid}}}
		if got := d.controlPath(); got != c.want {
			t.Errorf("%q of %q: %q, want %q", c.control, c.pid, got, c.want)
		}
	}
}
