package vrrp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
)

// hub is a machine with a thousand interfaces, twenty of which have a virtual router and an address each. The other end of
// every cable is on the machine as well.
type hub struct {
	*lantest.Node
	t      *testing.T
	rand   *rand.Rand
	made   [hubRouters]bool   // the interface exists
	called [hubRouters]string // what it is called now
	macs   int
}

const (
	hubRouters = 20
	hubOthers  = 480 // cables without routers, two interfaces each
)

func hubName(k int) string { return fmt.Sprintf("w%d", k) }

// ip runs lines of ip(8), all of them whatever one comes to, for an interface may be gone that another one names.
func (h *hub) ip(lines ...string) {
	h.t.Helper()
	script := "ip -force -batch - 2>/dev/null <<'END' || true\n" + strings.Join(lines, "\n") + "\nEND\n"
	if _, err := h.Output(h.t.Context(), "sh", "-c", script); err != nil {
		h.t.Fatal(err)
	}
}

// make is what it takes to have the interface of a router, which is not there.
func (h *hub) make(k int) []string {
	h.made[k], h.called[k] = true, hubName(k)
	return []string{
		fmt.Sprintf("link add w%d type veth peer name p%d", k, k), fmt.Sprintf("link set p%d up", k),
		fmt.Sprintf("link set w%d up", k), h.address("add", k),
	}
}

func (h *hub) address(op string, k int) string {
	return fmt.Sprintf("addr %s 10.88.%d.1/24 dev %s", op, k, h.called[k])
}

func (h *hub) mac() string {
	h.macs++
	return fmt.Sprintf("02:00:5e:10:%02x:%02x", h.macs>>8, h.macs&255)
}

// rename calls an interface something else. Old kernels refuse that while it is up.
func (h *hub) rename(from, to string) []string {
	return []string{"link set " + from + " down", "link set " + from + " name " + to, "link set " + to + " up"}
}

// event is one thing that happens to the interfaces.
func (h *hub) event() []string {
	k, j, other := h.rand.IntN(hubRouters), h.rand.IntN(hubRouters), fmt.Sprintf("f%d", h.rand.IntN(hubOthers))
	away := fmt.Sprintf("away%d", k)
	what := h.rand.IntN(10)
	if !h.made[k] && what < 9 {
		return h.make(k)
	}
	name := h.called[k]
	switch what {
	case 0:
		return []string{"link set " + name + " down"}
	case 1:
		return []string{"link set " + name + " up", h.address("replace", k)}
	case 2:
		return []string{"link set " + name + " address " + h.mac()}
	case 3:
		h.made[k] = false
		return []string{"link del " + name}
	case 4:
		return []string{h.address("del", k)}
	case 5:
		return []string{h.address("replace", k)}
	case 6:
		h.called[k] = away
		if name == away {
			h.called[k] = hubName(k)
		}
		return append(h.rename(name, h.called[k]), h.address("replace", k))
	case 7: // two exchange their names, for a moment
		if !h.made[j] || j == k || name != hubName(k) || h.called[j] != hubName(j) {
			return nil
		}
		return append(append(h.rename(hubName(k), "between"), h.rename(hubName(j), hubName(k))...),
			append(append(h.rename(hubName(k), hubName(j)), h.rename("between", hubName(k))...),
				h.address("replace", k), h.address("replace", j))...)
	case 8:
		return []string{fmt.Sprintf("link set p%d down", k), fmt.Sprintf("link set p%d up", k)}
	default:
		return append(h.rename(other, "other"), append(h.rename("other", other), "link set "+other+" address "+h.mac())...)
	}
}

// mend leaves every interface as it was at first, but for the MAC addresses.
func (h *hub) mend() (lines []string) {
	for k := range hubRouters {
		if !h.made[k] {
			lines = append(lines, h.make(k)...)
			continue
		}
		if h.called[k] != hubName(k) {
			lines = append(lines, h.rename(h.called[k], hubName(k))...)
			h.called[k] = hubName(k)
		}
		lines = append(lines, fmt.Sprintf("link set p%d up", k), "link set "+hubName(k)+" up", h.address("replace", k))
	}
	return lines
}

// TestInterfacesInAnyOrderAmongAThousand: interfaces go down, vanish, come back, are renamed, exchange their names, lose their
// address and change their MAC, in any order and faster than anybody can follow. When all are back, every router is MASTER on
// its own, and nothing is left on any other; nothing at all after the stop.
func TestInterfacesInAnyOrderAmongAThousand(t *testing.T) {
	t.Parallel()
	const events = 250
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	_, nodes := lantest.Laboratory(t, 1)
	h := &hub{Node: nodes[0], t: t, rand: rand.New(rand.NewPCG(seed, 1))}
	var lines []string
	for i := range hubOthers {
		lines = append(lines, fmt.Sprintf("link add f%d type veth peer name g%d", i, i))
	}
	var list []election.InstanceSpec
	for k := range hubRouters {
		lines = append(lines, h.make(k)...)
		in := testInstance(fmt.Sprintf("V%d", k), uint8(k+1), 100)
		in.Link, in.Version, in.AdvertInterval = hubName(k), 3, 100*time.Millisecond
		in.Addresses = []election.Address{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 88, byte(k), 100}), 32), Link: in.Link}}
		list = append(list, in)
	}
	h.ip(lines...)
	for key, value := range map[string]string{"all/accept_local": "1", "all/rp_filter": "0", "default/rp_filter": "0"} { // what comes from here arrives here
		if err := h.Sysctl("net/ipv4/conf/"+key, value); err != nil {
			t.Fatal(err)
		}
	}
	r, stop := run(t, h.Node, Options{}, list...)
	for range events {
		h.ip(h.event()...)
		if h.rand.IntN(4) == 0 {
			time.Sleep(time.Duration(h.rand.IntN(150)) * time.Millisecond)
		}
	}
	h.ip(h.mend()...)

	links := make(map[string]netio.Link)
	lantest.Until(t, "all interfaces", func() error {
		for k := range hubRouters {
			l, err := h.Kernel.Link(hubName(k))
			if err != nil {
				return err
			}
			links[l.Name] = l
		}
		return nil
	})
	for k := range hubRouters {
		peer, err := h.Kernel.Link(fmt.Sprintf("p%d", k))
		if err != nil {
			t.Fatal(err)
		}
		_, adverts := h.Listen(lan.Segment{Link: peer, Family: confparse.IPv4, Group: lantest.Group}, uint8(k+1))
		for deadline := time.After(5 * time.Minute); ; { // when it hangs
			select {
			case a := <-adverts:
				if a.Advert.Priority == 0 {
					continue // of one that has just seen its interface go
				}
			case <-deadline:
				t.Fatalf("no advert of router %d", k)
			}
			break
		}
	}
	owned := func() (map[netip.Prefix]int, error) {
		all, err := h.Kernel.Addresses()
		ours := make(map[netip.Prefix]int)
		for _, a := range all {
			if a.Protocol == netio.Protocol {
				if _, twice := ours[a.Prefix]; twice {
					return nil, fmt.Errorf("%v twice", a.Prefix)
				}
				ours[a.Prefix] = a.Index
			}
		}
		return ours, err
	}
	lantest.Until(t, "every router at its place", func() error {
		for i, in := range r.Status().Instances {
			if in.State != election.Master {
				return fmt.Errorf("%s is %s", list[i].Name, in.State)
			}
		}
		ours, err := owned()
		if err != nil {
			return err
		}
		for _, in := range list {
			if at := ours[in.Addresses[0].Prefix]; at != links[in.Link].Index {
				return fmt.Errorf("%v is on interface %d, want %s, %d", in.Addresses[0].Prefix, at, in.Link, links[in.Link].Index)
			}
		}
		if len(ours) != len(list) {
			return fmt.Errorf("%d addresses of ours", len(ours))
		}
		return nil
	})
	stop()
	if ours, err := owned(); err != nil || len(ours) > 0 {
		t.Errorf("left behind: %v, %v", ours, err)
	}
}
