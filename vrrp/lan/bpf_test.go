package lan

import (
	"encoding/hex"
	"testing"

	"golang.org/x/net/bpf"
)

// runFilter returns whether the program delivers the packet.
func runFilter(t *testing.T, raw []bpf.RawInstruction, err error, packet []byte) bool {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	program, whole := bpf.Disassemble(raw)
	if !whole {
		t.Fatal("program does not disassemble")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func TestFilterIPv4(t *testing.T) {
	const (
		multicast = "45c0002800010000ff70d0440a4d0001e000001221336401000170190a4d00640000000000000000"
		unicast   = "45c0002000010000407065110a4d00010a4d0002313396010064189d0a4d0064"
		// Four bytes of IP options move the VRRP header.
		options = "46c0002c00010000ff70cf400a4d0001e00000129404000021336401000170190a4d00640000000000000000"
		ah      = "45c0004000010000ff33d0690a4d0001e0000012700400000a4d000100000001bff86245a693438b0415899c2133640102016e190a4d0064"
	)
	for _, tc := range []struct {
		name    string
		vrids   []uint8
		unicast bool
		packet  string
		want    bool
	}{
		{"ours", []uint8{51}, false, multicast, true},
		{"ours among others", []uint8{255, 51, 1}, false, multicast, true},
		{"another router's", []uint8{50, 52}, false, multicast, false},
		{"no router at all", nil, false, multicast, false},
		{"VRID 0 is none", []uint8{0}, false, multicast, false},
		{"behind IP options", []uint8{51}, false, options, true},
		{"another protocol", []uint8{51, 112, 4}, false, ah, false},
		{"unicast to a unicast socket", []uint8{51}, true, unicast, true},
		{"multicast to a unicast socket", []uint8{51}, true, multicast, false},
		{"shorter than a header", []uint8{51}, false, "45c00028", false},
		{"ends before the VRID", []uint8{51}, false, multicast[:42], false},
		{"empty", []uint8{51}, false, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw, err := filterIPv4(tc.vrids, tc.unicast, false)
			if got := runFilter(t, raw, err, unhex(t, tc.packet)); got != tc.want {
				t.Errorf("delivered %v, want %v", got, tc.want)
			}
		})
	}
}

// A socket for authentication headers gets those of its VRIDs, and nothing else.
func TestFilterAH(t *testing.T) {
	const header = "45c0004000010000ff33d0690a4d0001e0000012700400000a4d000100000001bff86245a693438b0415899c"
	const message = "2133640102016e190a4d00640000000000000000"
	for _, tc := range []struct {
		name, packet string
		vrids        []uint8
		want         bool
	}{
		{"VRID", header + message, []uint8{51}, true},
		{"another VRID", header + message, []uint8{52, 4, 112}, false},
		{"no authentication header", "45c0002800010000ff70d0440a4d0001e000001221336401000170190a4d00640000000000000000", []uint8{51}, false},
		{"behind IP options", "46" + header[2:40] + "01010101" + header[40:] + message, []uint8{51}, true},
		{"ends before the VRID", header + "21", []uint8{51}, false},
	} {
		raw, err := filterIPv4(tc.vrids, false, true)
		if got := runFilter(t, raw, err, unhex(t, tc.packet)); got != tc.want {
			t.Errorf("%s: delivered %v, want %v", tc.name, got, tc.want)
		}
	}
}

// Every set of VRIDs fits into one program, also the set of all.
func TestFilterWithEveryVRID(t *testing.T) {
	var all []uint8
	for v := 255; v >= 1; v-- {
		all = append(all, uint8(v))
	}
	packet4 := unhex(t, "45c0002000010000ff70d04c0a4d0001e0000012313396010032430b0a4d0064")
	packet6 := unhex(t, "3133960200643c3efe800000000000000000000000000100fd770000000000000000000000000100")
	for v := range 256 {
		packet4[21], packet6[1] = uint8(v), uint8(v)
		raw, err := filterIPv4(all, true, false)
		packet4[16] = 10
		if got := runFilter(t, raw, err, packet4); got != (v != 0) {
			t.Errorf("IPv4 VRID %d: delivered %v", v, got)
		}
		raw, err = filterIPv6(all)
		if got := runFilter(t, raw, err, packet6); got != (v != 0) {
			t.Errorf("IPv6 VRID %d: delivered %v", v, got)
		}
	}
}

func TestFilterNothing(t *testing.T) {
	raw, err := filterNothing()
	if runFilter(t, raw, err, make([]byte, 1500)) {
		t.Error("delivered, want nothing delivered")
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
