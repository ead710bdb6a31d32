package labkit

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// A stranger asks who has the address before each of its requests, and all of them are answered.
func TestStrangerAsksWhoHasTheAddress(t *testing.T) {
	lab := testlan.ForTest(t)
	lan, err := lab.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	var hosts []*testlan.Host
	for _, name := range []string{"client", "server"} {
		h, err := lab.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Attach(lan, "eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 9, byte(len(hosts) + 1)}), 24)); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	capture, err := lab.Capture()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StartServer(hosts[1], "web", ":80"); err != nil {
		t.Fatal(err)
	}
	p, err := StartStranger(hosts[0], netip.MustParseAddrPort("10.9.9.2:80"), time.Millisecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	const enough = 20
	err = testlan.Until(t.Context(), "requests are made", func() error {
		if len(p.Requests()) < enough {
			return errors.New("too few")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	requests, err := p.Stop()
	if err != nil {
		t.Fatal(err)
	}
	err = testlan.Until(t.Context(), "questions", func() error {
		asked := 0
		for _, f := range capture.Frames() {
			const arp, operation, question = 12, 21, 1
			if f.Host == "client" && f.Data[arp] == 8 && f.Data[arp+1] == 6 && f.Data[operation] == question {
				asked++
			}
		}
		if asked < len(requests) {
			return fmt.Errorf("asked %d times for %d requests", asked, len(requests))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
