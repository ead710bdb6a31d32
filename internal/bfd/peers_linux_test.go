package bfd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// program finds a program of Debian's, or skips.
func program(t *testing.T, paths ...string) string {
	t.Helper()
	for _, p := range paths {
		if found, err := exec.LookPath(p); err == nil {
			return found
		}
	}
	testlan.RequirePeer(t, fmt.Errorf("no %s", paths[0]))
	return ""
}

// bfdPeer is another implementation on the host of theirs.
type bfdPeer struct {
	start func() // anew
	kill  func() // without a word
	// down waits until it knows that its session with one of our addresses is down, and that we said so.
	down func(ours string)
}

// TestBesideKeepalived: sessions with Debian's keepalived over both families.
func TestBesideKeepalived(t *testing.T) {
	binary := program(t, "keepalived", "/usr/sbin/keepalived")
	lab, ours, theirs, cable := twoHosts(t)
	conf := filepath.Join(lab.Dir(), "keepalived.conf")
	text := ""
	for name, to := range map[string]string{"four": "10.77.0.1", "six": "fd77::1"} {
		text += fmt.Sprintf("bfd_instance %s {\nneighbor_ip %s\nmin_rx 100\nmin_tx 100\nmultiplier 50\nhoplimit 255\n}\n", name, to)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var running *testlan.Process
	peer := bfdPeer{
		start: func() {
			args := []string{binary, "-n", "-l", "-D", "-f", conf}
			for _, f := range []string{"-p", "-r", "-c", "-b"} {
				args = append(args, f, filepath.Join(lab.Dir(), "pid"+f))
			}
			var err error
			if running, err = theirs.Start("keepalived", nil, args...); err != nil {
				t.Fatal(err)
			}
		},
		kill: func() { running.Kill() },
		down: func(string) {
			want := "Entering Down state (Local diagnostic - Neighbor Signaled Session Down, Remote diagnostic - Administratively Down)"
			eventually(t, "keepalived is told", func() error {
				if _, found := running.Log.Find(want, time.Time{}); !found {
					return errors.New(running.Log.Tail(10))
				}
				return nil
			})
		},
	}
	// Not so beside FRR, which goes on asking for a discriminator that it was told is gone.
	six := towards("six", "fd77::2", "fd77::1")
	six.Timing.Passive = true
	besides(t, peer, ours, cable, towards("four", "10.77.0.2", ""), six)
}

// frr is FRR's bfdd, with the zebra that it cannot do without.
type frr struct {
	t       *testing.T
	host    *testlan.Host
	dir     string
	running []*testlan.Process
}

const frrDaemons = "/usr/lib/frr/"

func newFRR(t *testing.T, lab *testlan.Lab, host *testlan.Host, conf string) *frr {
	t.Helper()
	account, err := user.Lookup("frr")
	testlan.RequirePeer(t, err)
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	f := &frr{t: t, host: host, dir: filepath.Join(lab.Dir(), "frr")}
	if err := errors.Join(os.Chmod(lab.Dir(), 0o755), os.Mkdir(f.dir, 0o755), os.Chown(f.dir, uid, gid),
		os.WriteFile(filepath.Join(f.dir, "bfdd.conf"), []byte(conf), 0o644),
		os.WriteFile(filepath.Join(f.dir, "zebra.conf"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	return f
}

// begin starts a daemon and waits until it can be asked.
func (f *frr) begin(name string, args ...string) {
	f.t.Helper()
	args = append([]string{frrDaemons + name, "-u", "frr", "-g", "frr", "-f", filepath.Join(f.dir, name+".conf"), "-i",
		filepath.Join(f.dir, name+".pid"), "-z", filepath.Join(f.dir, "zserv"), "--vty_socket", f.dir, "-A", "127.0.0.1", "--log", "stdout"}, args...)
	p, err := f.host.Start(name, nil, args...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.running = append(f.running, p)
	eventually(f.t, name+" answers", func() error {
		_, err := f.ask(name, "show version")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, p.Log.Tail(5))
		}
		return err
	})
}

func (f *frr) start() {
	f.begin("zebra")
	f.begin("bfdd", "--bfdctl", filepath.Join(f.dir, "bfdd.sock"))
}

func (f *frr) kill() {
	for _, p := range f.running {
		p.Kill()
	}
	f.running = nil
}

// ask has a daemon execute commands.
func (f *frr) ask(daemon string, commands ...string) (string, error) {
	args := []string{"vtysh", "--vty_socket", f.dir, "-d", daemon}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), loaded)
	defer cancel()
	return f.host.Output(ctx, args...)
}

// frrSession is what FRR says of a session.
type frrSession struct {
	Peer             string `json:"peer"`
	Status           string `json:"status"`
	Diagnostic       string `json:"diagnostic"`
	RemoteDiagnostic string `json:"remote-diagnostic"`
	RemoteTransmit   int    `json:"remote-transmit-interval"`
	RemoteMultiplier int    `json:"remote-detect-multiplier"`
}

// until waits for what FRR says of its session with one of our addresses.
func (f *frr) until(what, ours string, cond func(frrSession) bool) {
	f.t.Helper()
	eventually(f.t, what, func() error {
		text, err := f.ask("bfdd", "show bfd peers json")
		if err != nil {
			return err
		}
		var all []frrSession
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		for _, s := range all {
			if s.Peer == ours && cond(s) {
				return nil
			}
		}
		return errors.New(text)
	})
}

// TestBesideFRR: sessions with FRR's bfdd over both families and over several hops.
func TestBesideFRR(t *testing.T) {
	program(t, "vtysh")
	lab, ours, theirs, cable := twoHosts(t)
	conf := "bfd\n"
	for _, words := range []string{"10.77.0.1 local-address 10.77.0.2", "fd77::1 local-address fd77::2", "10.77.1.1 multihop local-address 10.77.1.2"} {
		conf += " peer " + words + "\n  detect-multiplier 50\n  receive-interval 100\n  transmit-interval 100\n exit\n"
	}
	f := newFRR(t, lab, theirs, conf+"exit\n")
	far := towards("far", "10.77.1.2", "10.77.1.1")
	far.Multihop, far.MaxHops = true, 10
	four, six := towards("four", "10.77.0.2", ""), towards("six", "fd77::2", "fd77::1")
	peer := bfdPeer{start: f.start, kill: f.kill, down: func(ours string) {
		f.until("FRR is told", ours, func(s frrSession) bool {
			return s.Status == "down" && s.RemoteDiagnostic == "administratively down" && s.Diagnostic == "neighbor signaled session down"
		})
	}}
	n := besides(t, peer, ours, cable, four, six, far)

	// Other intervals are agreed on while the sessions stay up.
	since := n.session("four").Since
	four.Timing.MinTX, four.Timing.Multiplier = 400*ms, 20
	n.apply(four, six, far)
	f.until("other intervals", "10.77.0.1", func(s frrSession) bool {
		return s.Status == "up" && s.RemoteTransmit == 400 && s.RemoteMultiplier == 20
	})
	n.until("they are confirmed", "four", func(s SessionStatus) bool { return s.State == Up && s.TX == 400*ms })
	if s := n.session("four"); !s.Since.Equal(since) {
		t.Errorf("the session did not live on: %+v", s)
	}

	// FRR's operator takes a session down, and up again.
	for _, command := range []string{"shutdown", "no shutdown"} {
		if _, err := f.ask("bfdd", "configure terminal", "bfd", "peer 10.77.0.1 local-address 10.77.0.2", command); err != nil {
			t.Fatal(err)
		}
		if command == "shutdown" {
			n.until("FRR's session is shut down", "four", func(s SessionStatus) bool {
				return s.State == Down && s.Diagnostic == NeighborSignaledDown && s.RemoteState == AdminDown
			})
		}
	}
	n.untilUp("FRR's session is back", "four")
	// Ours is removed by a reload, and comes back.
	n.apply(six, far)
	peer.down("10.77.0.1")
	n.apply(four, six, far)
	n.untilUp("back", "four", "six", "far")
}

func eventually(t *testing.T, what string, cond func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), loaded)
	defer cancel()
	if err := testlan.Until(ctx, what, cond); err != nil {
		t.Fatal(err)
	}
}

// besides takes sessions with another implementation up and down in every way that there is, and returns the Runner with all
// of them up.
func besides(t *testing.T, peer bfdPeer, ours *testlan.Host, cable *testlan.Cable, sessions ...SessionSpec) *node {
	t.Helper()
	var names []string
	for _, s := range sessions {
		names = append(names, s.Name)
	}
	n := run(t, inHost{ours}, sessions...)
	peer.start()
	n.untilUp("up", names...)
	if err := cable.Cut(); err != nil {
		t.Fatal(err)
	}
	n.untilDown("the cable is cut", names...)
	if err := cable.Mend(); err != nil {
		t.Fatal(err)
	}
	n.untilUp("the cable is mended", names...)
	n.stop()
	peer.down("10.77.0.1")
	n = run(t, inHost{ours}, sessions...)
	n.untilUp("we are back", names...)
	peer.kill()
	n.untilDown("the peer is killed", names...)
	peer.start()
	n.untilUp("the peer is back", names...)
	if !strings.Contains(n.log.String(), "(four) Expired after ") {
		t.Errorf("the log says nothing of it:\n%s", n.log)
	}
	return n
}
