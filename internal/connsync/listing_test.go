package connsync

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/fuzzing"
)

const heading = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"

var ports = netip.MustParseAddrPort

// listed are lines as kernels write them, and what they say; nil: nothing that another director can be told.
var listed = map[string]*Connection{
	"TCP C00002C8 2026 C0000264 0050 C000020B 1F90 ESTABLISHED     893": {Protocol: 6, Client: ports("192.0.2.200:8230"), Virtual: ports("192.0.2.100:80"),
		Server: ports("192.0.2.11:8080"), State: 1, Expires: 893},
	"TCP C00002C8 2026 C0000264 0050 C000020B 0050 CLOSE_WAIT       59": {Protocol: 6, Client: ports("192.0.2.200:8230"), Virtual: ports("192.0.2.100:80"),
		Server: ports("192.0.2.11:80"), State: 7, Expires: 59},
	"UDP C00002C8 2026 C0000264 0035 C000020B 0035 UDP             299": {Protocol: 17, Client: ports("192.0.2.200:8230"), Virtual: ports("192.0.2.100:53"),
		Server: ports("192.0.2.11:53"), Expires: 299},
	"SCTP C00002C8 2026 C0000264 0050 C000020B 0050 S-ACK-SENT        3": {Protocol: 132, Client: ports("192.0.2.200:8230"), Virtual: ports("192.0.2.100:80"),
		Server: ports("192.0.2.11:80"), State: 11, Expires: 3},
	"TCP 20010db8:0000:0000:0000:0000:0000:0000:0001 2026 20010db8:0000:0000:0000:0000:0000:0000:0002 0050 20010db8:0000:0000:0000:0000:0000:0000:0003 0050 NONE 1": nil,
	"TCP 2001:0db8:0000:0000:0000:0000:0000:0001 2026 2001:0db8:0000:0000:0000:0000:0000:0002 0050 2001:0db8:0000:0000:0000:0000:0000:0003 0050 SYN_RECV         57": {
		Protocol: 6, Client: ports("[2001:db8::1]:8230"), Virtual: ports("[2001:db8::2]:80"), Server: ports("[2001:db8::3]:80"), State: 3, Expires: 57},
	"TCP C00002C8 0000 C0000264 0050 C000020B 0050 NONE            120": {Protocol: 6, Client: ports("192.0.2.200:0"), Virtual: ports("192.0.2.100:80"),
		Server: ports("192.0.2.11:80"), Template: true, Expires: 120},
	"IP  C00002C8 0000 00000005 0000 C000020B 0000 ASSURED          60": {Client: ports("192.0.2.200:0"), Virtual: ports("0.0.0.5:0"),
		Server: ports("192.0.2.11:0"), Template: true, State: 1, Expires: 60},
	"TCP C00002C8 0000 C0000264 0014 C000020B 0014 LISTEN          120": {Protocol: 6, Client: ports("192.0.2.200:0"), Virtual: ports("192.0.2.100:20"),
		Server: ports("192.0.2.11:20"), State: 9, Expires: 120}, // whose first packet tells the port
	"UDP C00002C8 0000 C0000264 13C4 C000020B 13C4 NONE            120 sip a84b4c76e66710@pc33 atlanta": {Protocol: 17, Client: ports("192.0.2.200:0"),
		Virtual: ports("192.0.2.100:5060"), Server: ports("192.0.2.11:5060"), Template: true, Expires: 120, Engine: "sip", Data: []byte("a84b4c76e66710@pc33 atlanta")},
	"UDP C00002C8 0000 C0000264 13C4 C000020B 13C4 NONE            120 sip sip": {Protocol: 17, Client: ports("192.0.2.200:0"),
		Virtual: ports("192.0.2.100:5060"), Server: ports("192.0.2.11:5060"), Template: true, Expires: 120, Engine: "sip", Data: []byte("sip")},

	"UDP C00002C8 0000 C0000264 13C4 C000020B 13C4 NONE 120 sip " + strings.Repeat("x", 256):       nil,
	"UDP C00002C8 0000 C0000264 13C4 C000020B 13C4 NONE 120 " + strings.Repeat("x", 17) + " y":     nil,
	"UDP C00002C8 0000 C0000264 13C4 C000020B 13C4 NONE 120 sip":                                   nil,
	"TCP C00002C8 2026 C0000264 0050 2001:0db8:0000:0000:0000:0000:0000:0003 0050 ESTABLISHED 893": nil, // is excluded by the kernel
	"AH  C00002C8 0000 C0000264 0000 C000020B 0000 NONE 1":                                         nil,
	"TCP C00002C8 2026 C0000264 0050 C000020B 0050 ERR! 1":                                         nil,
	"TCP C00002C8 2026 C0000264 0050 C000020B 0050 UDP 1":                                          nil,
	"TCP C00002C8 12026 C0000264 0050 C000020B 0050 NONE 1":                                        nil,
	"TCP C00002 2026 C0000264 0050 C000020B 0050 NONE 1":                                           nil,
	"TCP C00002C8 2026 C0000264 0050 C000020B 0050 NONE 99999999999":                               nil,
	"TCP C00002C8 2026 C0000264 0050":                                                              nil,
	"":                                                                                             nil,
}

func TestConnectionsAreRead(t *testing.T) {
	for line, want := range listed {
		got, err := parseConnection(line)
		switch {
		case want == nil && err == nil:
			t.Errorf("%q was read as %+v", line, got)
		case want != nil && (err != nil || cmp.Diff(*want, got, cmp.AllowUnexported(Connection{}), addressesEqual) != ""):
			t.Errorf("%q: %v\n%s", line, err, cmp.Diff(*want, got, addressesEqual))
		}
	}
}

var addressesEqual = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

// TestListing: what is not understood costs its own line.
func TestListing(t *testing.T) {
	text := heading
	want := 0
	for line, c := range listed {
		text += line + "\n"
		if c != nil {
			want++
		}
	}
	n := 0
	skipped, err := readListing(strings.NewReader(text), func(Connection) bool { n++; return true })
	if n != want || skipped != len(listed)-want || err != nil {
		t.Errorf("%d read, want %d; %d skipped; %v", n, want, skipped, err)
	}
	n = 0
	if _, err = readListing(strings.NewReader(text), func(Connection) bool { n++; return n < 3 }); n != 3 || err != nil {
		t.Errorf("%d read after it was called off, %v", n, err)
	}
	for _, empty := range []string{"", heading} {
		if _, err := readListing(strings.NewReader(empty), func(Connection) bool { t.Error("something was read"); return true }); err != nil {
			t.Error(err)
		}
	}
}

// TestMarks: a template of a firewall mark has the mark in the place of an address, of either family in the first 32 bits.
func TestMarks(t *testing.T) {
	for _, c := range []struct {
		Connection
		want uint32
	}{
		{Connection{Template: true, Virtual: ports("0.0.1.5:0")}, 0x105},
		{Connection{Template: true, Virtual: ports("[0:105::]:0")}, 0x105},
		{Connection{Template: true, Protocol: 6, Virtual: ports("0.0.1.5:80")}, 0},
		{Connection{Protocol: 6, Virtual: ports("0.0.1.5:80")}, 0},
	} {
		if got := c.Mark(); got != c.want {
			t.Errorf("%+v: %#x, want %#x", c.Connection, got, c.want)
		}
	}
}

// FuzzConnection: whatever a kernel lists, what is read of it can be told: the message is one that a kernel reads whole.
func FuzzConnection(f *testing.F) {
	for line := range listed {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		fuzzing.Within(t, time.Second, func() {
			c, err := parseConnection(line)
			if err != nil {
				return
			}
			p := &packer{room: 100, send: func(b []byte) error {
				got, err := decode(b)
				if err != nil || len(got) != 1 || got[0].Client != c.Client || got[0].engine != c.Engine || got[0].data != string(c.Data) {
					t.Errorf("%q: %+v, %v", line, got, err)
				}
				return nil
			}}
			if err := errors.Join(p.add(&c, Known{}), p.flush()); err != nil {
				t.Error(err)
			}
		})
	})
}
