package integration

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// missedAdverts looks at the advertisements of d1 since a time: none may be late by half an interval and what the machine adds,
// and none may be of another priority. d2 must have kept quiet.
func missedAdverts(p *labkit.Pair, since time.Time, interval time.Duration) (missed int, other []testlan.Advert) {
	adverts := p.Capture.Adverts("d1", since)
	now := time.Now()
	longest := interval + interval/2 + p.Noise(since, now).Delay
	last := since
	for _, a := range adverts {
		if a.Time.Sub(last) > longest {
			missed++
		}
		last = a.Time
		if a.Priority != 150 {
			other = append(other, a)
		}
	}
	if now.Sub(last) > longest {
		missed++
	}
	return missed, append(other, p.Capture.Adverts("d2", since)...)
}

// A reload of the master with nothing changed does nothing at all; one that takes a server out does exactly that.
func TestReloadOfMaster(t *testing.T) {
	eachPair(t, []labkit.Mode{labkit.Local, labkit.DR}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
		p := newPair(j, programs, mode)
		settings := usual(mode)
		j.must(p.Up(wait(j), settings))
		d1 := p.Directors[0]
		var writes *testlan.KernelWrites
		if mode != labkit.Local {
			var err error
			writes, err = d1.Host.WatchKernelWrites()
			j.must(err)
			defer writes.Close()
		}
		reload := func(what string, want map[string]int) {
			j.Helper()
			// The second GARP round of a new master comes 5 s after the first: let both be over.
			stop := probing(j, p, what)
			if writes != nil {
				writes.Take()
			}
			start := time.Now()
			j.must(d1.Reload())
			gone := start
			if len(settings.Omit) > 0 {
				j.must(p.WaitDestinations(wait(j), 0, 1))
				gone = time.Now()
			}
			after(3500 * time.Millisecond)
			r := stop()
			failed, cut := r.Report.Failed, r.underWay(start, gone)
			for _, q := range r.requests {
				if q.Server == "" && !q.Start.Before(start) {
					j.Logf("%s: a request that began %d ms after the signal, %d ms after the server was seen gone: %s", what,
						q.Start.Sub(start).Milliseconds(), q.Start.Sub(gone).Milliseconds(), q.Err)
				}
			}
			j.bar(failed-cut <= r.Excused(), "%s: %d failed requests, want %d beside %d under way at the server that was removed: %v", what, failed-cut,
				r.Excused(), cut, r.Report)
			missed, other := missedAdverts(p, start, time.Second)
			j.bar(missed == 0 && len(other) == 0, "%s: %d advertisements missed, unexpected ones: %+v", what, missed, other)
			if writes != nil {
				diff := cmp.Diff(want, writes.Take())
				j.bar(diff == "", "%s: kernel writes (-want +got):\n%s", what, diff)
			}
			j.must(d1.Running())
		}
		reload("reload with nothing changed", map[string]int{})
		if mode == labkit.Local {
			return
		}
		settings.Omit = []string{"rs2"}
		j.must(d1.Configure(settings.Render(0)))
		reload("reload with one server removed", map[string]int{"DEL_DEST": 1})
		j.must(p.WaitDestinations(wait(j), 0, 1))
		settings.Omit = nil
		j.must(d1.Configure(settings.Render(0)))
		reload("reload with the server back", map[string]int{"NEW_DEST": 1})
		j.must(p.WaitDestinations(wait(j), 0, 2))
	})
}

// A file that is broken changes nothing: the master keeps running on the old one.
func TestReloadOfBrokenFile(t *testing.T) {
	eachPair(t, []labkit.Mode{labkit.Local}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
		p := newPair(j, programs, mode)
		j.must(p.Up(wait(j), usual(mode)))
		d1 := p.Directors[0]
		good := usual(mode).Render(0)
		for _, bad := range []struct{ name, text string }{
			{"unclosed brace", strings.Replace(good, "  }\n}\n", "  }\n", 1)},
			{"no address", strings.Replace(good, "192.0.2.100", "192.0.2.300", 1)},
			{"missing include", "include /nonexistent/*.conf\n" + strings.Replace(good, "virtual_router_id 51", "virtual_router_id 70000", 1)},
			{"missing interface", strings.Replace(good, "interface eth0", "interface nope0", 1)},
			{"random bytes", "\x00\xff{}}}{\x7f"},
		} {
			name := bad.name
			start := time.Now()
			j.must(d1.Configure(bad.text))
			j.must(d1.Reload())
			after(1500 * time.Millisecond)
			missed, other := missedAdverts(p, start, time.Second)
			j.bar(missed == 0 && len(other) == 0, "%s: %d advertisements missed, unexpected ones: %+v", name, missed, other)
			holders, err := p.Holders()
			j.must(err)
			j.bar(slices.Equal(holders, []int{0}), "%s: the address is held by %v, want [0]", name, holders)
			if j.strict {
				j.must(d1.Running())
			}
			if d1.Running() != nil {
				return
			}
			j.must(d1.Configure(good))
			j.must(d1.Reload())
			j.must(p.WaitHolder(wait(j), 0))
		}
	})
}

// A master that is killed and started again, by its supervisor at once or by hand after the backup has taken over, adopts what
// it left, and no request fails.
func TestKilledMasterReturns(t *testing.T) {
	for _, when := range []string{"at once", "after the backup took over"} {
		t.Run(when, func(t *testing.T) {
			eachPair(t, []labkit.Mode{labkit.Local, labkit.DR}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
				p := newPair(j, programs, mode)
				settings := usual(mode)
				if when == "at once" {
					settings.Advert = "4" // three of them are longer than an emulated machine takes to start a program
				}
				j.must(p.Up(wait(j), settings))
				d1 := p.Directors[0]
				var writes *testlan.KernelWrites
				if mode != labkit.Local {
					var err error
					writes, err = d1.Host.WatchKernelWrites()
					j.must(err)
					defer writes.Close()
				}
				stop := probing(j, p, "master killed")
				killed := time.Now()
				d1.Kill()
				if when != "at once" {
					_, err := p.Capture.WaitAdvert(wait(j), "d2", killed, nil)
					j.must(err)
					after(time.Second)
					j.lossless(p, stop(), "d2", false) // the kernel of the dead master's host goes on serving until then
					stop = probing(j, p, "killed master started again")
				}
				if writes != nil {
					writes.Take()
				}
				j.must(d1.Start())
				after(2 * time.Second)
				if when == "at once" {
					holders, err := p.Holders()
					j.must(err)
					rivals := p.Capture.Adverts("d2", killed)
					j.bar(slices.Equal(holders, []int{0}) && len(rivals) == 0,
						"restarted at once: address held by %v with %d advertisements of the backup, want [0] and none", holders, len(rivals))
				}
				j.must(p.WaitHolder(wait(j), 0))
				after(time.Second)
				if r := stop(); when == "at once" {
					j.bar(r.Report.Failed <= r.Excused(), "%d failed requests, want %d: %v", r.Report.Failed, r.Excused(), r.Report)
				} else {
					j.lossless(p, r, "d1", true)
				}
				if writes == nil {
					return
				}
				got := writes.Take()
				delete(got, "NEWADDR") // to ask for an address that is there changes nothing
				// A start removes an address of no interface, to learn whether it may; and later the address is the backup's.
				if when != "at once" || got["DELADDR"] == 1 {
					delete(got, "DELADDR")
				}
				diff := cmp.Diff(map[string]int{}, got)
				j.bar(diff == "", "the table and the addresses were there already; kernel writes (-want +got):\n%s", diff)
				j.must(p.WaitDestinations(wait(j), 0, 2))
			})
		})
	}
}
