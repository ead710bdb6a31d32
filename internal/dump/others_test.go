package dump

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/bfd"
)

// TestBFDLayout: the lines of keepalived 2.2.7, without those about its descriptors and threads.
func TestBFDLayout(t *testing.T) {
	neighbor, source := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.1")
	timing := bfd.Timing{MinTX: 300 * time.Millisecond, MinRX: 200 * time.Millisecond, IdleTX: time.Second, Multiplier: 4}
	passive := timing
	passive.Passive = true
	got := BFD(Globals{RouterID: "lb1", Umask: 0o177},
		[]bfd.SessionSpec{{Name: "b1", Neighbor: neighbor, Source: source, TTL: 255, Timing: timing},
			{Name: "b2", Neighbor: neighbor, TTL: 64, MaxHops: 3, Timing: passive}},
		[]bfd.SessionStatus{{Name: "b1", Leaving: true, State: bfd.AdminDown},
			{Name: "b1", State: bfd.Up, RemoteState: bfd.Init, Local: 0x8e4c48e9, Diagnostic: bfd.DetectionTimeExpired, TX: time.Second, Detection: 800 * time.Millisecond}})
	const want = `------< Global definitions >------
 Network namespace = (default)
 Network namespace ipvs = (main namespace)
 Router ID = lb1
 umask = 0177
------< BFD Topology >------
 BFD Instance = b1
   Neighbor IP = 10.0.0.9
   Source IP = 10.0.0.1
   Required min RX interval = 200000 us
   Desired min TX interval = 300000 us
   Desired idle TX interval = 1000000 us
   Detection multiplier = 4
   TTL = 255
   max_hops = 0
   passive = false
   local state = Up
   remote state = Init
   local discriminator = 0x8e4c48e9
   remote discriminator = 0x0
   local diag = Control Detection Time Expired
   remote diag = No Diagnostic
   local tx intv = 1000000 us
   local detection time = 800000 us
 BFD Instance = b2
   Neighbor IP = 10.0.0.9
   Required min RX interval = 200000 us
   Desired min TX interval = 300000 us
   Desired idle TX interval = 1000000 us
   Detection multiplier = 4
   TTL = 64
   max_hops = 3
   passive = true
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParentTellsOfNamespaces(t *testing.T) {
	got := Parent(Globals{Namespace: "red", IPVSNamespace: "/run/netns/blue", RouterID: "x", Umask: 0o27})
	if want := " Network namespace = red\n Network namespace ipvs = /run/netns/blue\n Router ID = x\n umask = 0027\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q", got)
	}
	for in, want := range map[string]string{"keepalived.data": "keepalived_bfd.data", "x": "x_bfd", "/a.b/c.txt": "/a.b/c_bfd.txt"} {
		if s := Suffixed(in, "_bfd"); s != want {
			t.Errorf("%s: %s, want %s", in, s, want)
		}
	}
}
