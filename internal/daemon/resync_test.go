package daemon

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/connsync"
	"vigil/internal/netio"
	"vigil/internal/track"
)

// directors are the others on the interface of lvs_sync_daemon, and the list of this kernel's connections.
type directors struct {
	mu      sync.Mutex
	answers bool // they tell all their connections, of which there are 7
	growing bool // there is one more each time
	reads   int
	listing string // without the heading

	spec    connsync.Spec
	deliver func(connsync.Signal) // nil while nobody listens
	joined  int
	asked   []time.Time
	acks    int
	told    int // messages that this director sent to the others' kernels
	closed  bool
}

func (d *directors) Listing() (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	listing := d.listing
	if d.reads++; d.growing {
		for n := range d.reads {
			listing += fmt.Sprintf("TCP C00002C8 %04X C0000201 0050 C6336401 1F90 ESTABLISHED     893\n", 1+n)
		}
	}
	return io.NopCloser(strings.NewReader("Pro FromIP   FPrt\n" + listing)), nil
}

func (d *directors) Listen(s connsync.Spec, deliver func(connsync.Signal)) (connsync.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spec, d.deliver = s, deliver
	d.joined++
	return (*directorsConn)(d), nil
}

func (d *directors) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

// heard is how often this director has asked so far.
func (d *directors) heard() int {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// directorsConn is the joined group.
type directorsConn directors

func (c *directorsConn) Tell([]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told++
	return nil
}

func (c *directorsConn) Signal(s connsync.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s.Kind {
	case connsync.Ask:
		c.asked = append(c.asked, time.Now())
		if c.answers {
			c.deliver(connsync.Signal{Kind: connsync.End, ID: s.ID, Session: s.Session, Number: 1, Connections: 7})
		}
	case connsync.Ack:
		c.acks++
	}
	return nil
}

func (c *directorsConn) Unread() (connsync.Unread, error) { return connsync.Unread{Known: true}, nil }
func (c *directorsConn) Room() int                        { return 1472 }

func (c *directorsConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deliver = nil
	return nil
}

// watchedByAll is a machine whose links change, of which everyone who watches is told.
type watchedByAll struct {
	*network
	mu       sync.Mutex
	watchers []chan netio.Event
}

func (n *watchedByAll) Watch(ctx context.Context, events chan<- netio.Event) error {
	changes := make(chan netio.Event)
	n.mu.Lock()
	n.watchers = append(n.watchers, changes)
	n.mu.Unlock()
	return fed{n.network, changes}.Watch(ctx, events)
}

func (n *watchedByAll) tell(ev netio.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.watchers {
		w <- ev
	}
	synctest.Wait()
}

// waits reports whether virtual routers are told to leave a living master alone.
func (i *instance) waits() bool {
	i.t.Helper()
	synctest.Wait()
	list, err := i.routers.runner.Load().Explain(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	return list[0].Why.Waits == track.SynchronizationID("eth0")
}

// A backup asks when the kernel listens, and leaves a master alone until it has been told, or nobody has answered for sync_wait.
func TestBackupAsksForConnections(t *testing.T) {
	for name, c := range map[string]struct {
		words   string
		answers bool
		over    time.Duration // after that nothing is waited for
	}{
		"an answer":           {"lvs_sync_daemon eth0 VI_1 id 9", true, 0},
		"nobody":              {"lvs_sync_daemon eth0 VI_1 id 9\n  vrrp_startup_delay 20", false, 5 * time.Second},
		"nobody in 2 s":       {"lvs_sync_daemon eth0 VI_1 id 9\n  sync_wait 2\n  vrrp_startup_delay 20", false, 2 * time.Second},
		"nobody is to wait":   {"lvs_sync_daemon eth0 VI_1 id 9\n  sync_wait 0", false, 0},
		"without lvs_sync":    {"sync_wait 5", false, 0},
		"without an instance": {"lvs_sync_daemon eth0 id 9", false, 0}, // nor virtual servers: nothing to share
	} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, syncConf(c.words), func(o *Options) {
				o.Connections = func() (connsync.Network, error) { return &directors{answers: c.answers}, nil }
			})
			if c.over > 0 {
				if !i.waits() {
					t.Errorf("%s: nothing is waited for", name)
				}
				time.Sleep(c.over - time.Millisecond)
				if !i.waits() {
					t.Errorf("%s: it does not wait until the end", name)
				}
				time.Sleep(2 * time.Millisecond)
			}
			if i.waits() {
				t.Errorf("%s: it waits after %v", name, c.over)
			}
			if s := i.status().Sync; s != nil && s.Resync != nil {
				if c.answers && (s.Resync.Answered == 0 || s.Resync.Answered > 2 || s.Resync.Learned != 7*s.Resync.Answered) || c.over > 0 && s.Resync.Unanswered != 1 {
					t.Errorf("%s: %+v", name, s.Resync)
				}
			} else if strings.HasPrefix(c.words, "lvs_sync_daemon eth0 VI_1") {
				t.Errorf("%s: no status", name)
			}
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Asked is again after each time of absence, and only then: when an instance becomes BACKUP, and when the cable of a backup is back. A master
// asks nobody and answers.
func TestWhenConnectionsAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &watchedByAll{network: newNetwork()}
		text := strings.Replace(syncConf("lvs_sync_daemon eth0 VI_1"), "priority 100", "priority 100\n  dont_track_primary\n  track_virtual_server 192.0.2.1 80", 1)
		i := begin(t, text+oneService, func(o *Options) { o.Network = func() (Network, error) { return f, nil } })
		d := i.directors
		d.mu.Lock()
		d.answers, d.listing = true, "TCP C00002C8 2026 C0000201 0050 C6336401 1F90 ESTABLISHED     893\n"
		d.mu.Unlock()
		began := d.heard()
		if began == 0 || d.spec.Interface != "eth0" || d.spec.ID != 51 || d.spec.Group.String() != "224.0.0.81:8848" || d.spec.TTL != 1 {
			t.Errorf("asked %d times at %+v", began, d.spec)
		}
		i.becomesMaster()
		before := d.heard()
		ask := connsync.Signal{Kind: connsync.Ask, ID: 51, Session: 99}
		d.deliver(ask)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if s := i.status().Sync.Resync; s.Answers != 1 || s.Told != 1 || d.told != 1 {
			t.Errorf("a master that is asked: %+v, %d messages", s, d.told)
		}
		quorum := i.running.desired.Followed[0].id()
		i.syncing.tracked.Set(quorum, track.Down) // FAULT
		time.Sleep(time.Second)
		if n := d.heard(); n != before {
			t.Errorf("asked %d times in FAULT", n-before)
		}
		d.deliver(ask)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if s := i.status().Sync.Resync; s.Answers != 1 {
			t.Errorf("one that is no master has answered: %+v", s)
		}
		i.syncing.tracked.Set(quorum, track.Up)
		time.Sleep(time.Second)
		if n := d.heard(); n != before+1 {
			t.Errorf("asked %d times as BACKUP, want once", n-before)
		}
		if i.waits() {
			t.Error("it waits although it has been told")
		}
		link := eth0
		for _, up := range []bool{true, false, true, true} {
			link.Up = up
			f.tell(netio.LinkChanged{Link: link})
		}
		if n := d.heard(); n != before+2 {
			t.Errorf("asked %d times after the cable was out, want once more", n-before)
		}
		joined := d.joined
		link.Index += 10
		f.tell(netio.LinkChanged{Link: link})
		if n := d.heard(); n != before+3 || d.joined != joined+1 {
			t.Errorf("asked %d times after the interface was made anew; joined %d times", n-before, d.joined-joined)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if !d.closed || d.deliver != nil {
			t.Error("something is left open")
		}
	})
}

// A reload that has another instance decide asks anew, whatever the first one waits for: here it is in FAULT.
func TestAnotherInstanceAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := func(decides string) string {
			first := strings.Replace(syncConf("lvs_sync_daemon eth0 "+decides+" id 7"), "priority 100", "priority 100\n  track_virtual_server 192.0.2.1 80", 1)
			return first + "vrrp_instance VI_2 {\n interface eth0\n virtual_router_id 52\n priority 100\n virtual_ipaddress {\n  192.0.2.102/24\n }\n}\n" + oneService
		}
		i := begin(t, text("VI_1"), nil)
		i.becomesMaster()
		i.syncing.tracked.Set(i.running.desired.Followed[0].id(), track.Down)
		time.Sleep(time.Second)
		synctest.Wait()
		if state := i.status().VRRP.Instances[0].State; state != "FAULT" || !i.waits() {
			t.Errorf("%s, waits %t", state, i.waits())
		}
		reply, _ := i.reload(text("VI_2"))
		reply.want(t, "another instance", reloadApplied)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if i.waits() {
			t.Error("it waits for ever")
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// grows has the kernel list one connection more each time that it is read.
func (d *directors) grows() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.growing = true
}

func (d *directors) messages() int {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told
}

// followed is a router that a virtual server's quorum holds up, and that virtual server.
func followed(words string, more ...string) string {
	return strings.Replace(syncConf(words), "priority 100", "priority 100\n  track_virtual_server 192.0.2.1 80", 1) + oneService + strings.Join(more, "")
}

// secondRouter is another one, which nothing holds.
const secondRouter = "vrrp_instance VI_2 {\n interface eth0\n virtual_router_id 52\n priority 100\n virtual_ipaddress {\n  192.0.2.102/24\n }\n}\n"

// Who gives way tells the one that takes over of all connections, when that is decided and when it has no address any more, whether that is a
// FAULT or the end, before which it waits for that. Who has not served tells nothing, however long ago it has.
func TestWhoGivesWayTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, followed("lvs_sync_daemon eth0 VI_1"), nil)
		i.directors.grows()
		quorum := i.running.desired.Followed[0].id()
		tells := func(what string, least, most int, f func()) { // that of two moments are one when there is nothing between them
			t.Helper()
			before := i.directors.messages()
			f()
			if n := i.directors.messages() - before; n < least || n > most {
				t.Errorf("%s: told %d times, want %d to %d", what, n, least, most)
			}
		}
		fault := func() { i.syncing.tracked.Set(quorum, track.Down); time.Sleep(time.Hour) }
		tells("one that has become master", 0, 0, i.becomesMaster)
		tells("FAULT", 1, 2, fault)
		tells("BACKUP", 0, 0, func() { i.syncing.tracked.Set(quorum, track.Up); time.Sleep(time.Second) })
		tells("FAULT of a backup", 0, 0, fault)
		tells("master again", 0, 0, func() { i.syncing.tracked.Set(quorum, track.Up); i.becomesMaster() })
		tells("the end", 2, 3, func() {
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	})
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, followed("lvs_sync_daemon eth0 VI_1"), nil)
		i.directors.grows()
		i.becomesMaster()
		i.syncing.tracked.Set(i.running.desired.Followed[0].id(), track.Down)
		time.Sleep(time.Hour)
		before := i.directors.messages()
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if n := i.directors.messages() - before; n != 0 {
			t.Errorf("told %d times at the end of one in FAULT", n)
		}
	})
}

// Another instance gives way: that is nobody's business who follows the first. Without an instance it is, unless one of the routers is another's:
// of its connections there are only old copies here.
func TestWhoseConnectionsAreTold(t *testing.T) {
	for _, c := range []struct {
		name, words string
		first       bool // it is told when the first of both gives way
	}{
		{"the other one", "lvs_sync_daemon eth0 VI_2 id 7", false},
		{"standing", "lvs_sync_daemon eth0 id 7", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			text := followed(c.words, secondRouter)
			i := begin(t, text, nil)
			i.directors.grows()
			i.becomesMaster()
			quorum := i.running.desired.Followed[0].id()
			fault := func() int {
				before := i.directors.messages()
				i.syncing.tracked.Set(quorum, track.Down)
				time.Sleep(10 * time.Second)
				n := i.directors.messages() - before
				i.syncing.tracked.Set(quorum, track.Up)
				i.becomesMaster()
				return n
			}
			if n := fault(); n > 0 != c.first || n > 2 {
				t.Errorf("%s: told %d times", c.name, n)
			}
			i.syncing.mu.Lock()
			i.syncing.roles["VI_2"] = role{}
			i.syncing.mu.Unlock()
			if n := fault(); n > 0 {
				t.Errorf("%s, of which one is another's: told %d times", c.name, n)
			}
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	}
}
