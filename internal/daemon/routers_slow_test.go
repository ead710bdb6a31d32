package daemon

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/internal/track"
	"vigil/vrrp"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// timed is a network on which the moments of adverts are kept, by VRID.
type timed struct {
	*network
	mu sync.Mutex
	at map[uint8][]time.Time
}

func (n *timed) Listen(lan.Segment, func(lan.Received)) (lan.Conn, error) {
	return timedConn{n: n}, nil
}

type timedConn struct {
	silence
	n *timed
}

func (c timedConn) Send(a wire.Advert, _ wire.IPHeader) error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.n.at[a.VRID] = append(c.n.at[a.VRID], time.Now())
	return nil
}

const (
	slowRouters = 200 // that fail with a file, each with a program that sleeps
	bystanders  = 20  // that do not
)

func slowConfig(t *testing.T) *confparse.Config {
	t.Helper()
	var b strings.Builder
	b.WriteString("global_defs {\n dynamic_interfaces\n}\ntrack_file trouble {\n file /trouble\n weight 1\n}\n")
	for i := range slowRouters + bystanders {
		more := "notify /bin/note\n track_file {\n trouble\n }"
		if i >= slowRouters {
			more = ""
		}
		b.WriteString(toldRouter(fmt.Sprintf("V%d", i+1), i+1, more))
	}
	c, _ := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(b.String()), Mode: 0o644}}, "k.conf", confparse.Env{})
	if len(c.Instances) != slowRouters+bystanders {
		t.Fatalf("%d virtual routers", len(c.Instances))
	}
	return c
}

// slowest is what was to be told, and who was told of it.
type slowest struct {
	mu        sync.Mutex
	happened  map[string][]string // by object, as it happened
	told      map[string][]string // to programs
	now, most int                 // programs that run
}

// program notes what it is told, and sleeps.
func (s *slowest) program(_ context.Context, p confparse.Program) {
	argv := p.Argv() // …/note INSTANCE name state priority
	s.mu.Lock()
	s.told[argv[2]] = append(s.told[argv[2]], argv[3])
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	time.Sleep(10 * time.Second)
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
}

func (s *slowest) happens(c vrrp.Change) {
	if word, _ := spoken(c, c.Told.Told()); c.Kind == vrrp.Transition && word != "" {
		s.happened[string(c.Instance)] = append(s.happened[string(c.Instance)], word)
	}
}

// Two hundred routers that fail and come back faster than their programs can be told, a FIFO that nobody reads, and a mail server
// that takes nothing: no advert is a moment late, what waits is bounded, what is told is in order, and the last of it is how it is.
func TestSlowProgramsDelayNothing(t *testing.T) {
	config := slowConfig(t)
	tell := newTeller(nothingLogged, nil)
	path := filepath.Join(t.TempDir(), "fifo")
	tell.routers.set(pipeSpec{Path: path, Owner: myself()}) // outside of the bubble: its writer waits for the kernel
	defer tell.routers.close()
	s := &slowest{happened: make(map[string][]string), told: make(map[string][]string)}
	const flaps = 20
	var mails *notify.Mailer
	synctest.Test(t, func(t *testing.T) {
		tell.programs = notify.NewPrograms(s.program)
		mails = notify.NewMailer(notify.MailServer{}, nothingLogged) // which is never run
		tell.mail.Store(&mailing{spec: mailSpec{Routers: true}, mailer: mails})
		n := &timed{network: newNetwork(), at: make(map[uint8][]time.Time)}
		r, err := vrrp.NewRunner(vrrp.Options{Network: n})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var ends sync.WaitGroup
		ends.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		telling, untold := context.WithCancel(t.Context())
		follower := r.Follow()
		ends.Go(func() { newHerald(tell).run(telling, follower) })
		trouble := track.ID{Kind: track.File, Name: "trouble"}
		r.Track(trouble, 0)
		if err := r.Apply(ctx, vrrp.FromConfig(config)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		for range flaps {
			r.Track(trouble, -255)
			time.Sleep(500 * time.Millisecond)
			r.Track(trouble, 0)
			time.Sleep(4500 * time.Millisecond)
		}
		time.Sleep(6 * time.Minute) // until the last program has been told
		synctest.Wait()
		for _, c := range r.TakeChanges() {
			s.happens(c)
		}
		checkProgramsTold(t, s, flaps)
		checkOnTime(t, n)
		untold()
		cancel()
		ends.Wait()
		tell.programs.Close(context.Background())
	})
	changes := 0
	for _, list := range s.happened {
		changes += len(list)
	}
	if lost := int(mails.Lost()); changes-lost > 1024 {
		t.Errorf("%d mails of %d are lost: too many wait", lost, changes)
	}
	checkLinesTold(t, path, s)
}

// checkProgramsTold: some were left out, for more would have had to wait than is reasonable; the others came in order.
func checkProgramsTold(t *testing.T, s *slowest, flaps int) {
	t.Helper()
	for i := range slowRouters {
		name := fmt.Sprintf("V%d", i+1)
		told, happened := s.told[name], s.happened[name]
		if want := 2 + 3*flaps; len(happened) != want {
			t.Fatalf("%s: %d changes, want %d", name, len(happened), want)
		}
		if len(told) >= len(happened) {
			t.Errorf("%s: nothing was left out: this test shows nothing", name)
		}
		if last := told[len(told)-1]; last != "MASTER" {
			t.Errorf("%s was last told %s", name, last)
		}
		rest := told
		for _, word := range happened {
			if len(rest) > 0 && rest[0] == word {
				rest = rest[1:]
			}
		}
		if len(rest) > 0 {
			t.Errorf("%s was told out of order: %v", name, told)
		}
	}
	if s.most > slowRouters {
		t.Errorf("%d programs at once for %d routers", s.most, slowRouters)
	}
}

func checkOnTime(t *testing.T, n *timed) {
	t.Helper()
	for i := range bystanders {
		at := n.at[uint8(slowRouters+i+1)]
		if len(at) < 400 {
			t.Fatalf("router %d: %d adverts", slowRouters+i+1, len(at))
		}
		for k := 1; k < len(at); k++ {
			d := at[k].Sub(at[k-1])
			if spread := k == 1 && d >= time.Second*7/8; d != time.Second && !(spread && d < time.Second) { // of many the second is early
				t.Fatalf("router %d: an advert after %v", slowRouters+i+1, d)
			}
		}
	}
}

// checkLinesTold reads the FIFO at last: it has everything, in order.
func checkLinesTold(t *testing.T, path string, s *slowest) {
	t.Helper()
	want := 0
	for _, list := range s.happened {
		want += len(list)
	}
	in, got := bufio.NewScanner(openPipe(t, path)), make(map[string][]string)
	for n := range want {
		if !in.Scan() {
			t.Fatalf("%d lines of %d: %v", n, want, in.Err())
		}
		f := strings.Fields(in.Text()) // INSTANCE "V1" MASTER 100
		name := strings.Trim(f[1], `"`)
		got[name] = append(got[name], f[2])
	}
	for name, list := range s.happened {
		if !slices.Equal(got[name], list) {
			t.Errorf("the lines of %s are %v, want %v", name, got[name], list)
		}
	}
}
