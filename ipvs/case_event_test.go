package ipvs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

const (
	caseDest1 = "tcp 10.0.0.1:80 -> 192.168.0.1:80"
	caseDest2 = "tcp 10.0.0.1:80 -> 192.168.0.2:80"
	caseDest3 = "tcp 10.0.0.1:80 -> 192.168.0.3:80"
	caseSorry = "tcp 10.0.0.1:80 -> 192.168.0.9:80"
)

func TestCheckCase25(t *testing.T) {
	playCase(t, vs("inhibit_on_failure", 1, 2), nil, func(c *caseRun) {
		c.want(c.fail(1), "set "+caseDest1+" weight 0")
		c.want(c.recover(1), "set "+caseDest1+" weight 1")
		c.told("!gained 1+0=1<=2, down .1, up .1")
	})
}

func TestCheckCase27(t *testing.T) {
	playCase(t, vs("quorum 2\nhysteresis 1", 1, 2, 3), nil, func(c *caseRun) {
		c.told("!gained 2+1=3<=3")
		c.fail(1)
		c.fail(2)
		c.told("down .1, down .2")
		c.fail(3)
		c.told("down .3, lost 2-1=1>0")
		c.recover(1)
		c.recover(2)
		c.told("up .1, up .2")
		c.recover(3)
		c.told("up .3, gained 2+1=3<=3")
	})
}

func TestCheckCase28(t *testing.T) { // the sorry server comes before the last real one leaves, and leaves after the first is back
	playCase(t, vs("quorum 2\nsorry_server 192.168.0.9 80", 1, 2, 3), nil, func(c *caseRun) {
		c.told("!gained 2+0=2<=3")
		c.want(c.fail(1), "delete "+caseDest1)
		c.want(c.fail(2), "add "+caseSorry+" weight 1", "delete "+caseDest2, "delete "+caseDest3)
		c.told("down .1, down .2, lost 2-0=2>1")
		c.want(c.recover(1), "add "+caseDest1+" weight 1", "add "+caseDest3+" weight 1", "delete "+caseSorry)
		c.told("up .1, gained 2+0=2<=2")
	})
}

func TestCheckCase29(t *testing.T) {
	playCase(t, vs("quorum 2\nsorry_server 192.168.0.9 80", 1, 2), nil, func(c *caseRun) {
		c.fail(1)
		c.told("!gained 2+0=2<=2, down .1, lost 2-0=2>1")
		c.want(c.fail(2))
		c.told("down .2")
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.9:80 masq 1")
	})
}

func TestCheckCase30(t *testing.T) { // somebody has deleted the service: it comes back whole with the next change
	playCase(t, vs("", 1, 2), nil, func(c *caseRun) {
		c.fail(1)
		c.kernel.Edit(func(t ipvs.Table) { delete(t, tcp("10.0.0.1:80")) })
		c.recover(1)
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1\n-> 192.168.0.2:80 masq 1")
		c.told("!gained 1+0=1<=2, down .1, up .1")
	})
}

func TestCheckCase31(t *testing.T) {
	playCase(t, vs("", 1, 2), nil, func(c *caseRun) {
		c.kernel.Edit(func(t ipvs.Table) { delete(t[tcp("10.0.0.1:80")].Dests, netip.MustParseAddrPort("192.168.0.1:80")) })
		c.want(c.weigh(1, 7), "set "+caseDest1+" weight 7: no such file or directory", "add "+caseDest1+" weight 7")
		c.told("!gained 1+0=1<=2, weight .1 1 to 7")
	})
}

func TestCheckCase47(t *testing.T) {
	text := vs("sorry_server 192.168.0.9 80", 1, 2)
	playCase(t, text, nil, func(c *caseRun) {
		c.told("!gained 1+0=1<=2")
		reads := c.kernel.Reads()
		c.want(c.load(text, nil))
		if c.kernel.Reads() != reads {
			t.Error("the table was read")
		}
		c.told("")
	})
}

func TestCheckCase48(t *testing.T) {
	playCase(t, vs("", 1, 2), nil, func(c *caseRun) {
		c.want(c.load(vs("lb_algo rr", 1, 2), nil), "set tcp 10.0.0.1:80 rr")
	})
}

func TestCheckCase49(t *testing.T) {
	server := func(weight string) string {
		return "virtual_server 10.0.0.1 80 {\nlb_algo wlc\nprotocol TCP\nreal_server 192.168.0.1 80 {\nweight " + weight + "\n}\n}\n"
	}
	playCase(t, server("1"), nil, func(c *caseRun) {
		c.told("!gained 1+0=1<=1")
		c.want(c.load(server("5"), nil), "set "+caseDest1+" weight 5")
		c.told("weight .1 1 to 5")
	})
}

func TestCheckCase50(t *testing.T) {
	server := func(service, port string) string {
		return "virtual_server 10.0.0.1 " + service + " {\nlb_algo wlc\nprotocol TCP\nreal_server 192.168.0.1 " + port + " {\n}\n}\n"
	}
	playCase(t, server("80", "80"), nil, func(c *caseRun) {
		c.told("!gained 1+0=1<=1")
		c.want(c.load(server("80", "81"), nil), "add tcp 10.0.0.1:80 -> 192.168.0.1:81 weight 1", "delete "+caseDest1)
		c.told("gone .1")
		c.want(c.load(server("81", "81"), nil), "add tcp 10.0.0.1:81 wlc", "add tcp 10.0.0.1:81 -> 192.168.0.1:81 weight 1",
			"delete tcp 10.0.0.1:80")
		c.told("#gone .1, #lost 1-0=1>0, !gained 1+0=1<=1")
	})
}

func TestCheckCase52(t *testing.T) {
	other := "virtual_server 10.0.0.2 80 {\nlb_algo wlc\nprotocol TCP\nreal_server 192.168.0.5 80 {\n}\n}\n"
	playCase(t, other+vs("", 1, 2), nil, func(c *caseRun) {
		c.fail(2)
		c.events = nil
		c.want(c.load(other, nil), "delete tcp 10.0.0.1:80") // which takes its servers along
		c.told("#gone .1, #gone .2 that was down, #lost 1-0=1>0")
	})
	for _, flush := range []string{"lvs_flush_on_stop", "lvs_flush_on_stop VS"} {
		global := "global_defs {\n" + flush + "\n}\n"
		playCase(t, global+other+vs("", 1), nil, func(c *caseRun) {
			c.events = nil
			c.want(c.load(global+other, nil), "delete tcp 10.0.0.1:80")
			c.told("")
		})
	}
}

func TestCheckCase53(t *testing.T) {
	foreign := fwmark(9, confparse.IPv4)
	for _, x := range []struct {
		name, global, statements string
		keep                     bool
		left                     int
		told                     string
	}{
		{"default", "", "", false, 1, ""},
		{"omega", "", "omega", false, 1, "#gone .1, #gone .2 that was down, #lost 1-0=1>1"},
		{"lvs_flush_on_stop", "lvs_flush_on_stop", "omega", false, 0, "#gone .1, #gone .2 that was down, #lost 1-0=1>1"},
		{"lvs_flush_on_stop VS", "lvs_flush_on_stop VS", "", false, 1, ""},
		{"-I", "", "omega", true, 2, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := ipvstest.New()
				k.Edit(func(t ipvs.Table) { t[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")} })
				playOn(t, k, ipvs.Options{KeepOnStop: x.keep}, "global_defs {\n"+x.global+"\n}\n"+vs(x.statements, 1, 2), nil, func(c *caseRun) {
					c.fail(2)
					c.events = nil
					if err := c.stop(); err != nil || len(k.Table()) != x.left {
						t.Errorf("%d services are left, want %d; %v", len(k.Table()), x.left, err)
					}
					c.told(x.told)
				})
			})
		})
	}
}

func TestCheckCase54(t *testing.T) { // after a crash the table is taken over as it is, and what differs is put right
	state := filepath.Join(t.TempDir(), "state.json")
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		text := vs("inhibit_on_failure", 1, 2)
		playOn(t, k, ipvs.Options{KeepOnStop: true, StatePath: state}, text, nil, func(c *caseRun) { c.fail(1) })
		k.TakeLog()
		playOn(t, k, ipvs.Options{KeepOnStop: true, StatePath: state}, text, nil, func(c *caseRun) {
			c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1\n-> 192.168.0.2:80 masq 1")
			for _, e := range k.TakeLog() {
				t.Errorf("one operation more: %v", e)
			}
		})
		foreign := fwmark(9, confparse.IPv4)
		k.Edit(func(t ipvs.Table) { t[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")} })
		playOn(t, k, ipvs.Options{StatePath: state}, "global_defs {\nlvs_flush\n}\n"+text, nil, func(c *caseRun) {
			c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1\n-> 192.168.0.2:80 masq 1")
		})
	})
}

func TestCheckCase56(t *testing.T) {
	timeouts := func(what string) string { return "global_defs {\n" + what + "\n}\n" + vs("", 1) }
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		is := func(want ipvs.Timeouts) {
			t.Helper()
			if got, err := k.Timeouts(t.Context()); got != want || err != nil {
				t.Errorf("timeouts %+v, want %+v; %v", got, want, err)
			}
		}
		before := ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}
		playOn(t, k, ipvs.Options{}, timeouts("lvs_timeouts tcp 100"), nil, func(c *caseRun) {
			is(ipvs.Timeouts{TCP: 100, TCPFin: 120, UDP: 300})
			c.load(timeouts("lvs_timeouts tcp 200 udp 7"), nil)
			is(ipvs.Timeouts{TCP: 200, TCPFin: 120, UDP: 7})
			c.load(timeouts("lvs_timeouts udp 7"), nil)
			is(ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 7})
			c.load(timeouts(""), nil)
			is(before)
			c.load(timeouts("lvs_timeouts tcp 5"), nil)
		})
		is(before)
		playOn(t, k, ipvs.Options{KeepOnStop: true}, timeouts("lvs_timeouts tcp 5"), nil, func(c *caseRun) {})
		is(ipvs.Timeouts{TCP: 5, TCPFin: 120, UDP: 300})
	})
}

// TestServerDownSettings: what on_server_down asks for is the kernel's setting, which gets back what it was when the keyword goes, and
// at the end.
func TestServerDownSettings(t *testing.T) {
	text := func(what string) string { return "global_defs {\n" + what + "\n}\n" + vs("", 1) }
	for _, before := range []string{"0", "1"} {
		synctest.Test(t, func(t *testing.T) {
			k := ipvstest.New()
			if err := k.SetSettings(t.Context(), ipvs.Settings{5: before}); err != nil {
				t.Fatal(err)
			}
			is := func(want string) {
				t.Helper()
				if got, err := k.Settings(t.Context()); got[5] != want || got[4] != "0" || err != nil {
					t.Errorf("settings %q, want %s; %v", got, want, err)
				}
			}
			playOn(t, k, ipvs.Options{}, text("on_server_down reset"), nil, func(c *caseRun) {
				is("1")
				c.load(text("on_server_down keep"), nil)
				is("0")
				c.load(text(""), nil)
				is(before)
				c.load(text("on_server_down reset"), nil)
				is("1")
				if err := k.SetSettings(t.Context(), ipvs.Settings{5: "0"}); err != nil { // by hand
					t.Fatal(err)
				}
				c.load(text("on_server_down reset\nlvs_timeouts tcp 100"), nil)
				is("1")
			})
			is(before)
			playOn(t, k, ipvs.Options{KeepOnStop: true}, text("on_server_down reset"), nil, func(*caseRun) {})
			is("1")
		})
	}
}

// TestStopWithoutIPVS: what is to be restored or flushed at the stop may be gone.
func TestStopWithoutIPVS(t *testing.T) {
	for _, words := range []string{"on_server_down reset", "lvs_timeouts tcp 100"} {
		synctest.Test(t, func(t *testing.T) {
			k := ipvstest.New()
			r := ipvs.NewReconciler(ipvs.Options{Open: k.Open, AuditPeriod: -1})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			r.Set(specFrom(t, "global_defs {\nlvs_flush_on_stop\n"+words+"\n}\n"+vs("", 1)), ipvs.Health{})
			if err := r.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			k.Unload()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServerDownSettingsThatFail: what cannot be set is told once, is tried again, and holds nothing up.
func TestServerDownSettingsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		k.SetSettingsError(errors.New("set net.ipv4.vs.expire_nodest_conn to 1: read-only file system"))
		var log bytes.Buffer
		r := ipvs.NewReconciler(ipvs.Options{Open: k.Open, AuditPeriod: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		r.Set(specFrom(t, "global_defs {\non_server_down reset\n}\n"+vs("", 1)), ipvs.Health{})
		if err := r.Sync(ctx); err != nil || len(k.Table()) != 1 {
			t.Errorf("%v, %d services", err, len(k.Table()))
		}
		for range 3 {
			_ = k.SetSettings(ctx, ipvs.Settings{5: "0"}) // as it is in a kernel that refuses
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if n := strings.Count(log.String(), "read-only file system"); n != 1 {
			t.Errorf("told %d times:\n%s", n, &log)
		}
		_ = k.SetSettings(ctx, ipvs.Settings{5: "0"})
		k.SetSettingsError(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, _ := k.Settings(ctx); got[5] != "1" {
			t.Errorf("settings %q: not tried again", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, _ := k.Settings(t.Context()); got[5] != "0" {
			t.Errorf("settings %q at the end", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // some were set, and some failed
		k := ipvstest.New()
		k.SetSettingsError(errors.New("read-only file system"))
		playOn(t, k, ipvs.Options{}, "global_defs {\non_server_down reset\n}\n"+vs("", 1), nil, func(*caseRun) { k.SetSettingsError(nil) })
		if got, _ := k.Settings(t.Context()); got[5] != "0" {
			t.Errorf("settings %q at the end of one that failed", got)
		}
	})
}

func TestCheckCase59(t *testing.T) {
	playCase(t, vs("", 1), nil, func(c *caseRun) {
		c.fail(1)
		c.told("!gained 1+0=1<=1, down .1, lost 1-0=1>0")
	})
}

func TestCheckCase60(t *testing.T) { // the second block is left out, with a message
	playCase(t, vs("", 1)+vs("", 2), nil, func(c *caseRun) {
		c.table("tcp 10.0.0.1:80 wlc\n-> 192.168.0.1:80 masq 1")
		c.wrong("KA3041")
	})
}
