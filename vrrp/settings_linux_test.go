package vrrp

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
)

// withTable is a spec whose settings of the host name a table of nftables.
func withTable(table string, list ...election.InstanceSpec) election.Spec {
	s := testSpec(list...)
	s.Host.Filter.Table = table
	return s
}

// TestSettingsOfTheHostHoldUpNoAdvert: while the firewall is at work on other options that a reload brings, adverts leave as ever;
// what else the reload brings comes afterwards.
func TestSettingsOfTheHostHoldUpNoAdvert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{}, testInstance("V", 51, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		want(t, "state", a.state("V"), election.Master)
		sent := a.counters("V").AdvertsSent
		const slow = time.Minute
		h.mu.Lock()
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "configure" {
				time.Sleep(slow)
				return errors.New("no such thing")
			}
			return nil
		}
		h.mu.Unlock()
		begin, applied := time.Now(), make(chan time.Duration, 2)
		for _, table := range []string{"one", "two"} {
			go func() {
				if err := a.Apply(context.Background(), withTable(table, testInstance("V", 51, 150), testInstance("W", 52, 150))); err != nil {
					t.Error(err)
				}
				applied <- time.Since(begin)
			}()
		}
		time.Sleep(slow - time.Second)
		if n := a.counters("V").AdvertsSent - sent; n < 55 {
			t.Errorf("%d adverts in %v", n, slow)
		}
		want(t, "instances meanwhile", len(a.Status().Instances), 1)
		want(t, "applied after", []time.Duration{<-applied, <-applied}, []time.Duration{slow, 2 * slow})
		want(t, "instances", len(a.Status().Instances), 2)
		want(t, "state of the other", b.state("V"), election.Backup)
	})
}

// TestStopWhileTheHostIsConfigured: the reload is not waited for, and its sender is told; the address is handed over in time.
func TestStopWhileTheHostIsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{}, testInstance("V", 51, 150))
		time.Sleep(10 * time.Second)
		h.mu.Lock()
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "configure" {
				time.Sleep(time.Minute)
			}
			return nil
		}
		h.mu.Unlock()
		refused := make(chan error, 1)
		go func() { refused <- a.Apply(context.Background(), withTable("other", testInstance("V", 51, 150))) }()
		time.Sleep(time.Second)
		a.stop()
		time.Sleep(5 * time.Second)
		want(t, "address", h.has("10.77.51.100"), false)
		a.wait()
		if err := <-refused; !errors.Is(err, ErrStopped) {
			t.Errorf("Apply: %v", err)
		}
	})
}
