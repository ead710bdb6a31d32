package ipvsadm

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// fakeKernel is a Kernel over the in-memory table. It knows no order, so that whoever lists it must sort.
type fakeKernel struct {
	table *ipvstest.Kernel
	conns string
	rates ipvs.Rates
	stats ipvs.Counters
}

func newFake() *fakeKernel { return &fakeKernel{table: ipvstest.New()} }

func (*fakeKernel) Info() (ipvs.Info, error) {
	return ipvs.Info{Version: [3]uint8{1, 2, 1}, TableSize: 4096}, nil
}

func (k *fakeKernel) listed(key ipvs.ServiceKey, s ipvs.Service) ipvs.Listed {
	out := ipvs.Listed{Key: key, Attrs: s.Attrs, Counters: k.stats, Rates: k.rates}
	for d, a := range s.Dests {
		out.Dests = append(out.Dests, ipvs.ListedDest{DestStats: ipvs.DestStats{Key: d, Counters: k.stats, Rates: k.rates}, DestAttrs: a})
	}
	slices.SortFunc(out.Dests, func(a, b ipvs.ListedDest) int { return a.Key.Compare(b.Key) })
	return out
}

func (k *fakeKernel) Services(context.Context) ([]ipvs.Listed, error) {
	table := k.table.Table()
	keys := slices.SortedFunc(maps.Keys(table), func(a, b ipvs.ServiceKey) int { return cmp.Compare(a.String(), b.String()) })
	var out []ipvs.Listed
	for _, key := range keys {
		out = append(out, k.listed(key, table[key]))
	}
	return out, nil
}

func (k *fakeKernel) Service(_ context.Context, key ipvs.ServiceKey) (ipvs.Listed, error) {
	s, ok := k.table.Table()[key]
	if !ok {
		return ipvs.Listed{}, syscall.ESRCH
	}
	return k.listed(key, s), nil
}

func (k *fakeKernel) Timeouts(ctx context.Context) (ipvs.Timeouts, error) {
	return k.table.Timeouts(ctx)
}

func (k *fakeKernel) SyncDaemons(ctx context.Context) ([]ipvs.SyncDaemon, error) {
	return k.table.SyncDaemons(ctx)
}

func (k *fakeKernel) Connections() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n" + k.conns)), nil
}

func (k *fakeKernel) Apply(ctx context.Context, op ipvs.Op) error {
	if op.Attrs.PE != "" && op.Attrs.PE != "sip" {
		return syscall.ENOENT
	}
	return k.table.Apply(ctx, []ipvs.Op{op})[0]
}

func (k *fakeKernel) Flush(ctx context.Context) error { return k.table.Flush(ctx) }

func (*fakeKernel) Close() error { return nil }

// knownNames are the names of Debian's /etc/services and /etc/hosts that the tests meet.
type knownNames struct{}

var knownServices = []service{
	{[]string{"http", "www"}, 80, "tcp"}, {[]string{"https"}, 443, "tcp"}, {[]string{"https"}, 443, "udp"}, {[]string{"domain"}, 53, "tcp"},
	{[]string{"domain"}, 53, "udp"}, {[]string{"sip"}, 5060, "tcp"}, {[]string{"sip"}, 5060, "udp"}, {[]string{"http-alt", "webcache"}, 8080, "tcp"},
	{[]string{"tcpmux"}, 1, "tcp"}, {[]string{"discard", "sink", "null"}, 9, "tcp"}, {[]string{"kerberos"}, 88, "tcp"},
}

func (knownNames) Address(host string) (netip.Addr, bool) {
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), host == "localhost"
}

func (knownNames) Host(a netip.Addr) (string, bool) {
	return "localhost", a == netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

func (knownNames) Port(name string, p confparse.Protocol) (uint16, bool) {
	n := &SystemNames{services: knownServices}
	n.once.Do(func() {})
	return n.Port(name, p)
}

func (knownNames) Service(port uint16, p confparse.Protocol) (string, bool) {
	n := &SystemNames{services: knownServices}
	n.once.Do(func() {})
	return n.Service(port, p)
}

// result is what a program left behind.
type result struct {
	status   int
	out, err string
}

// ours runs a command line on a kernel.
func ours(k Kernel, names Resolver, in string, argv ...string) result {
	var out, err bytes.Buffer
	p := Program{Args: argv, In: strings.NewReader(in), Out: &out, Err: &err, Names: names,
		Open: func(context.Context) (Kernel, error) { return k, nil }}
	status := p.Run(context.Background())
	return result{status, out.String(), err.String()}
}

// onFake runs a command line, one line, on an in-memory kernel that must not refuse it.
func onFake(t *testing.T, k *fakeKernel, line string) string {
	t.Helper()
	r := ours(k, knownNames{}, "", append([]string{"ipvsadm"}, strings.Fields(line)...)...)
	if r.status != 0 || r.err != "" {
		t.Errorf("%s: status %d: %s", line, r.status, r.err)
	}
	return r.out
}
