package vrrp

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// thousand are virtual routers with two addresses each, on four interfaces that are networks of their own.
func thousand(priority uint8) (list []election.InstanceSpec) {
	for n := range 1000 {
		link, vrid := n%4, uint8(n/4+1)
		s := testInstance(fmt.Sprintf("V_%d_%d", link, vrid), vrid, priority)
		s.Link, s.Group = fmt.Sprintf("eth%d", link), netip.AddrFrom4([4]byte{224, 0, 0, byte(100 + link)})
		s.Addresses = nil
		for i := range 2 {
			vip := netip.AddrFrom4([4]byte{10, byte(100 + link), vrid, byte(i + 1)})
			s.Addresses = append(s.Addresses, election.Address{Prefix: netip.PrefixFrom(vip, 32), Link: s.Link})
		}
		list = append(list, s)
	}
	return list
}

func (n *ethernet) newHostOfFour(last int) *host {
	h := n.newHost(fmt.Sprintf("10.77.0.%d/24", last))
	for i := 1; i < 4; i++ {
		h.links = append(h.links, netio.Link{Index: 2 + i, Name: fmt.Sprintf("eth%d", i), Up: true, MTU: 1500, Ether: true, MAC: h.links[0].MAC})
		h.addrs = append(h.addrs, netio.Address{Index: 2 + i, Prefix: netip.MustParsePrefix(fmt.Sprintf("10.77.%d.%d/24", i, last))})
	}
	return h
}

// A thousand virtual routers lose their master in one moment. To the nanosecond when the protocol says, all of them advertise
// and have announced both of their addresses, and each goes on every second.
func TestThousandRoutersFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		hosts := [2]*host{n.newHostOfFour(1), n.newHostOfFour(2)}
		var mu sync.Mutex
		adverts := [2]map[[2]byte][]time.Time{{}, {}} // by interface and VRID
		n.record = func(from *host, packet []byte) {
			mu.Lock()
			defer mu.Unlock()
			for i, h := range hosts {
				if h == from {
					key := [2]byte{packet[19], packet[21]}
					adverts[i][key] = append(adverts[i][key], time.Now())
				}
			}
		}
		announced := make(map[netip.Addr]time.Time)
		hosts[1].refuse = func(op string, a netip.Addr) error {
			mu.Lock()
			defer mu.Unlock()
			if _, again := announced[a]; op == "garp" && !again {
				announced[a] = time.Now()
			}
			return nil
		}
		backup := start(t, hosts[1], Options{}, thousand(100)...)
		master := start(t, hosts[0], Options{}, thousand(200)...)
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		mu.Lock()
		want(t, "masters", len(adverts[0]), 1000)
		want(t, "adverts of the backup", len(adverts[1]), 0)
		mu.Unlock()
		master.Kill()
		master.wait()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		backup.Kill()
		backup.wait()
		mu.Lock()
		defer mu.Unlock()
		const patience = 3*time.Second + time.Second*156/256
		for key, at := range adverts[0] {
			last, own := at[len(at)-1], adverts[1][key]
			if len(own) < 3 || own[0].Sub(last) != patience {
				t.Fatalf("%v: %d adverts, the first %v after the last of the master, want %v", key, len(own), own[0].Sub(last), patience)
			}
			for i := 1; i < len(own); i++ {
				d := own[i].Sub(own[i-1])
				if spread := i == 1 && d >= time.Second*7/8; d != time.Second && !(spread && d < time.Second) { // of many the second is early
					t.Errorf("%v: an advert after %v", key, d)
				}
			}
			for i := range 2 {
				vip := netip.AddrFrom4([4]byte{10, key[0], key[1], byte(i + 1)})
				if d := announced[vip].Sub(own[0]); d != 0 {
					t.Errorf("%s is announced %v after the first advert", vip, d)
				}
			}
		}
		want(t, "announced", len(announced), 2000)
	})
}
