package vrrptest

import (
	"testing"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// TestJunkSilencesKeepalived: whatever packet a MASTER of keepalived's gets puts its next advert off, so that packets which
// nobody accepts have a backup take over; with lower_prio_no_advert they do not, and an Engine never minds them.
func TestJunkSilencesKeepalived(t *testing.T) {
	wrong := wire.Advert{Version: 2, VRID: 51, Priority: 1, Interval: 7 * time.Second}
	for _, tt := range []struct {
		what                 string
		keepalived, noAdvert bool
		junk                 election.Event
		takesOver            bool // the backup
	}{
		{"a bad packet", true, false, election.AdvertRejected{Reason: wire.DropChecksum, Source: addressOf(8)}, true},
		{"an advert of another interval", true, false, election.AdvertReceived{Advert: wrong, Source: addressOf(8)}, true},
		{"a bad packet, with lower_prio_no_advert", true, true, election.AdvertRejected{Reason: wire.DropChecksum, Source: addressOf(8)}, false},
		{"a bad packet, to an Engine", false, false, election.AdvertRejected{Reason: wire.DropChecksum, Source: addressOf(8)}, false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := NewSim(1)
			for i, priority := range []uint8{200, 100} {
				spec := Instance("VI_1", 51, priority)
				spec.LowerPriorityNoAdvert = tt.noAdvert
				s.AddNode(Node{Address: addressOf(i), Keepalived: tt.keepalived && i == 0}).Start(SpecOf(spec))
			}
			s.Run(10 * time.Second)
			master, backup := s.Nodes[0], s.Nodes[1]
			if master.Status()[0].State != election.Master {
				t.Fatal("the better one is not MASTER")
			}
			for at := s.Now; at < 20*time.Second; at += 300 * time.Millisecond {
				s.At(at, func() { master.act(master.process.Step(master.now(), master.routers[0].handle, tt.junk)) })
			}
			s.Run(20 * time.Second)
			if n := becameMaster(backup); n > 0 != tt.takesOver || s.Violation != nil {
				t.Errorf("the backup took over %d times, want %t; %v", n, tt.takesOver, s.Violation)
			}
		})
	}
}

// TestKeepalivedPassword: it refuses whom auth_type PASS does not let in.
func TestKeepalivedPassword(t *testing.T) {
	for _, password := range []string{"secret", "other"} {
		s := NewSim(1)
		for i, p := range []string{"secret", password} {
			spec := Instance("VI_1", 51, uint8(200-100*i))
			spec.AuthType = wire.AuthPass
			copy(spec.AuthData[:], p)
			s.AddNode(Node{Address: addressOf(i), Keepalived: i == 1}).Start(SpecOf(spec))
		}
		s.Run(10 * time.Second)
		want := election.Backup
		if password != "secret" {
			want = election.Master
		}
		if got := s.Nodes[1].Status()[0].State; got != want {
			t.Errorf("with %q it is %v, want %v", password, got, want)
		}
	}
}
