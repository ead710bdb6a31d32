package daemon

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/firewall"
)

// fakeMarks is a table of marks that cannot be made while err is set.
type fakeMarks struct {
	err      error
	lost     bool
	has      int // endpoints
	wants    int
	attempts int
}

func (f *fakeMarks) Set(_ string, _ int32, marks map[firewall.MarkedEndpoint]uint32) error {
	f.attempts++
	f.wants = len(marks)
	if f.err != nil {
		f.lost = true
		return f.err
	}
	f.has, f.lost = f.wants, false
	return nil
}

func (f *fakeMarks) Tend() (bool, error) {
	if !f.lost {
		return false, nil
	}
	f.attempts++
	if f.err != nil {
		return false, f.err
	}
	f.has, f.lost = f.wants, false
	return true, nil
}

func (f *fakeMarks) Close() error {
	f.has = 0
	return f.err
}

// fakeSources is a table of source addresses that cannot be made while err is set.
type fakeSources struct {
	fakeMarks
	flows []firewall.SourceFlow
}

func (f *fakeSources) Set(flows []firewall.SourceFlow) error {
	f.flows = flows
	return f.fakeMarks.Set("", 0, make(map[firewall.MarkedEndpoint]uint32))
}

// TestSourcesAreKept: what FNAT asks for, of which servers and with which addresses, and what is told while it cannot be had.
func TestSourcesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		table := &fakeSources{fakeMarks: fakeMarks{err: syscall.EPERM}}
		k := newSourceKeeper(table, slog.New(slog.NewTextHandler(&lines, nil)), prometheus.NewRegistry())
		spec := desired(t, "laddr_group L {\n192.0.2.20-21\n2001:db8::20\n}\nvirtual_server 192.0.2.11 80 {\nlb_algo rr\nlvs_method FNAT\nladdr_group L\nprotocol TCP\n"+
			"real_server 198.51.100.1 8080 {\n}\nreal_server 198.51.100.2 80 {\nlvs_method NAT\n}\n}\n").IPVS
		if !k.set(spec) {
			t.Error("there is nothing to do")
		}
		want := []firewall.SourceFlow{{Protocol: 6, Virtual: netip.MustParseAddrPort("192.0.2.11:80"), Server: netip.MustParseAddrPort("198.51.100.1:8080"),
			Local: []netip.Addr{netip.MustParseAddr("192.0.2.20"), netip.MustParseAddr("192.0.2.21")}}}
		if diff := cmp.Diff(want, table.flows, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if f := k.failure.Load(); f == nil || f.Service != "lvs_method FNAT" || !strings.Contains(lines.String(), "the address of the client") {
			t.Errorf("%+v\n%s", f, lines.String())
		}
		table.err = nil
		if k.tend(); k.failure.Load() != nil || !strings.Contains(lines.String(), "is there again") {
			t.Errorf("still failing\n%s", lines.String())
		}
		if err := k.close(); err != nil || k.set(desired(t, "").IPVS) {
			t.Errorf("%v, or something of nobody", err)
		}
	})
}

// TestMarksAreKept: what the firewall refuses is told once, is in the status and the metrics, and is tried until it works; what
// others delete comes back.
func TestMarksAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		table := &fakeMarks{err: syscall.EPERM}
		metrics := prometheus.NewRegistry()
		k := newMarkKeeper(table, slog.New(slog.NewTextHandler(&lines, nil)), metrics)
		missing := func() float64 {
			all, err := metrics.Gather()
			if err != nil || len(all) != 1 {
				t.Fatalf("%v, %v", all, err)
			}
			return all[0].Metric[0].GetGauge().GetValue()
		}
		spec := desired(t, "global_defs {\nnftables_ipvs\n}\nvirtual_server_group G {\n192.0.2.11-12 80\n}\n"+
			"virtual_server group G {\nlb_algo rr\nprotocol TCP\nreal_server 198.51.100.1 80 {\n}\n}\n").IPVS
		if !k.set(spec) {
			t.Error("there are no marks")
		}
		task := startTask("marks", nil, k.run)
		time.Sleep(time.Minute)
		synctest.Wait()
		f := k.failure.Load()
		if f == nil || f.Service != "nftables_ipvs" || f.Attempts < 20 || !strings.Contains(f.Error, "not permitted") || missing() != 1 {
			t.Errorf("%+v", f)
		}
		if n := strings.Count(lines.String(), "level="); n != 1 {
			t.Errorf("%d lines for one failure:\n%s", n, lines.String())
		}
		change := func(err error, has int, lost bool) {
			k.mu.Lock()
			defer k.mu.Unlock()
			table.err, table.has, table.lost = err, has, lost
		}
		change(nil, 0, true)
		time.Sleep(tendRulesEvery)
		synctest.Wait()
		if any := k.failure.Load() != nil; any || table.has != 2 || missing() != 0 {
			t.Errorf("failing %v with %d endpoints", any, table.has)
		}
		change(nil, 0, true)
		time.Sleep(tendRulesEvery)
		synctest.Wait()
		if table.has != 2 || !strings.Contains(lines.String(), "behind our back") {
			t.Errorf("%d endpoints\n%s", table.has, lines.String())
		}
		task.stop(time.Second)
		change(errors.New("no"), 2, false)
		if err := k.close(); err == nil || k.set(desired(t, "").IPVS) {
			t.Error("an end that fails, or marks of nobody")
		}
	})
}
