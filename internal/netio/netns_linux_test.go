package netio

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// freshNamespace returns a Handle for a network namespace of the test's own, which dies with it.
func freshNamespace(t *testing.T) *Handle {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	fresh, err := netns.New()
	if err != nil {
		if os.Getenv("REQUIRE_NETNS") == "1" {
			t.Fatalf("REQUIRE_NETNS=1, and creating a network namespace failed: %v", err)
		}
		t.Skipf("creating a network namespace needs root: %v", err)
	}
	defer fresh.Close()
	h, err := Open()
	if back := netns.Set(here); back != nil {
		t.Fatal(back)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// veth adds a pair of interfaces, both up.
func veth(t *testing.T, h *Handle, a, b string) (Link, Link) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a
	if err := h.exchange(func(nl *netlink.Handle) error { return nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: b}) }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{a, b} {
		setUp(t, h, name, true)
	}
	la, err := h.Link(a)
	if err != nil {
		t.Fatal(err)
	}
	lb, err := h.Link(b)
	if err != nil {
		t.Fatal(err)
	}
	return la, lb
}

func setUp(t *testing.T, h *Handle, name string, up bool) {
	t.Helper()
	err := h.exchange(func(nl *netlink.Handle) error {
		l, err := nl.LinkByName(name)
		if err != nil {
			return err
		}
		if up {
			return nl.LinkSetUp(l)
		}
		return nl.LinkSetDown(l)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onLink returns the addresses of one interface, without those the kernel makes.
func onLink(t *testing.T, h *Handle, index int) []Address {
	t.Helper()
	all, err := h.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(a Address) bool {
		return a.Index != index || a.Prefix.Addr().IsLinkLocalUnicast()
	})
}

// The kernel receives what is sent to an IPv6 address some time after it was added, and not after it was removed.
func TestReceives(t *testing.T) {
	h := freshNamespace(t)
	eth0, _ := veth(t, h, "eth0", "peer0")
	for _, p := range []string{"2001:db8::1/64", "2001:db8::2/128", "fe80::77:51/128"} {
		a := Address{Index: eth0.Index, Prefix: netip.MustParsePrefix(p)}
		receives := func() bool {
			t.Helper()
			is, err := h.Receives(eth0.Index, a.Prefix.Addr())
			if err != nil && !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EHOSTUNREACH) {
				t.Fatalf("%s: %v", p, err)
			}
			return is
		}
		if receives() {
			t.Errorf("%s is received before it is there", p)
		}
		if err := h.AddAddress(a); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); !receives(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is never received", p)
			}
		}
		if err := h.DelAddress(a); err != nil {
			t.Fatal(err)
		}
		if receives() {
			t.Errorf("%s is received when it has gone", p)
		}
	}
}

func TestAddAddressWritesExactlyWhatItWasTold(t *testing.T) {
	h := freshNamespace(t)
	eth0, _ := veth(t, h, "eth0", "peer0")
	p := netip.MustParsePrefix
	for _, tc := range []struct {
		name string
		add  Address
		want Address
	}{
		{"host", Address{Prefix: p("192.0.2.100/32")},
			Address{Prefix: p("192.0.2.100/32"), Label: "eth0", Protocol: Protocol}},
		{"no broadcast is invented", Address{Prefix: p("198.51.100.100/24")},
			Address{Prefix: p("198.51.100.100/24"), Label: "eth0", Protocol: Protocol}},
		{"broadcast, scope and label", Address{Prefix: p("203.0.113.1/28"), Scope: 253, Label: "eth0:v",
			Broadcast: netip.MustParseAddr("203.0.113.15")},
			Address{Prefix: p("203.0.113.1/28"), Scope: 253, Label: "eth0:v",
				Broadcast: netip.MustParseAddr("203.0.113.15"), Protocol: Protocol}},
		{"peer", Address{Prefix: p("10.0.0.1/32"), Peer: p("10.0.0.2/30")},
			Address{Prefix: p("10.0.0.1/32"), Peer: p("10.0.0.2/30"), Label: "eth0", Protocol: Protocol}},
		{"IPv6 host: usable at once, never chosen as source", Address{Prefix: p("2001:db8::100/128")},
			Address{Prefix: p("2001:db8::100/128"), Protocol: Protocol, Deprecated: true}},
		{"IPv6 prefix", Address{Prefix: p("2001:db8::101/64")},
			Address{Prefix: p("2001:db8::101/64"), Protocol: Protocol}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.add.Index, tc.want.Index = eth0.Index, eth0.Index
			if err := h.AddAddress(tc.add); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]Address{tc.want}, onLink(t, h, eth0.Index), byValue); d != "" {
				t.Errorf("kernel's table (-want +got):\n%s", d)
			}
			if err := h.AddAddress(tc.add); err != nil {
				t.Errorf("adding it again: %v", err)
			}
			for range 2 {
				if err := h.DelAddress(tc.add); err != nil {
					t.Errorf("deleting it: %v", err)
				}
			}
			if got := onLink(t, h, eth0.Index); len(got) != 0 {
				t.Errorf("left in the kernel: %+v", got)
			}
		})
	}
}

func TestAddressOnVanishedLink(t *testing.T) {
	h := freshNamespace(t)
	a := Address{Index: 4711, Prefix: netip.MustParsePrefix("192.0.2.100/32")}
	if err := h.DelAddress(a); err != nil {
		t.Errorf("delete: %v, want success: what is not there is deleted", err)
	}
	if err := h.AddAddress(a); err == nil {
		t.Error("add: success, want an error")
	}
}

func TestLinkByNameThatIsNotThere(t *testing.T) {
	h := freshNamespace(t)
	if _, err := h.Link("nope0"); !errors.Is(err, ErrNoLink) {
		t.Errorf("got %v, want ErrNoLink", err)
	}
}

func TestDoRunsInTheNamespaceAndComesBack(t *testing.T) {
	h := freshNamespace(t)
	veth(t, h, "vio-inside", "vio-peer")
	const inside = "/proc/sys/net/ipv4/conf/vio-inside"
	if err := h.Do(func() error { _, err := os.Stat(inside); return err }); err != nil {
		t.Errorf("inside: %v", err)
	}
	if _, err := os.Stat(inside); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("outside: got %v, want that the interface does not exist here", err)
	}
}

// watching starts w and returns a function that waits for the next event that satisfies a condition.
func watching(t *testing.T, w func(context.Context, chan<- Event) error) (await func(string, func(Event) bool) Event) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan Event)
	done := make(chan error, 1)
	go func() { done <- w(ctx, events) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("watch ended with %v, want the context's error", err)
		}
	})
	return func(what string, ok func(Event) bool) Event {
		t.Helper()
		deadline := time.NewTimer(5 * time.Minute)
		defer deadline.Stop()
		for {
			select {
			case ev := <-events:
				if ok(ev) {
					return ev
				}
			case <-deadline.C:
				t.Fatalf("no event: %s", what)
			}
		}
	}
}

func isSynced(ev Event) bool { _, ok := ev.(Synced); return ok }

func isLink(name string, up bool) func(Event) bool {
	return func(ev Event) bool {
		l, ok := ev.(LinkChanged)
		return ok && l.Link.Name == name && l.Link.Up == up
	}
}

func TestWatchReportsLinksAndAddresses(t *testing.T) {
	h := freshNamespace(t)
	eth0, _ := veth(t, h, "eth0", "peer0")
	vip := Address{Index: eth0.Index, Prefix: netip.MustParsePrefix("192.0.2.100/24")}
	await := watching(t, h.Watch)
	await("eth0 up at start", isLink("eth0", true))
	await("synced", isSynced)

	if err := h.AddAddress(vip); err != nil {
		t.Fatal(err)
	}
	ev := await("address", func(ev Event) bool { c, ok := ev.(AddressChanged); return ok && c.Address.Prefix == vip.Prefix })
	want := AddressChanged{onLink(t, h, eth0.Index)[0]}
	if d := cmp.Diff(want, ev, byValue); d != "" {
		t.Errorf("notification differs from a dump (-dump +notification):\n%s", d)
	}
	if err := h.DelAddress(vip); err != nil {
		t.Fatal(err)
	}
	await("address gone", func(ev Event) bool { g, ok := ev.(AddressGone); return ok && g.Address.Prefix == vip.Prefix })

	setUp(t, h, "peer0", false)
	await("no carrier on eth0", isLink("eth0", false))
	setUp(t, h, "peer0", true)
	await("carrier on eth0", isLink("eth0", true))

	err := h.exchange(func(nl *netlink.Handle) error {
		return nl.LinkDel(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0", Index: eth0.Index}})
	})
	if err != nil {
		t.Fatal(err)
	}
	await("eth0 gone", func(ev Event) bool { g, ok := ev.(LinkGone); return ok && g.Link.Name == "eth0" })
	again, _ := veth(t, h, "eth0", "peer0")
	if again.Index == eth0.Index {
		t.Fatalf("the kernel reused index %d, the test needs another", again.Index)
	}
	ev = await("eth0 back", isLink("eth0", true))
	if got := ev.(LinkChanged).Link.Index; got != again.Index {
		t.Errorf("index %d, want %d", got, again.Index)
	}
}

// A burst that overruns the socket's buffer costs notifications, not knowledge.
func TestWatchReadsEverythingAgainAfterENOBUFS(t *testing.T) {
	h := freshNamespace(t)
	eth0, _ := veth(t, h, "eth0", "peer0")
	w := watch{h: h, buffer: 4096}
	await := watching(t, w.run)
	await("synced", isSynced)

	// Nobody takes events now, so the small buffer overflows.
	const n = 300
	for i := range n {
		a := Address{Index: eth0.Index, Prefix: netip.MustParsePrefix(fmt.Sprintf("10.1.%d.%d/32", i/200, 1+i%200))}
		if err := h.AddAddress(a); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[netip.Prefix]bool{}
	var cause error
	await("every address", func(ev Event) bool {
		switch ev := ev.(type) {
		case AddressChanged:
			if ev.Address.Prefix.Addr().Is4() {
				seen[ev.Address.Prefix] = true
			}
		case Synced:
			cause = ev.Cause
		}
		return len(seen) == n && cause != nil
	})
	if !errors.Is(cause, unix.ENOBUFS) {
		t.Errorf("read again because of %v, want ENOBUFS", cause)
	}
}
