package vrrp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/firewall"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
)

// flush is what `nft flush ruleset` does to a machine.
func (h *host) flush(addrs ...string) {
	var loss lan.FilterLoss
	h.mu.Lock()
	for _, a := range addrs {
		on := addressOn{"eth0", netip.MustParseAddr(a)}
		delete(h.shut, on)
		loss.Denied = append(loss.Denied, firewall.Denied{Addr: on.ip, Link: on.link})
	}
	h.mu.Unlock()
	h.flushed <- loss
}

// TestNoAcceptThatOthersRemove is dealt with as an address is: put back at once and, when it goes again, after a pause; or
// its router resigns; or it stays so until something changes.
func TestNoAcceptThatOthersRemove(t *testing.T) {
	const vip = "10.77.51.100"
	for name, tt := range map[string]struct {
		policy   LossPolicy
		back     bool
		states   []election.State
		repaired uint64
	}{
		"on":    {LossRepair, true, nil, 1},
		"off":   {LossIgnore, false, nil, 0},
		"fault": {LossFault, true, []election.State{election.Backup, election.Master}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ethernet
				h := n.newHost("10.77.0.1/24")
				in, other := testInstance("V", 51, 100), testInstance("W", 52, 100)
				in.NoAccept = true
				r := start(t, h, Options{OnLoss: tt.policy}, in, other)
				time.Sleep(10 * time.Second)
				want(t, "state", []election.State{r.state("V"), r.state("W")}, []election.State{election.Master, election.Master})
				r.TakeChanges()
				h.flush("10.9.9.9", vip)
				synctest.Wait()
				if tt.policy == LossRepair {
					want(t, "at once", h.NotAccepted(netip.MustParseAddr(vip), "eth0"), true)
				}
				time.Sleep(10 * time.Second)
				want(t, "put back", h.NotAccepted(netip.MustParseAddr(vip), "eth0"), tt.back)
				want(t, "counters", []uint64{r.counters("V").ResourcesLost, r.counters("V").ResourcesRepaired}, []uint64{1, tt.repaired})
				want(t, "of the other", r.counters("W").ResourcesLost, uint64(0))
				var states []election.State
				for _, c := range r.TakeChanges() {
					states = append(states, c.To)
				}
				want(t, "states", states, tt.states)
				if tt.policy == LossRepair {
					h.flush(vip)
					synctest.Wait()
					want(t, "again", h.NotAccepted(netip.MustParseAddr(vip), "eth0"), false)
					time.Sleep(time.Second)
					want(t, "after a pause", h.NotAccepted(netip.MustParseAddr(vip), "eth0"), true)
				}
				h.mu.Lock()
				h.log = nil
				h.mu.Unlock()
				r.stop()
				r.wait()
				want(t, "in the end", len(h.shut), 0)
			})
		})
	}
}

// TestRulesThatOthersRemove are put back by the Network, which is told.
func TestRulesThatOthersRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		var log lines
		start(t, h, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, testInstance("V", 51, 100))
		h.flushed <- lan.FilterLoss{FilterLoss: firewall.FilterLoss{Rules: true}}
		h.flushed <- lan.FilterLoss{Err: errors.New("no such table")}
		synctest.Wait()
		for _, text := range []string{"rules in nftables were removed, they are put back", "no such table"} {
			if n := strings.Count(log.String(), text); n != 1 {
				t.Errorf("%q is said %d times:\n%s", text, n, log.String())
			}
		}
	})
}

// TestFlushedRuleset: an operator's `nft flush ruleset` takes away what is not accepted, and what keeps reports of virtual MAC
// addresses in; both come back by themselves.
func TestFlushedRuleset(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	a := router(t)
	r := runConfigured(t, a, `vrrp_instance V {
	interface eth0
	virtual_router_id 51
	use_vmac
	no_accept
	virtual_ipaddress {
		10.77.0.100/24
	}
}
`)
	untilState(t, r, election.Master)
	rules := func() string { // without the tables for hand-overs, which are made when one comes
		var text string
		for _, family := range []string{"ip", "ip6"} {
			out, _ := a.Output(t.Context(), "nft", "list", "table", family, "keepalived") // an error: there is none
			text += out
		}
		return text
	}
	lantest.Until(t, "the rules", func() error {
		if got := rules(); !strings.Contains(got, "elements = { 10.77.0.100 }") || !strings.Contains(got, "elements = { \"vrrp.51\" : ") {
			return fmt.Errorf("has\n%s", got)
		}
		return nil
	})
	before := rules()
	for _, command := range [][]string{{"flush", "ruleset"}, {"delete", "table", "ip", "keepalived"}, {"flush", "set", "ip", "keepalived", "vips"}} {
		output(t, a, append([]string{"nft"}, command...)...)
		lantest.Until(t, strings.Join(command, " ")+" undone", func() error {
			if got := rules(); got != before {
				return fmt.Errorf("has\n%s\nwant\n%s", got, before)
			}
			return nil
		})
	}
	if s := r.Status().Instances[0]; s.State != election.Master {
		t.Errorf("state %v", s.State)
	}
}
