package ipvs

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

func TestParseKernelReplies(t *testing.T) {
	type service struct {
		Stats ServiceStats
		Attrs ServiceAttrs
	}
	type destination struct {
		Stats DestStats
		Attrs DestAttrs
	}
	web := Counters{Connections: 1, PacketsIn: 5, PacketsOut: 4, BytesIn: 271, BytesOut: 216}
	rates := Rates{PacketsIn: 1, BytesIn: 34, BytesOut: 27}
	want := []any{
		kernelInfo{version: 0x010201, tableSize: 4096},
		service{
			ServiceStats{Key: addressKey(confparse.UDP, netip.MustParseAddrPort("[2001:db8::1]:5060"))},
			ServiceAttrs{Scheduler: "sh", PE: "sip", Flags: Persistent | 0x10, Timeout: 50, Netmask: 64},
		},
		service{
			ServiceStats{Key: v4Key("127.0.0.1:8099"), Counters: web, Rates: rates},
			ServiceAttrs{Scheduler: "rr", Netmask: 0xffffffff},
		},
		service{
			ServiceStats{Key: ServiceKey{Family: confparse.IPv4, Fwmark: 5}},
			ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff},
		},
		destination{
			DestStats{Key: netip.MustParseAddrPort("192.168.0.9:5060")},
			DestAttrs{Weight: 1, Forwarding: confparse.TUN, Tunnel: confparse.Tunnel{Type: confparse.GUE, Port: 6080, Flags: confparse.Checksum}},
		},
		destination{
			DestStats{Key: netip.MustParseAddrPort("127.0.0.1:8098"), Counters: web, Rates: rates, Inactive: 1},
			DestAttrs{Weight: 70000, UpperThreshold: 100, LowerThreshold: 5},
		},
		destination{
			DestStats{Key: netip.MustParseAddrPort("192.168.0.9:0")},
			DestAttrs{Forwarding: confparse.DR},
		},
	}
	var got []any
	for _, s := range samples(t, "testdata/kernel-replies.txt") {
		var x any
		var err error
		switch s.name {
		case "info":
			x, err = parseInfo(s.data)
		case "service":
			var v service
			v.Stats, v.Attrs, err = parseService(s.data)
			x = v
		default:
			family := confparse.IPv4
			if s.name == "destIPv6" {
				family = confparse.IPv6
			}
			var v destination
			v.Stats, v.Attrs, err = parseDest(s.data, family)
			x = v
		}
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		got = append(got, x)
	}
	if diff := cmp.Diff(want, got, comparable, cmp.AllowUnexported(kernelInfo{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A kernel before 3.18 sends no address family with a destination: it is the service's.
func TestParseDestWithoutFamily(t *testing.T) {
	var r request
	m := r.begin(1, cmdNewDest, 0, 0)
	a := r.open(attrDest)
	r.addr(destAddr, netip.MustParseAddr("2001:db8::"))
	r.be16(destPort, 80)
	r.shut(a)
	r.end(m)
	got, _, err := parseDest(r.buf[nlHeaderLen:], confparse.IPv6)
	if want := netip.MustParseAddrPort("[2001:db8::]:80"); err != nil || got.Key != want {
		t.Errorf("got %v, %v; want %v", got.Key, err, want)
	}
}

// Whatever is cut off a reply, the result is an error or a value, and never one that reads beyond the end.
func TestParseTruncatedReplies(t *testing.T) {
	for _, s := range samples(t, "testdata/kernel-replies.txt") {
		for n := range s.data {
			_, _, serr := parseService(s.data[:n])
			_, _, derr := parseDest(s.data[:n], confparse.IPv4)
			if n < 24 && (serr == nil || derr == nil) {
				t.Errorf("%s cut at %d: no error", s.name, n)
			}
		}
	}
}

func TestMessagesOfADatagram(t *testing.T) {
	var r request
	for seq := range uint32(3) {
		r.op(0x1c, Op{Kind: DelService, Service: v4Key("10.0.0.1:80")}, 1, seq)
	}
	var seqs []uint32
	if err := messages(r.buf, func(m message) { seqs = append(seqs, m.seq) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint32{0, 1, 2}, seqs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := messages(r.buf[:len(r.buf)-1], func(message) {}); err == nil {
		t.Error("a cut datagram is no error")
	}
}

func FuzzParseReply(f *testing.F) {
	for _, s := range samples(f, "testdata/kernel-replies.txt") {
		f.Add(s.data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, _, err := parseService(b); err == nil && s.Key.Fwmark == 0 && !s.Key.Addr.IsValid() {
			t.Errorf("a service without identity: %+v", s)
		}
		for _, family := range []confparse.Family{confparse.IPv4, confparse.IPv6} {
			if d, _, err := parseDest(b, family); err == nil && !d.Key.IsValid() {
				t.Errorf("a destination without address: %+v", d)
			}
		}
		_, _ = parseInfo(b)
		_, _ = parseFamily(b)
		_, _ = parseTimeouts(b)
		_, _ = parseDaemon(b)
		_ = messages(b, func(m message) { m.errno() })
	})
}
