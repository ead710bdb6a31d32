package testlan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// twoHosts is a segment with a and b on it.
func twoHosts(t *testing.T) (l *Lab, a, b *Cable) {
	t.Helper()
	RequireNetns(t)
	l, a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, a, b
}

func TestHostsHaveTheirMACAndTalk(t *testing.T) {
	_, a, b := twoHosts(t)
	if got, want := a.MAC.String(), "02:00:00:00:00:01"; got != want {
		t.Errorf("MAC of a = %s, want %s", got, want)
	}
	out, err := a.Host.Output(within(t, 10*time.Second), "ip", "-o", "link", "show", "eth0")
	if err != nil || !strings.Contains(out, a.MAC.String()) {
		t.Errorf("ip link: %v, %q, want the MAC %s in it", err, out, a.MAC)
	}
	var l net.Listener
	if err := b.Host.Do(func() (err error) { l, err = net.Listen("tcp", "192.0.2.2:80"); return err }); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := a.Host.Do(func() error {
		c, err := net.DialTimeout("tcp", "192.0.2.2:80", 5*time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestAddressesComeAndGo(t *testing.T) {
	_, a, _ := twoHosts(t)
	more := netip.MustParsePrefix("198.18.0.1/32")
	before, err := a.Host.Addresses("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Host.AddAddress("eth0", more); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Host.Addresses("eth0"); err != nil || !slices.Contains(got, more) {
		t.Errorf("added: %v, %v", got, err)
	}
	if err := a.Host.DeleteAddress("eth0", more); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Host.Addresses("eth0"); err != nil || !slices.Equal(got, before) {
		t.Errorf("deleted: %v, %v, want %v", got, err, before)
	}
	if err := a.Host.DeleteAddress("eth0", more); err == nil {
		t.Error("what is not there is deleted")
	}
}

func TestCutTakesTheCarrierAndBlockDoesNot(t *testing.T) {
	_, a, _ := twoHosts(t)
	carrier := func() string {
		out, err := a.Host.Output(within(t, 10*time.Second), "ip", "-o", "link", "show", "eth0")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "LOWER_UP") {
			return "up"
		}
		return "down"
	}
	for _, step := range []struct {
		name            string
		do              func() error
		carrier, answer string
	}{
		{"plugged", func() error { return nil }, "up", "answered"},
		{"cut", a.Cut, "down", "lost"},
		{"mended", func() error {
			before := time.Now()
			at, err := a.MendAndSee(within(t, time.Minute))
			if err == nil && (at.Before(before) || at.After(time.Now())) {
				err = fmt.Errorf("seen at %v, mended after %v", at, before)
			}
			return err
		}, "up", "answered"},
		{"blocked", a.Block, "up", "lost"},
		{"unblocked", a.Unblock, "up", "answered"},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := carrier(); got != step.carrier {
			t.Errorf("%s: carrier %s, want %s", step.name, got, step.carrier)
		}
		// A neighbour that did not answer is asked again after a second, so an answer may take that long.
		patience := 5 * time.Second
		if step.answer == "lost" {
			patience = 200 * time.Millisecond
		}
		if err := reach(a, patience); (err == nil) != (step.answer == "answered") {
			t.Errorf("%s: %v, want %s", step.name, err, step.answer)
		}
	}
}

func TestCaptureSeesAnnouncementsOnceWithTheirSender(t *testing.T) {
	l, a, _ := twoHosts(t)
	c, err := l.Capture()
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	vip := netip.MustParseAddr("192.0.2.100")
	err = a.Host.Do(func() error {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		client, err := arp.Dial(ifi)
		if err != nil {
			return err
		}
		defer client.Close()
		p, err := arp.NewPacket(arp.OperationRequest, a.MAC, vip, net.HardwareAddr{255, 255, 255, 255, 255, 255}, vip)
		if err != nil {
			return err
		}
		return client.WriteTo(p, net.HardwareAddr{255, 255, 255, 255, 255, 255})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Until(within(t, 5*time.Second), "announcement", func() error {
		if len(c.Announcements("a", before)) == 0 {
			return errors.New("none")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	got := c.Announcements("", before)
	if len(got) != 1 || got[0].Host != "a" || got[0].Address != vip || got[0].MAC.String() != a.MAC.String() {
		t.Errorf("announcements %+v, want one of %s by a at %s", got, vip, a.MAC)
	}
	if age := time.Since(got[0].Time); age < 0 || age > time.Minute {
		t.Errorf("receive time is %v ago", age)
	}
}

// Somebody who is not to be recorded is heard by nobody, whatever is sent; the others are, each once.
func TestCaptureWithoutAHost(t *testing.T) {
	l, a, b := twoHosts(t)
	c, err := l.Capture(b.Host)
	if err != nil {
		t.Fatal(err)
	}
	group := net.UDPAddr{IP: net.IPv4(224, 0, 0, 18), Port: 9}
	for _, cable := range []*Cable{b, a} { // the last one is waited for
		var conn *net.UDPConn
		if err := cable.Host.Do(func() error {
			ifi, err := net.InterfaceByName("eth0")
			if err == nil {
				conn, err = net.ListenMulticastUDP("udp4", ifi, &group)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if _, err := c.WaitJoin(within(t, 5*time.Second), "a", time.Time{}, netip.MustParseAddr("224.0.0.18")); err != nil {
		t.Error(err)
	}
	for _, f := range c.Frames() {
		if f.Host != "a" {
			t.Errorf("a frame of %q: %x", f.Host, f.Data)
		}
	}
}

// The filter of cables lets a frame go on to the next program from each of them, and from nowhere else.
func TestIncomingFrom(t *testing.T) {
	for _, interfaces := range [][]int{nil, {3}, {3, 5, 700}} {
		for _, tt := range []struct {
			direction, index uint32
			want             bool
		}{
			{unix.PACKET_MULTICAST, 3, len(interfaces) > 0}, {unix.PACKET_HOST, 700, len(interfaces) > 2}, {unix.PACKET_HOST, 4, false},
			{unix.PACKET_OUTGOING, 3, false},
		} {
			program := slices.Concat(incomingFrom(interfaces), []bpf.Instruction{bpf.RetConstant{Val: 1}})
			for i, instruction := range program { // the virtual machine has no kernel to ask
				switch instruction {
				case bpf.LoadExtension{Num: bpf.ExtType}:
					program[i] = bpf.LoadConstant{Val: tt.direction}
				case bpf.LoadExtension{Num: bpf.ExtInterfaceIndex}:
					program[i] = bpf.LoadConstant{Val: tt.index}
				}
			}
			vm, err := bpf.NewVM(program)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := vm.Run(nil); err != nil || (n == 1) != tt.want {
				t.Errorf("%v, %+v: %d, %v", interfaces, tt, n, err)
			}
		}
	}
}

func TestFrameDecodesAdverts(t *testing.T) {
	v2 := []byte("\x01\x00\x5e\x00\x00\x12\x02\x00\x00\x00\x00\x01\x08\x00\x45\xc0\x00\x28\x00\x07\x00\x00\xff\x70\x00\x00" +
		"\xc0\x00\x02\x01\xe0\x00\x00\x12\x21\x33\x64\x01\x00\x02\x00\x00\xc0\x00\x02\x64\x00\x00\x00\x00\x00\x00\x00\x00")
	v3 := slices.Clone(v2)
	v3[34], v3[38], v3[39] = 0x31, 0xf0, 0x0a // reserved bits set, 10 centiseconds
	for _, test := range []struct {
		name     string
		data     []byte
		ok       bool
		version  uint8
		interval time.Duration
	}{
		{"v2", v2, true, 2, 2 * time.Second},
		{"v3", v3, true, 3, 100 * time.Millisecond},
		{"cut short", v2[:40], false, 0, 0},
		{"no IP", append(append(slices.Clone(v2[:12]), 0x86, 0xdd), v2[14:]...), false, 0, 0},
		{"empty", nil, false, 0, 0},
	} {
		a, ok := Frame{Data: test.data}.Advert()
		if ok != test.ok || a.Version != test.version || a.Interval != test.interval {
			t.Errorf("%s: %+v, %v; want version %d interval %v, %v", test.name, a, ok, test.version, test.interval, test.ok)
		}
		if ok && (a.VRID != 51 || a.Priority != 100 || a.ID != 7 || a.Source != netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%s: fields %+v", test.name, a)
		}
	}
}

func TestCaptureSeesWhoJoinsAGroup(t *testing.T) {
	l, _, b := twoHosts(t)
	c, err := l.Capture()
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	var conn *net.UDPConn
	if err := b.Host.Do(func() error {
		ifi, err := net.InterfaceByName("eth0")
		if err == nil {
			conn, err = net.ListenMulticastUDP("udp4", ifi, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 18), Port: 9})
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := c.WaitJoin(within(t, 5*time.Second), "b", before, netip.MustParseAddr("224.0.0.18")); err != nil {
		t.Error(err)
	}
	for _, f := range c.Frames() {
		if f.Joins(netip.MustParseAddr("224.0.0.19")) || f.Host == "a" && f.Joins(netip.MustParseAddr("224.0.0.18")) {
			t.Errorf("frame of %s taken for another join: %x", f.Host, f.Data)
		}
	}
}

func TestProcessLogSignalAndGroupKill(t *testing.T) {
	_, a, _ := twoHosts(t)
	start := time.Now()
	p, err := a.Host.Start("talker", nil, "sh", "-c", "trap 'echo bye; exit 3' TERM; echo hello; echo oops >&2; while :; do sleep 0.05; done")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"hello", "oops"} {
		if err := Until(within(t, 5*time.Second), word, func() error {
			if _, ok := p.Log.Find(word, start); !ok {
				return errors.New(p.Log.Tail(5))
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	var exit *exec.ExitError
	if err := p.Stop(within(t, 5*time.Second)); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("Stop = %v, want exit status 3", err)
	}
	group, err := a.Host.Start("group", nil, "sh", "-c", "sleep 1000 & sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	group.Kill()
	if err := syscall.Kill(-group.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("signal to the killed group: %v, want ESRCH: a child is left", err)
	}
}
