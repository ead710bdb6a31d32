package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/ipvs"
)

// suspendedConf has a virtual server with ha_suspend, one of a group with it, and one without.
const suspendedConf = `virtual_server_group G {
  192.0.2.11-12 80
}
virtual_server 192.0.2.1 80 {
  lb_algo rr
  protocol TCP
  ha_suspend
  real_server 198.51.100.1 8080 {
  }
}
virtual_server group G {
  lb_algo rr
  protocol TCP
  ha_suspend
  real_server 198.51.100.1 8080 {
  }
}
virtual_server 192.0.2.2 80 {
  lb_algo rr
  protocol TCP
  real_server 198.51.100.1 8080 {
  }
}
`

func onLink(index int, prefix string) netio.Address {
	return netio.Address{Index: index, Prefix: netip.MustParsePrefix(prefix)}
}

// listened is a TCP server outside of any bubble; whoever connects is not accepted, and does not wait for that.
func listened(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// fed is a machine whose addresses change.
type fed struct {
	*network
	changes chan netio.Event
}

func (f fed) Watch(ctx context.Context, events chan<- netio.Event) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f.network.Watch(ctx, events) }()
	for {
		select {
		case ev := <-f.changes:
			events <- ev
		case err := <-done:
			return err
		}
	}
}

// TestCheckCase58: nobody asks the servers of a virtual server with ha_suspend while its address is not here; within delay_loop of its
// arrival they are asked, and when it has gone they are not. The table is the same all the time.
func TestCheckCase58(t *testing.T) {
	server := listened(t)
	synctest.Test(t, func(t *testing.T) {
		f := fed{newNetwork(), make(chan netio.Event, 1)}
		i := begin(t, fmt.Sprintf("virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nha_suspend\ndelay_loop 10\n"+
			"real_server 127.0.0.1 %d {\nTCP_CHECK {\n}\n}\n}\n", server.Port()), func(o *Options) {
			o.Network = func() (Network, error) { return f, nil }
		})
		defer i.end()
		i.kernel.TakeLog()
		// asked reports whether the server has been asked in the next d.
		last := time.Time{}
		asked := func(d time.Duration) bool {
			time.Sleep(d)
			synctest.Wait()
			before := last
			last = i.services.running.Load().checks.Status().VirtualServers[0].RealServers[0].Checks[0].LastCompleted
			return last != before
		}
		if asked(5 * time.Minute) {
			t.Error("asked although the address is not here")
		}
		vip := onLink(2, "192.0.2.1/32")
		f.changes <- netio.AddressChanged{Address: vip}
		for n := range 3 {
			if !asked(10 * time.Second) {
				t.Errorf("not asked in the %d. delay_loop although the address is here", n+1)
			}
		}
		f.changes <- netio.AddressGone{Address: vip}
		synctest.Wait()
		if asked(5 * time.Minute) {
			t.Error("asked although the address has gone")
		}
		if ops := i.kernel.TakeLog(); len(ops) > 0 {
			t.Errorf("the table was changed: %v", ops)
		}
		var told []string
		for line := range strings.Lines(i.log.String()) {
			if _, text, ok := strings.Cut(line, `msg="`); ok && strings.Contains(text, "healthchecker") {
				told = append(told, text[:strings.IndexByte(text, '"')])
			}
		}
		name := fmt.Sprintf("[127.0.0.1]:tcp:%d for VS [192.0.2.1]:tcp:80", server.Port())
		if want := []string{"Deactivating healthchecker for service " + name, "Activating healthchecker for service " + name,
			"Suspending healthchecker for service " + name}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// Where nobody can tell which addresses are here, nobody is suspended, and that is told.
func TestSuspensionWithoutANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checked := strings.ReplaceAll(suspendedConf, "8080 {\n", "8080 {\nTCP_CHECK {\n}\n")
		i := begin(t, checked, func(o *Options) { o.Network = func() (Network, error) { return nil, errors.New("no netlink") } })
		defer i.end()
		said := i.log.String()
		if !strings.Contains(said, "ha_suspend: cannot tell which addresses are here") || strings.Count(said, "Activating healthchecker") != 3 ||
			strings.Contains(said, "Deactivating") {
			t.Error(said)
		}
	})
}

// Who is suspended follows the addresses that are here, on whichever interface; until they are known nobody is.
func TestWhoIsSuspended(t *testing.T) {
	var now, open string
	calls := 0
	s := newSuspension(func(ids map[confparse.VirtualServerID]bool) {
		var names, waiting []string
		for id, known := range ids {
			if known {
				names = append(names, id.String())
			} else {
				waiting = append(waiting, id.String())
			}
		}
		slices.Sort(waiting)
		open = strings.Join(waiting, " ")
		slices.Sort(names)
		now = strings.Join(names, " ")
		calls++
	})
	if !s.want(desired(t, suspendedConf).IPVS) {
		t.Fatal("nobody has ha_suspend")
	}
	const one, group = "[192.0.2.1]:tcp:80", "[G]:0"
	if open != one+" "+group || now != "" {
		t.Errorf("not known of %q, suspended %q", open, now)
	}
	for i, step := range []struct {
		event netio.Event
		want  string
	}{
		{netio.AddressChanged{Address: onLink(2, "192.0.2.250/24")}, ""},
		{netio.Synced{}, one + " " + group},
		{netio.AddressChanged{Address: onLink(2, "192.0.2.1/32")}, group},
		{netio.AddressChanged{Address: onLink(2, "192.0.2.1/32")}, group}, // with other attributes
		{netio.AddressChanged{Address: onLink(3, "192.0.2.1/24")}, group},
		{netio.AddressGone{Address: onLink(2, "192.0.2.1/32")}, group},
		{netio.AddressChanged{Address: onLink(2, "192.0.2.12/32")}, ""},
		{netio.AddressGone{Address: onLink(3, "192.0.2.1/24")}, one},
	} {
		if s.take(step.event); now != step.want {
			t.Errorf("step %d: suspended %q, want %q", i, now, step.want)
		}
	}
	if open != "" {
		t.Errorf("still not known of %q", open)
	}
	before := calls
	s.take(netio.AddressChanged{Address: onLink(2, "203.0.113.1/24")})
	if calls != before {
		t.Error("said again without need")
	}
	if s.want(ipvs.Spec{}); now != "" {
		t.Errorf("suspended %q by nobody", now)
	}
}

// With nftables_ipvs the addresses of a group are not those of its services.
func TestSuspensionOfMarkedGroups(t *testing.T) {
	var now int
	s := newSuspension(func(ids map[confparse.VirtualServerID]bool) { now = len(ids) })
	s.want(desired(t, "global_defs {\nnftables_ipvs\n}\n"+suspendedConf).IPVS)
	s.take(netio.Synced{})
	if now != 2 {
		t.Errorf("%d are suspended, want 2", now)
	}
	s.take(netio.AddressChanged{Address: onLink(2, "192.0.2.11/32")})
	if now != 1 {
		t.Errorf("%d are suspended, want 1", now)
	}
}

// The daemon watches the addresses from the first virtual server with ha_suspend on.
func TestDaemonSuspends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		suspended := func() int {
			s := i.services.running.Load().suspended
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.was)
		}
		if suspended() != 0 || i.services.tasks.watch != nil {
			t.Error("addresses are watched for nobody")
		}
		reply, _ := i.reload(suspendedConf)
		reply.want(t, "ha_suspend", reloadApplied)
		if n := suspended(); n != 2 {
			t.Errorf("%d are suspended, want 2", n)
		}
		reply, _ = i.reload(oneService)
		reply.want(t, "without", reloadApplied)
		if n := suspended(); n != 0 {
			t.Errorf("%d are suspended, want none", n)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if !i.network.closed {
			t.Error("the network is left open")
		}
	})
}

// TestCheckCase55: without IPVS in the kernel a daemon with virtual servers ends with a status of its own, one without runs.
func TestCheckCase55(t *testing.T) {
	without := func(o *Options) {
		o.Kernel = func(context.Context) (ipvs.Kernel, error) {
			return nil, fmt.Errorf("%w: no module", ipvs.ErrUnavailable)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, without)
		var exit *ExitError
		if err := <-i.done; !errors.As(err, &exit) || exit.Code != ExitFatal {
			t.Errorf("with a virtual server: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneRouter, without)
		if err := i.end(); err != nil {
			t.Errorf("without: %v", err)
		}
	})
}
