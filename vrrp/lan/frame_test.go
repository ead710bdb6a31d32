package lan

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testMAC = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}

var (
	vmac4 = net.HardwareAddr{0, 0, 0x5e, 0, 1, 0x33}
	vmac6 = net.HardwareAddr{0, 0, 0x5e, 0, 2, 0x33}
)

type announcementFrame struct {
	name string
	mac  net.HardwareAddr
	addr string
	want string
}

// TestVRRPCase08: gratuitous ARP is keepalived 2.2.7's, byte for byte: a request whose target hardware address is all ones.
func TestVRRPCase08(t *testing.T) {
	announcementsEqual(t, []announcementFrame{
		{"gratuitous ARP", testMAC, "10.77.0.100",
			"ffffffffffff020000000001080600010800060400010200000000010a4d0064ffffffffffff0a4d0064"},
		{"gratuitous ARP with a virtual MAC", vmac4, "10.77.0.100",
			"ffffffffffff00005e0001330806000108000604000100005e0001330a4d0064ffffffffffff0a4d0064"},
	})
}

// TestVRRPCase09: so are unsolicited neighbour advertisements, of global addresses too: from the address itself, with Override
// and without Router, unless the host forwards.
func TestVRRPCase09(t *testing.T) {
	announcementsEqual(t, []announcementFrame{
		{"neighbour advertisement", testMAC, "fd77::102",
			"33330000000102000000000186dd6000000000203afffd770000000000000000000000000102ff020000000000000000000000000001" +
				"880057ab20000000fd7700000000000000000000000001020201020000000001"},
		{"neighbour advertisement for a link-local address", testMAC, "fe80::100",
			"33330000000102000000000186dd6000000000203afffe800000000000000000000000000100ff020000000000000000000000000001" +
				"8800559d20000000fe8000000000000000000000000001000201020000000001"},
		{"neighbour advertisement with a virtual MAC", vmac6, "fe80::100",
			"33330000000100005e00023386dd6000000000203afffe800000000000000000000000000100ff020000000000000000000000000001" +
				"8800f76a20000000fe800000000000000000000000000100020100005e000233"},
	})
}

func announcementsEqual(t *testing.T, frames []announcementFrame) {
	for _, tc := range frames {
		t.Run(tc.name, func(t *testing.T) {
			addr := netip.MustParseAddr(tc.addr)
			var got []byte
			var err error
			if addr.Is4() {
				got, err = gratuitousARP(tc.mac, addr)
			} else {
				got, err = neighbourAdvert(tc.mac, addr, false)
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, hex.EncodeToString(got)); d != "" {
				t.Errorf("frame (-want +got):\n%s", d)
			}
		})
	}
}

func TestRFC4861_4_4_RouterFlag(t *testing.T) {
	frame, err := neighbourAdvert(testMAC, netip.MustParseAddr("fd77::102"), true)
	if err != nil {
		t.Fatal(err)
	}
	if flags := frame[14+40+4]; flags != 0xa0 {
		t.Errorf("flags %#x, want Router and Override (0xa0)", flags)
	}
}

func TestAnnouncementOfNonsense(t *testing.T) {
	if _, err := gratuitousARP(net.HardwareAddr{1, 2, 3}, netip.MustParseAddr("10.77.0.100")); err == nil {
		t.Error("short MAC: no error")
	}
	if _, err := gratuitousARP(testMAC, netip.MustParseAddr("fe80::1")); err == nil {
		t.Error("IPv6 address by ARP: no error")
	}
	if _, err := neighbourAdvert(testMAC, netip.Addr{}, false); err == nil {
		t.Error("no address: no error")
	}
}
