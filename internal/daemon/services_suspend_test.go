package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

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

// Who is suspended follows the addresses that are here, on whichever interface; until they are known nobody is.
func TestCheckCase58(t *testing.T) {
	var now string
	calls := 0
	s := newSuspension(func(ids map[confparse.VirtualServerID]bool) {
		var names []string
		for id := range ids {
			names = append(names, id.String())
		}
		slices.Sort(names)
		now = strings.Join(names, " ")
		calls++
	})
	if !s.want(desired(t, suspendedConf).IPVS) {
		t.Fatal("nobody has ha_suspend")
	}
	const one, group = "[192.0.2.1]:tcp:80", "[G]:0"
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
