package announce

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/netio"
)

// record is a log.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// kept is a Keeper that runs on a machine.
type kept struct {
	*Keeper
	t   *testing.T
	m   *machine
	log *record
	end func()
}

func keep(t *testing.T, m *machine, edit func(*Options)) *kept {
	k := &kept{t: t, m: m, log: new(record)}
	o := Options{Open: m.open, Logger: slog.New(slog.NewTextHandler(k.log, nil)), Registerer: prometheus.NewRegistry()}
	if edit != nil {
		edit(&o)
	}
	k.Keeper = New(o)
	return k
}

// run starts it. Its end is that of Run.
func (k *kept) run() *kept {
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	k.end = func() {
		cancel()
		if err := <-done; err != nil {
			k.t.Error(err)
		}
	}
	return k
}

// want checks what is where once everything that can be done at once is done.
func (k *kept) want(when string, there ...string) {
	k.t.Helper()
	synctest.Wait()
	if got := k.m.there(); !slices.Equal(got, there) {
		k.t.Errorf("%s: %q, want %q", when, got, there)
	}
}

func at(link, addr string) Place { return Place{link, netip.MustParseAddr(addr)} }

var (
	web   = at("dummy0", "192.0.2.1")
	mail  = at("dummy0", "2001:db8::1")
	other = at("dummy1", "192.0.2.1")
)

const (
	webThere   = "192.0.2.1/32 on dummy0"
	mailThere  = "2001:db8::1/128 on dummy0"
	otherThere = "192.0.2.1/32 on dummy1"
)

// An address is where it is wanted, is not where it is not, and stays what it is where nobody knows.
func TestAddressesFollowWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0", "dummy1")
		m.give("dummy0", "192.0.2.250/24")
		const own = "192.0.2.250/24 on dummy0"
		k := keep(t, m, nil).run()
		if !k.Idle() {
			t.Error("not idle")
		}
		k.Set(map[Place]Want{web: Unknown, mail: Present, other: Absent})
		k.want("set", own, mailThere)
		k.Want(map[Place]Want{web: Present, other: Present, at("dummy0", "192.0.2.99"): Present})
		k.want("gained", webThere, otherThere, own, mailThere)
		k.Want(map[Place]Want{web: Unknown, mail: Absent})
		k.want("nobody knows", webThere, otherThere, own)
		k.Set(map[Place]Want{other: Present})
		k.want("another configuration", otherThere, own)
		if k.Idle() {
			t.Error("idle")
		}
		k.end()
		if got := m.there(); !slices.Equal(got, []string{own}) || m.closed != 1 {
			t.Errorf("at the end %q, closed %d times", got, m.closed)
		}
		const told = "Announced: 2001:db8::1 on dummy0"
		if log := k.log.String(); !strings.Contains(log, told) || !strings.Contains(log, "Withdrawn: 192.0.2.1 on dummy1") || strings.Contains(log, "ERROR") {
			t.Error(log)
		}
	})
}

// An address that somebody has put there with another length of its prefix is there, and goes in every form.
func TestOtherLengths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0")
		m.give("dummy0", "192.0.2.1/24")
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present})
		k.want("wanted", "192.0.2.1/24 on dummy0")
		m.give("dummy0", "192.0.2.1/25")
		k.Want(map[Place]Want{web: Absent})
		k.want("not wanted")
		k.end()
	})
}

// What others remove is put back: at once, and where they go on, from time to time. What the Keeper itself has removed is not
// mistaken for that, however late the kernel tells of it.
func TestPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0")
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present, mail: Present})
		k.want("wanted", webThere, mailThere)
		time.Sleep(time.Minute)
		m.take(web)
		k.want("removed", webThere, mailThere)
		m.take(web)
		k.want("removed again", mailThere)
		time.Sleep(retryEvery)
		k.want("later", webThere, mailThere)
		said := func() int { return strings.Count(k.log.String(), "Removed by somebody else") }
		if said() != 2 {
			t.Errorf("told %d times: %s", said(), k.log)
		}
		for range 5 {
			time.Sleep(time.Minute)
			k.Want(map[Place]Want{mail: Absent})
			synctest.Wait()
			k.Want(map[Place]Want{mail: Present})
			k.want("gone and back", webThere, mailThere)
		}
		if said() != 2 {
			t.Errorf("its own doing was taken for somebody else's: %s", k.log)
		}
		k.end()
	})
}

// An interface may come late, go, come back with another number, and be down.
func TestInterfaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy1")
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present, other: Present})
		k.want("missing", otherThere)
		f := k.Failure()
		if f == nil || !strings.Contains(f.Error, "announce 192.0.2.1 on dummy0") || !strings.Contains(f.Error, netio.ErrNoLink.Error()) {
			t.Errorf("%+v", f)
		}
		m.set("dummy0", 7, true)
		k.want("it comes", webThere, otherThere)
		if k.Failure() != nil {
			t.Errorf("%+v", k.Failure())
		}
		m.set("dummy0", 0, false)
		k.want("it goes", otherThere)
		m.set("dummy0", 8, false)
		k.want("it is back, and down", otherThere)
		if f := k.Failure(); f == nil || !strings.Contains(f.Error, "is down") {
			t.Errorf("%+v", f)
		}
		m.set("dummy0", 8, true)
		k.want("it is up", webThere, otherThere)
		m.set("dummy0", 9, true) // made anew from one moment to the next
		k.want("anew", webThere, otherThere)
		k.end()
	})
}

// What the kernel refuses is tried again, and told once. What cannot be removed is remembered.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state.json")
		m := newMachine("dummy0")
		k := keep(t, m, func(o *Options) { o.StatePath = path }).run()
		m.refuse(syscall.EPERM)
		k.Set(map[Place]Want{web: Present, mail: Present})
		time.Sleep(10*retryEvery + retryEvery/2)
		k.want("refused")
		f := k.Failure()
		if f == nil || f.Attempts != 11 || !strings.Contains(f.Error, "operation not permitted, and 1 more") || time.Since(f.Since) < 10*retryEvery {
			t.Errorf("%+v", f)
		}
		if n := strings.Count(k.log.String(), "not as they are to be"); n != 1 {
			t.Errorf("told %d times", n)
		}
		m.refuse(nil)
		time.Sleep(retryEvery)
		k.want("allowed", webThere, mailThere)
		m.refuse(syscall.EPERM)
		k.Want(map[Place]Want{web: Absent})
		k.want("refused again", webThere, mailThere)
		if k.Failure() == nil {
			t.Error("no failure")
		}
		k.end()
		if log := k.log.String(); !strings.Contains(log, "addresses stay behind") {
			t.Error(log)
		}
		m.refuse(nil)
		next := keep(t, m, func(o *Options) { o.StatePath = path }).run()
		next.want("the process that follows")
		next.end()
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file stays: %v", err)
		}
	})
}

// A process that is killed leaves its addresses. The next one keeps those that are still wanted without a moment in which they are
// not there, leaves alone those of which it does not know yet, and removes the others.
func TestEarlierProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state.json")
		m := newMachine("dummy0", "dummy1")
		remembers := func(o *Options) { o.StatePath, o.KeepOnStop = path, true } // as if it was killed
		first := keep(t, m, remembers).run()
		first.Set(map[Place]Want{web: Present, mail: Present, other: Present})
		first.want("first", webThere, otherThere, mailThere)
		first.end()
		if got := m.there(); len(got) != 3 {
			t.Fatalf("killed: %q", got)
		}
		m.added = 0
		second := keep(t, m, func(o *Options) { o.StatePath = path })
		if second.Idle() {
			t.Error("idle although there is something to clear")
		}
		second.Set(map[Place]Want{web: Unknown, mail: Unknown})
		second.run()
		second.want("second", webThere, mailThere)
		second.Want(map[Place]Want{web: Present, mail: Absent})
		second.want("it is known", webThere)
		if m.added != 0 {
			t.Errorf("added %d times what was there", m.added)
		}
		m.take(web)
		second.want("what the first had put there is taken away", webThere)
		second.end()
		if got := m.there(); len(got) != 0 {
			t.Errorf("left behind: %q", got)
		}
	})
}

// A state file of another boot, or one that is no such file, is nobody's claim to anything.
func TestStateOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for text, warned := range map[string]bool{
		`{"boot_id":"of another boot","places":[{"interface":"dummy0","address":"192.0.2.1"}]}`: false,
		`{"boot_id":`: true,
		``:            true,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k := keep(t, newMachine("dummy0"), func(o *Options) { o.StatePath = path })
		if !k.Idle() || strings.Contains(k.log.String(), "may have stayed behind") != warned {
			t.Errorf("%q: %v, %s", text, k.Idle(), k.log)
		}
	}
}

// A network that cannot be had, or that stops telling, is opened again; addresses that were put stay meanwhile.
func TestNetworkIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0")
		m.fails(syscall.EMFILE, nil)
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present})
		k.want("none")
		if f := k.Failure(); f == nil || !strings.Contains(f.Error, "too many open files") {
			t.Errorf("%+v", f)
		}
		m.fails(nil, syscall.ENOBUFS)
		time.Sleep(retryEvery)
		k.want("deaf")
		m.fails(nil, nil)
		time.Sleep(retryEvery)
		k.want("there", webThere)
		m.broken <- syscall.ENOBUFS
		time.Sleep(retryEvery / 2)
		k.Want(map[Place]Want{web: Absent})
		k.want("broken", webThere)
		time.Sleep(retryEvery)
		k.want("again")
		k.end()
	})
}

// A stop between two networks clears what is there all the same, or says that it stays.
func TestStopBetweenNetworks(t *testing.T) {
	for _, opens := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m := newMachine("dummy0")
			k := keep(t, m, nil).run()
			k.Set(map[Place]Want{web: Present})
			k.want("there", webThere)
			if !opens {
				m.fails(syscall.EMFILE, nil)
			}
			m.broken <- syscall.ENOBUFS
			synctest.Wait()
			k.end()
			if there := len(m.there()) > 0; there == opens || strings.Contains(k.log.String(), "addresses stay behind") == opens {
				t.Errorf("opens %v: there %v\n%s", opens, there, k.log)
			}
		})
	}
}

// An interface that is down announces nothing, also where the address is there.
func TestInterfaceThatGoesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0")
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present})
		k.want("up", webThere)
		m.set("dummy0", 1, false)
		k.want("down", webThere)
		if f := k.Failure(); f == nil || !strings.Contains(f.Error, "is down") {
			t.Errorf("%+v", f)
		}
		m.set("dummy0", 1, true)
		k.want("up again", webThere)
		if k.Failure() != nil {
			t.Errorf("%+v", k.Failure())
		}
		k.end()
	})
}

// What nobody has told of is found in the end.
func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0")
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present})
		k.want("there", webThere)
		m.mu.Lock()
		m.addrs = nil
		m.mu.Unlock()
		k.want("gone without a word")
		time.Sleep(auditEvery)
		k.want("found", webThere)
		k.end()
	})
}

// A state file that cannot be written is told of once.
func TestForgetful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		k := keep(t, m, func(o *Options) { o.StatePath = "/proc/none/state.json" }).run()
		k.Set(map[Place]Want{web: Present})
		time.Sleep(time.Minute)
		if n := strings.Count(k.log.String(), "cannot be remembered"); n != 1 {
			t.Errorf("told %d times", n)
		}
		k.end()
	})
}

// While addresses cannot be listed nothing is concluded from one that has gone; it is looked at again.
func TestBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine("dummy0")
		k := keep(t, m, nil).run()
		k.Set(map[Place]Want{web: Present})
		k.want("there", webThere)
		time.Sleep(time.Minute)
		m.mu.Lock()
		m.blind = syscall.ENOBUFS
		m.mu.Unlock()
		m.take(web)
		synctest.Wait()
		if k.Failure() == nil {
			t.Error("no failure")
		}
		m.mu.Lock()
		m.blind = nil
		m.mu.Unlock()
		time.Sleep(retryEvery)
		k.want("later", webThere)
		k.end()
	})
}

// TestAnyOrder: whatever happens, and in whichever order, in the end exactly what is wanted is where it is wanted and can be.
func TestAnyOrder(t *testing.T) {
	seeds := 300
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			m := newMachine("dummy0", "dummy1")
			k := keep(t, m, nil).run()
			all := []Place{web, mail, other, at("dummy1", "2001:db8::1")}
			wanted := make(map[Place]Want)
			for range 60 {
				p, w := all[r.IntN(len(all))], []Want{Present, Absent}[r.IntN(2)]
				switch r.IntN(8) {
				case 0:
					m.take(p)
				case 1:
					number := 0
					if n := r.IntN(3); n > 0 {
						number = 10*n + int(p.Interface[5]-'0') // of one interface only
					}
					m.set(p.Interface, number, r.IntN(3) > 0)
				case 2:
					m.refuse([]error{nil, syscall.ENOBUFS}[r.IntN(2)])
				case 3:
					wanted = map[Place]Want{p: w, all[r.IntN(len(all))]: w}
					k.Set(wanted)
				case 4:
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				default:
					if _, ok := wanted[p]; ok {
						wanted[p] = w
					}
					k.Want(map[Place]Want{p: w})
				}
				if r.IntN(2) == 0 {
					synctest.Wait()
				}
			}
			m.refuse(nil)
			time.Sleep(3 * retryEvery)
			want := []string{}
			for p, w := range wanted {
				if l, ok := m.links[p.Interface]; ok && l.Up && w == Present {
					want = append(want, p.address(l.Index).Prefix.String()+" on "+p.Interface)
				}
			}
			slices.Sort(want)
			// On an interface that is down nothing is put, and what was put before it went down may be there.
			var got []string
			for _, s := range m.there() {
				if m.links[s[strings.LastIndexByte(s, ' ')+1:]].Up {
					got = append(got, s)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("seed %d: %q, want %q\n%s", seed, got, want, k.log)
			}
			k.end()
		})
		if t.Failed() {
			return
		}
	}
}
