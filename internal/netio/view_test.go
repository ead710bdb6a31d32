package netio

import (
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func addr(index int, prefix string) Address {
	return Address{Index: index, Prefix: netip.MustParsePrefix(prefix)}
}

func TestRenamedLinkIsGoneUnderItsOldName(t *testing.T) {
	var v view
	v.setLink(Link{Index: 3, Name: "eth0", Up: true})
	got := v.setLink(Link{Index: 3, Name: "wan0", Up: true})
	want := []Event{
		LinkGone{Link{Index: 3, Name: "eth0", Up: true}},
		LinkChanged{Link{Index: 3, Name: "wan0", Up: true}},
	}
	if d := cmp.Diff(want, got, byValue); d != "" {
		t.Errorf("rename (-want +got):\n%s", d)
	}
}

func TestLinkGoneTakesItsAddressesFirst(t *testing.T) {
	var v view
	v.setLink(Link{Index: 3, Name: "eth0"})
	v.setLink(Link{Index: 4, Name: "eth1"})
	v.setAddress(addr(3, "192.0.2.1/24"))
	v.setAddress(addr(4, "192.0.2.2/24"))
	v.setAddress(addr(3, "2001:db8::1/64"))
	got := v.dropLink(3)
	want := []Event{
		AddressGone{addr(3, "192.0.2.1/24")},
		AddressGone{addr(3, "2001:db8::1/64")},
		LinkGone{Link{Index: 3, Name: "eth0"}},
	}
	if d := cmp.Diff(want, got, byValue); d != "" {
		t.Errorf("link gone (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Address{addr(4, "192.0.2.2/24")}, v.allAddresses(), byValue); d != "" {
		t.Errorf("addresses left (-want +got):\n%s", d)
	}
}

func TestNothingNewIsNoEvent(t *testing.T) {
	var v view
	v.setLink(Link{Index: 3, Name: "eth0"})
	v.setAddress(addr(3, "192.0.2.1/24"))
	for name, got := range map[string][]Event{
		"same link":         v.setLink(Link{Index: 3, Name: "eth0"}),
		"same address":      v.setAddress(addr(3, "192.0.2.1/24")),
		"unknown link gone": v.dropLink(9),
		"unknown address":   v.dropAddress(addr(3, "192.0.2.9/24")),
		"same state":        v.reset([]Link{{Index: 3, Name: "eth0"}}, []Address{addr(3, "192.0.2.1/24")}),
	} {
		if len(got) != 0 {
			t.Errorf("%s: got %v, want nothing", name, got)
		}
	}
}

// picture is the dumbest consumer: it believes every event.
type picture struct {
	links map[string]Link
	addrs map[addressKey]Address
}

func (p *picture) take(t *rapid.T, events []Event) {
	for _, ev := range events {
		switch ev := ev.(type) {
		case LinkChanged:
			p.links[ev.Link.Name] = ev.Link
		case LinkGone:
			if _, ok := p.links[ev.Link.Name]; !ok {
				t.Fatalf("%+v is gone but was never there", ev.Link)
			}
			delete(p.links, ev.Link.Name)
		case AddressChanged:
			p.addrs[keyOf(ev.Address)] = ev.Address
		case AddressGone:
			if _, ok := p.addrs[keyOf(ev.Address)]; !ok {
				t.Fatalf("%+v is gone but was never there", ev.Address)
			}
			delete(p.addrs, keyOf(ev.Address))
		}
	}
}

// Whatever notifications arrive and whatever is lost between two full reads, a consumer that believes every event
// has the kernel's picture afterwards.
func TestConsumerHasTheKernelsPicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v view
		p := picture{links: map[string]Link{}, addrs: map[addressKey]Address{}}
		// The kernel: interfaces by index (names are unique), addresses on them.
		links := map[int]Link{}
		addrs := map[addressKey]Address{}
		drawAddr := func() Address {
			ip := netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(1, 4).Draw(t, "host"))})
			return Address{
				Index:     rapid.IntRange(1, 3).Draw(t, "index"),
				Prefix:    netip.PrefixFrom(ip, 24),
				Tentative: rapid.Bool().Draw(t, "tentative"),
			}
		}
		drawLink := func() (Link, bool) {
			l := Link{
				Index: rapid.IntRange(1, 3).Draw(t, "index"),
				Name:  rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"),
				Up:    rapid.Bool().Draw(t, "up"),
			}
			for _, other := range links {
				if other.Index != l.Index && other.Name == l.Name {
					return l, false
				}
			}
			return l, true
		}
		t.Repeat(map[string]func(*rapid.T){
			"link": func(rt *rapid.T) {
				l, ok := drawLink()
				if !ok {
					rt.Skip("name taken")
				}
				links[l.Index] = l
				if rapid.Bool().Draw(rt, "heard") {
					p.take(rt, v.setLink(l))
				}
			},
			"link gone": func(rt *rapid.T) {
				i := rapid.IntRange(1, 3).Draw(rt, "index")
				delete(links, i)
				for k := range addrs {
					if k.index == i {
						delete(addrs, k)
					}
				}
				if rapid.Bool().Draw(rt, "heard") {
					p.take(rt, v.dropLink(i))
				}
			},
			"address": func(rt *rapid.T) {
				a := drawAddr()
				if _, ok := links[a.Index]; !ok {
					rt.Skip("no such link")
				}
				addrs[keyOf(a)] = a
				if rapid.Bool().Draw(rt, "heard") {
					p.take(rt, v.setAddress(a))
				}
			},
			"address gone": func(rt *rapid.T) {
				a := drawAddr()
				delete(addrs, keyOf(a))
				if rapid.Bool().Draw(rt, "heard") {
					p.take(rt, v.dropAddress(a))
				}
			},
			"resync": func(rt *rapid.T) {
				var ls []Link
				for i := 1; i <= 3; i++ {
					if l, ok := links[i]; ok {
						ls = append(ls, l)
					}
				}
				var as []Address
				for _, a := range addrs {
					as = append(as, a)
				}
				slices.SortFunc(as, func(a, b Address) int { return a.Prefix.Addr().Compare(b.Prefix.Addr()) })
				p.take(rt, v.reset(ls, as))
				want := picture{links: map[string]Link{}, addrs: addrs}
				for _, l := range ls {
					want.links[l.Name] = l
				}
				if d := cmp.Diff(want, p, byValue, cmp.AllowUnexported(picture{}, addressKey{})); d != "" {
					rt.Fatalf("after a full read (-kernel +consumer):\n%s", d)
				}
			},
		})
	})
}

func TestApplyIgnoresBridgePortNotifications(t *testing.T) {
	var v view
	v.setLink(Link{Index: 3, Name: "eth0"})
	data := make([]byte, unix.SizeofIfInfomsg)
	data[0] = unix.AF_BRIDGE
	data[4] = 3 // ifi_index on a little-endian machine; the family decides before it is read
	got, err := v.apply(syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_DELLINK}, Data: data})
	if err != nil || len(got) != 0 {
		t.Errorf("port left its bridge: got %v, %v, want nothing", got, err)
	}
}

// Truncated or corrupt notifications end the session with an error (which means a full read), never with a panic.
func FuzzApply(f *testing.F) {
	f.Add(uint16(unix.RTM_NEWADDR), []byte{2, 24, 128, 0, 3, 0, 0, 0, 8, 0, 1, 0, 192, 0, 2, 1, 8, 0, 2, 0, 192, 0, 2, 1})
	f.Add(uint16(unix.RTM_NEWADDR), []byte{10, 64, 0, 0, 3, 0, 0, 0, 5, 0, 8, 0, 1, 0, 0, 0})
	f.Add(uint16(unix.RTM_DELADDR), []byte{2, 24})
	f.Add(uint16(unix.RTM_DELLINK), make([]byte, unix.SizeofIfInfomsg))
	f.Fuzz(func(t *testing.T, kind uint16, data []byte) {
		if kind == unix.RTM_NEWLINK {
			// Decoded by the library, which trusts the kernel that the watch makes sure it is.
			return
		}
		var v view
		events, err := v.apply(syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: kind}, Data: data})
		if err != nil && len(events) != 0 {
			t.Errorf("both events %v and error %v", events, err)
		}
		for _, ev := range events {
			if a, ok := ev.(AddressChanged); ok && !a.Address.Prefix.IsValid() {
				t.Errorf("address %+v has no valid prefix", a.Address)
			}
		}
	})
}

// What a notification costs does not grow with the addresses of the interface: compare the two.
func BenchmarkAddressNotification(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			v := crowded(n)
			a := addr(3, "192.0.2.1/24")
			for b.Loop() {
				v.setAddress(a)
				v.dropAddress(a)
			}
		})
	}
}

// crowded is a view with n addresses on interface 3.
func crowded(n int) *view {
	v := new(view)
	v.setLink(Link{Index: 3, Name: "eth0"})
	for i := range n {
		v.setAddress(Address{Index: 3, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)})
	}
	return v
}
