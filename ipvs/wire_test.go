package ipvs

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
)

var comparable = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})

type sample struct {
	name string
	data []byte
}

// samples reads a file of "name hex" lines, which were recorded on a little-endian machine.
func samples(tb testing.TB, file string) []sample {
	tb.Helper()
	if native.Uint16([]byte{1, 0}) != 1 {
		tb.Skip("the recorded messages are little-endian; this machine is not")
	}
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []sample
	for s := bufio.NewScanner(f); s.Scan(); {
		name, digits, _ := strings.Cut(s.Text(), " ")
		if name == "#" {
			continue
		}
		data, err := hex.DecodeString(digits)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, sample{name, data})
	}
	return out
}

var v4Dest = netip.MustParseAddrPort("192.168.0.1:80")

func v4Key(s string) ServiceKey { return addressKey(confparse.TCP, netip.MustParseAddrPort(s)) }

// TestRequestsEqualMoby compares with the bytes moby/ipvs sends for what both can express.
func TestRequestsEqualMoby(t *testing.T) {
	v4 := v4Key("10.0.0.1:80")
	v6 := addressKey(confparse.UDP, netip.MustParseAddrPort("[2001:db8::1]:5060"))
	ops := map[string]Op{
		"add-service-v4": {Kind: AddService, Service: v4, Attrs: ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff}},
		"set-service-v4-persistent": {Kind: SetService, Service: v4, Attrs: ServiceAttrs{
			Scheduler: "rr", Flags: Persistent, Timeout: 360, Netmask: 0xffffff00}},
		"add-service-v6-pe": {Kind: AddService, Service: v6, Attrs: ServiceAttrs{
			Scheduler: "sh", PE: "sip", Flags: 0x19, Timeout: 50, Netmask: 64}},
		"add-service-fwmark": {Kind: AddService, Service: ServiceKey{Family: confparse.IPv6, Fwmark: 5},
			Attrs: ServiceAttrs{Scheduler: "mh", Netmask: 128}},
		"dest-v4": {Kind: AddDest, Service: v4, Dest: netip.MustParseAddrPort("192.168.0.1:8080"),
			DestAttrs: DestAttrs{Weight: 70000, UpperThreshold: 10, LowerThreshold: 4}},
		"dest-v6-dr": {Kind: SetDest, Service: v6, Dest: netip.MustParseAddrPort("[2001:db8::9]:5060"),
			DestAttrs: DestAttrs{Forwarding: confparse.DR}},
	}
	moby := samples(t, "testdata/moby-requests.txt")
	if len(moby) != len(ops) {
		t.Fatalf("%d recorded requests, %d cases", len(moby), len(ops))
	}
	for _, want := range moby {
		t.Run(want.name, func(t *testing.T) {
			op := ops[want.name]
			var r request
			r.op(0x1c, op, 5, 7)
			if op.Kind == AddService || op.Kind == SetService {
				if diff := cmp.Diff(hex.Dump(want.data), hex.Dump(r.buf)); diff != "" {
					t.Errorf("request (-moby +ours):\n%s", diff)
				}
				return
			}
			// moby repeats the whole service in a destination's message and has no address family. Of the
			// destination, its bytes are the beginning of ours.
			theirs, ours := attribute(t, want.data, attrDest), attribute(t, r.buf, attrDest)
			if !bytes.HasPrefix(ours, theirs) {
				t.Errorf("destination (-moby +ours):\n%s", cmp.Diff(hex.Dump(theirs), hex.Dump(ours)))
			}
			theirs, ours = attribute(t, want.data, attrService), attribute(t, r.buf, attrService)
			if !bytes.HasPrefix(theirs, ours) {
				t.Errorf("service (-moby +ours):\n%s", cmp.Diff(hex.Dump(theirs), hex.Dump(ours)))
			}
		})
	}
}

// attribute returns the content of a request's attribute.
func attribute(t *testing.T, msg []byte, typ uint16) (v []byte) {
	t.Helper()
	err := attributes(msg[nlHeaderLen+genlHeaderLen:], func(got uint16, b []byte) error {
		if got == typ {
			v = b
		}
		return nil
	})
	if err != nil || v == nil {
		t.Fatalf("no attribute %d: %v", typ, err)
	}
	return v
}

// TestRequestDestRoundTrip covers what moby/ipvs cannot send: the kernel's reply has the request's attributes.
func TestRequestDestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name string
		dest string
		want DestAttrs
	}{
		{"nat", "192.168.0.1:8080", DestAttrs{Weight: 1}},
		{"large weight", "192.168.0.1:80", DestAttrs{Weight: 1<<31 - 1, Forwarding: confparse.DR}},
		{"gue", "192.168.0.1:80", DestAttrs{Forwarding: confparse.TUN, Tunnel: confparse.Tunnel{Type: confparse.GUE, Port: 6080, Flags: confparse.Checksum}}},
		{"gre", "192.168.0.1:80", DestAttrs{Forwarding: confparse.TUN, Tunnel: confparse.Tunnel{Type: confparse.GRE, Flags: confparse.Checksum}}},
		{"ipip of the other family", "[2001:db8::1]:80", DestAttrs{Forwarding: confparse.TUN}},
		{"mapped address is IPv6", "[::ffff:192.0.2.1]:80", DestAttrs{Forwarding: confparse.TUN, Weight: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := netip.MustParseAddrPort(c.dest)
			var r request
			r.op(0x1c, Op{Kind: AddDest, Service: v4Key("10.0.0.1:80"), Dest: d, DestAttrs: c.want}, 1, 1)
			got, attrs, err := parseDest(r.buf[nlHeaderLen:], confparse.IPv4)
			if err != nil || got.Key != d || attrs != c.want {
				t.Errorf("got %v %+v, %v; want %v %+v", got.Key, attrs, err, d, c.want)
			}
		})
	}
}

func TestRequestServiceRoundTrip(t *testing.T) {
	for _, k := range []ServiceKey{
		v4Key("10.0.0.1:80"),
		addressKey(confparse.SCTP, netip.MustParseAddrPort("[2001:db8::1]:80")),
		{Family: confparse.IPv6, Fwmark: 1<<32 - 1},
	} {
		want := ServiceAttrs{Scheduler: "lblcr", PE: "sip", Flags: Persistent | OnePacket, Timeout: 9, Netmask: 0x40}
		var r request
		r.op(0x1c, Op{Kind: AddService, Service: k, Attrs: want}, 1, 1)
		got, attrs, err := parseService(r.buf[nlHeaderLen:])
		if err != nil || got.Key != k || attrs != want {
			t.Errorf("got %v %+v, %v; want %v %+v", got.Key, attrs, err, k, want)
		}
	}
}

// A buffer that has grown once is reused: programming allocates nothing per operation.
func TestRequestAllocatesNothing(t *testing.T) {
	op := Op{Kind: AddDest, Service: v4Key("10.0.0.1:80"), Dest: netip.MustParseAddrPort("192.168.0.1:80")}
	r := request{buf: make([]byte, 0, 1024)}
	if n := testing.AllocsPerRun(100, func() { r.buf = r.buf[:0]; r.op(0x1c, op, 1, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is not about services: the kernel's reply has the attributes of the request.
func TestRequestTimeoutsAndDaemons(t *testing.T) {
	var r request
	want := Timeouts{TCP: 900, UDP: 1}
	r.op(0x1c, Op{Kind: SetTimeouts, Timeouts: &want}, 5, 7)
	if got, err := parseTimeouts(r.buf[nlHeaderLen:]); err != nil || got != want || r.buf[nlHeaderLen] != cmdSetConfig {
		t.Errorf("timeouts: %+v, %v", got, err)
	}
	for _, d := range []SyncDaemon{
		{Role: SyncMaster, Interface: "eth0", ID: 9},
		{Role: SyncBackup, Interface: "bond0.7", ID: 255, MaxLen: 1400, Group: addr("224.0.0.81"), Port: 8848, TTL: 3},
		{Role: SyncMaster, Interface: "eth0", Group: addr("ff02::81")},
	} {
		r.buf = r.buf[:0]
		r.op(0x1c, Op{Kind: StartSync, Sync: &d}, 5, 7)
		got, err := parseDaemon(r.buf[nlHeaderLen:])
		if diff := cmp.Diff(d, got, comparable); diff != "" || err != nil || r.buf[nlHeaderLen] != cmdNewDaemon {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	for _, k := range []ServiceKey{{}, v4Key("10.0.0.1:80")} {
		r.buf = r.buf[:0]
		r.op(0x1c, Op{Kind: ZeroCounters, Service: k}, 5, 7)
		if whole := len(r.buf) == nlHeaderLen+genlHeaderLen; r.buf[nlHeaderLen] != cmdZero || whole != (k == ServiceKey{}) {
			t.Errorf("zero %v: %x", k, r.buf)
		}
	}
}

// Every kind of operation has a name, a command and words.
func TestOpKinds(t *testing.T) {
	seen := make(map[uint8]OpKind)
	for k := AddService; k < kinds; k++ {
		o := Op{Kind: k, Timeouts: new(Timeouts), Sync: new(SyncDaemon)}
		if k.String() == "" || o.String() == k.String() {
			t.Errorf("%d: %q, %q", k, k, o)
		}
		if other := seen[cmdOf[k]]; other != 0 || cmdOf[k] == 0 {
			t.Errorf("%v has the command of %v", k, other)
		}
		seen[cmdOf[k]] = k
	}
	if OpKind(99).String() != "op_99" {
		t.Errorf("%v", OpKind(99))
	}
}
