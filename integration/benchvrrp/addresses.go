package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// manyAddresses is how many an advert can have.
const manyAddresses = 255

// quickly is the interval of the measurements in which adverts are to come while something else happens.
const quickly = 100 * time.Millisecond

func addressesConfig(s scale, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id bench\n%s}\nvrrp_instance V {\n  state BACKUP\n  interface eth0\n  virtual_router_id 51\n  version 3\n"+
		"  priority %d\n  advert_int %v\n  virtual_ipaddress {\n", indent(s.globals), priority, quickly.Seconds())
	for i := range manyAddresses {
		fmt.Fprintf(&b, "    %s/32\n", virtualAddress(i))
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

func virtualAddress(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 100, 0, byte(i)}) }

// move is one take-over.
type move struct {
	added     int           // addresses that are there in the end
	announced time.Duration // from the first advert until the last address was announced
	late      lateness      // of the adverts meanwhile
}

// measureAddresses kills director 1 again and again. What director 1 takes back when it returns is told beside it: the other one
// removes its addresses in the same kernel meanwhile, as no two machines would have it.
func measureAddresses(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	site, err := newSite(p, 1, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := site.close(); err == nil {
			err = e
		}
	}()
	if err := site.start(1, addressesConfig(s, 100)); err != nil {
		return nil, err
	}
	if err := site.heard(ctx, 1, site.directors[1].Process.Started, 1); err != nil {
		return nil, err
	}
	var taken, back []move
	for range s.takeovers {
		if err := site.start(0, addressesConfig(s, 200)); err != nil {
			return nil, err
		}
		m, err := site.takeover(ctx, 0, site.directors[0].Process.Started)
		if err != nil {
			return nil, err
		}
		back = append(back, m)
		killed := time.Now()
		site.directors[0].Kill()
		if m, err = site.takeover(ctx, 1, killed); err != nil {
			return nil, err
		}
		taken = append(taken, m)
		if err := site.forget(0); err != nil {
			return nil, err
		}
	}
	missing, announced, late := worst(taken)
	_, again, lateAgain := worst(back)
	return []figure{
		number("addresses missing after a take-over", missing, 0),
		milliseconds("from the decision until all 255 are announced, longest", announced, 300*time.Millisecond),
		milliseconds("adverts late meanwhile, latest", late, 5*time.Millisecond),
		told("taken back from another in this kernel, longest", float64(again.Microseconds())/1000, "ms"),
		told("adverts late meanwhile, latest of those", float64(lateAgain.Microseconds())/1000, "ms"),
	}, nil
}

// takeover waits for a director to become master and looks at the second after it: the decision is the first advert.
func (s *site) takeover(ctx context.Context, d int, since time.Time) (m move, err error) {
	if err := s.heard(ctx, d, since, 1); err != nil {
		return m, err
	}
	if err := pause(ctx, time.Second); err != nil {
		return m, err
	}
	adverts := s.capture.Adverts(s.name(d), since)
	decided := adverts[slices.IndexFunc(adverts, func(a testlan.Advert) bool { return a.Priority > 0 })].Time
	m.announced = until(firstAnnouncements(s.capture.Announcements(s.name(d), since)), decided, manyAddresses)
	m.late = lateAdverts(adverts, quickly)
	addresses, err := s.directors[d].Host.Addresses("eth0")
	m.added = len(addresses) - 1 // its own
	return m, err
}

// forget removes what a killed director has left.
func (s *site) forget(d int) error {
	h := s.directors[d].Host
	addresses, err := h.Addresses("eth0")
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if a == directorAddress(d, 0) {
			continue
		}
		if err := h.DeleteAddress("eth0", a); err != nil {
			return err
		}
	}
	return nil
}

func worst(moves []move) (missing int, announced, late time.Duration) {
	for _, m := range moves {
		missing = max(missing, manyAddresses-m.added)
		announced, late = max(announced, m.announced), max(late, m.late.max)
	}
	return missing, announced, late
}
