package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/integration/labkit"
	"vigil/internal/testlan"
	"vigil/ipvs"
)

const (
	massServices = 100
	massServers  = 100 // of each service
)

// massChecks is how ten thousand servers are checked.
type massChecks struct {
	interval int    // delay_loop, in seconds
	warmup   int    // over which they are spread, in seconds
	target   string // where the check connects to, besides the port
}

var (
	// oneCheck is one of them all: what fails, fails at once.
	oneCheck = massChecks{2, 0, "connect_ip 127.0.0.1\n"}
	// ownChecks are one each, spread over the interval.
	ownChecks = massChecks{interval: 10, warmup: 10}
)

// massConfig is a master of an address with ten thousand servers.
func massConfig(router, services int, globals string, checks massChecks) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n%s}\nvrrp_instance VI_1 {\nstate MASTER\ninterface eth0\nvirtual_router_id %d\npriority 200\nversion 3\n"+
		"advert_int 0.1\nvirtual_ipaddress {\n192.0.2.%d/24\n}\n}\n", globals, router, 100+router)
	for i := range services {
		fmt.Fprintf(&b, "virtual_server 198.51.100.%d 80 {\ndelay_loop %d\nwarmup %d\nlb_algo wlc\nlb_kind NAT\nprotocol TCP\n", i+1,
			checks.interval, checks.warmup)
		for n := range massServers {
			fmt.Fprintf(&b, "real_server 10.1.%d.%d 80 {\nTCP_CHECK {\n%sconnect_port 7001\nconnect_timeout 10\nretry 1\ndelay_before_retry 1\n}\n}\n",
				i, n+1, checks.target)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// told counts the lines that come out of a FIFO.
type told struct {
	mu    sync.Mutex
	times map[string]int
}

func (n *told) read(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // there is always a writer, so that it does not end
	if err != nil {
		return err
	}
	go func() {
		for s := bufio.NewScanner(f); s.Scan(); {
			n.mu.Lock()
			n.times[s.Text()]++
			n.mu.Unlock()
		}
	}()
	return nil
}

// servers counts those of which was told that they are in a state, and fails if of one it was told more often than once.
func (n *told) servers(state string) (count int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line, times := range n.times {
		if strings.HasPrefix(line, "RS ") && strings.HasSuffix(line, " "+state) {
			count++
			if times > 1 {
				err = fmt.Errorf("%q was told %d times", line, times)
			}
		}
	}
	return count, err
}

// TestTenThousandServersFailAtOnce: ten thousand servers whose checks fail at one moment are out of the kernel as soon as the kernel
// takes them out for anybody, each is told of once, and no advertisement is late for it. How late those of a second daemon are,
// which has no servers, is the machine's doing.
func TestTenThousandServersFailAtOnce(t *testing.T) {
	testlan.RequireIPVS(t)
	massFailure(t, oneCheck)
}

// TestTenThousandServersFailEachByItself: the same, of servers with a check each, a thousand of which end in a second.
func TestTenThousandServersFailEachByItself(t *testing.T) {
	testlan.RequireIPVS(t)
	if os.Getenv("VIGIL_TEST_KERNEL") != "1" {
		t.Skip("so many checks keep an emulated machine from all else: make test-kernels")
	}
	massFailure(t, ownChecks)
}

func massFailure(t *testing.T, checks massChecks) {
	j := judge{t, true}
	lab := testlan.ForTest(t)
	lan, err := lab.Segment("lan")
	j.must(err)
	start := func(name string, router, services int, globals string) (*testlan.Host, *labkit.Director) {
		h, err := lab.Host(name)
		j.must(err)
		_, err = h.Attach(lan, "eth0", netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", router)))
		j.must(err)
		d, err := labkit.NewDirector(lab, h, program(t, "vigil"))
		j.must(err)
		j.must(d.Configure(massConfig(router, services, globals, checks)))
		return h, d
	}
	other, err := lab.Host("other")
	j.must(err)
	raw := kernelRemoves(j, other) // before and after, for the machine may have more to do at one time than at another
	pipe := filepath.Join(lab.Dir(), "told")
	j.must(syscall.Mkfifo(pipe, 0o600))
	news := &told{times: map[string]int{}}
	j.must(news.read(pipe))
	busy, director := start("busy", 51, massServices, "lvs_notify_fifo "+pipe+"\n")
	j.must(busy.AddAddress("lo", netip.MustParsePrefix("10.1.0.1/16"))) // which makes all of them the host's own
	_, calm := start("calm", 52, 0, "")
	capture, err := lab.Capture()
	j.must(err)
	var servers net.Listener
	j.must(busy.Do(func() (err error) {
		servers, err = net.Listen("tcp4", ":7001")
		return err
	}))
	t.Cleanup(func() { servers.Close() })
	go func() {
		for c, err := servers.Accept(); err == nil; c, err = servers.Accept() {
			c.Close()
		}
	}()
	began := time.Now()
	for _, d := range []*labkit.Director{director, calm} {
		j.must(d.Start())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s%s", director.Log[0].Tail(30), calm.Log[0].Tail(30))
		}
	})
	have := func(n int) {
		t.Helper()
		j.must(testlan.Until(wait(t), "servers in the kernel", func() error {
			got, err := labkit.Destinations(busy)
			if err == nil && got != n {
				err = fmt.Errorf("%d servers", got)
			}
			return errors.Join(err, director.Running())
		}))
	}
	have(massServices * massServers)
	added := time.Since(began)
	j.must(testlan.Until(wait(t), "checks have passed", func() error { // or they need no retries to fail
		if n := len(ended(director.Log[0].Lines(), "success", time.Time{})); n < massServices*massServers {
			return fmt.Errorf("%d have", n)
		}
		return director.Running()
	}))
	watched := time.Now()
	for _, host := range []string{"busy", "calm"} {
		since := time.Now()
		j.must(testlan.Until(wait(t), "advertisements of "+host, func() error {
			if n := len(capture.Adverts(host, since)); n < 20 {
				return fmt.Errorf("%d", n)
			}
			return nil
		}))
	}
	from := time.Now()
	before := labkit.Silence(capture.Adverts("busy", watched), from)
	j.must(servers.Close())
	var looks []look
	j.must(testlan.Until(wait(t), "servers out of the kernel", func() error {
		at := time.Now()
		left, err := labkit.Destinations(busy)
		if looks = append(looks, look{at, massServices*massServers - left}); err == nil && left > 0 {
			err = fmt.Errorf("%d servers", left)
		}
		return errors.Join(err, director.Running())
	}))
	var failed []time.Time
	j.must(testlan.Until(wait(t), "what the log says of it", func() error { // which is read a moment later
		if failed = ended(director.Log[0].Lines(), "failed after 1 retries", from); len(failed) != massServices*massServers {
			return fmt.Errorf("%d checks have failed", len(failed))
		}
		return nil
	}))
	took := longestStay(failed, looks)
	j.must(testlan.Until(wait(t), "what is told", func() error {
		n, err := news.servers("DOWN")
		if err == nil && n < massServices*massServers {
			err = fmt.Errorf("%d servers were told of", n)
		}
		return err
	}))
	after(time.Second) // in which more might be told
	if n, err := news.servers("DOWN"); err != nil || n != massServices*massServers {
		t.Errorf("%d servers were told of, %v", n, err)
	}
	to := time.Now()
	silence := labkit.Silence(capture.Adverts("busy", from), to)
	control := labkit.Silence(capture.Adverts("calm", from), to)
	t.Logf("out of the kernel %v after their checks had failed, at the most; the longest time without an advertisement %v, of the other daemon %v", took, silence, control)
	// A backup is patient for three intervals and its skew.
	const patient = 300 * time.Millisecond
	if silence > max(patient, 2*control, 2*before) {
		t.Errorf("no advertisement for %v, while the other daemon was silent for %v at most, and this one for %v before", silence, control, before)
	}
	j.must(director.Stop())
	j.must(calm.Stop())
	raw = max(raw, kernelRemoves(j, busy))
	t.Logf("they were all there %v after the start; the kernel alone takes %v", added, raw)
	// That it takes no more than a second is what bench-vrrp asks, of a machine that is not emulated. Here it is compared with what the
	// program has to do before: to read what it checks, and to add it.
	if took > 3*(raw+added) {
		t.Errorf("ten thousand servers were out after %v; they were all there %v after the start, and the kernel needs %v", took, added, raw)
	}
}

// look is how many servers were out of the kernel's table at a moment.
type look struct {
	at  time.Time
	out int
}

// ended are the moments at which checks ended with a verdict, in their order.
func ended(lines []testlan.Line, verdict string, from time.Time) (times []time.Time) {
	for _, l := range lines {
		if strings.Contains(l.Text, "TCP") && strings.Contains(l.Text, verdict) && l.Time.After(from) {
			times = append(times, l.Time)
		}
	}
	return times
}

// longestStay is for how long at the most a server was seen in the table after its check had failed, when they go in the order in
// which they fail.
func longestStay(failed []time.Time, looks []look) (longest time.Duration) {
	for _, l := range looks {
		if l.out < len(failed) {
			longest = max(longest, l.at.Sub(failed[l.out]))
		}
	}
	return longest
}

func TestLongestStay(t *testing.T) {
	begun := time.Now()
	at := func(s int) time.Time { return begun.Add(time.Duration(s) * time.Second) }
	failed := []time.Time{at(1), at(2), at(9)}
	for _, c := range []struct {
		looks []look
		want  time.Duration
	}{
		{[]look{{at(0), 0}, {at(1), 1}, {at(8), 2}, {at(9), 3}}, 0},
		{[]look{{at(0), 0}, {at(4), 0}, {at(8), 2}, {at(12), 3}}, 3 * time.Second},
		{[]look{{at(4), 1}, {at(8), 1}, {at(10), 2}}, 6 * time.Second},
		{nil, 0},
	} {
		if got := longestStay(failed, c.looks); got != c.want {
			t.Errorf("%v: %v, want %v", c.looks, got, c.want)
		}
	}
}

// kernelRemoves is how long the kernel takes to remove as many servers from as many services, for who asks for nothing else.
func kernelRemoves(j judge, h *testlan.Host) (took time.Duration) {
	j.Helper()
	ctx := context.Background()
	j.must(h.Do(func() error {
		k, err := ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
		if err != nil {
			return err
		}
		defer k.Close()
		var adds, removes []ipvs.Op
		for i := range massServices {
			key := ipvs.ServiceKey{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)}), Port: 80}
			adds = append(adds, ipvs.Op{Kind: ipvs.AddService, Service: key, Attrs: ipvs.ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff}})
			for n := range massServers {
				d := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), byte(n + 1)}), 80)
				adds = append(adds, ipvs.Op{Kind: ipvs.AddDest, Service: key, Dest: d, DestAttrs: ipvs.DestAttrs{Weight: 1}})
				removes = append(removes, ipvs.Op{Kind: ipvs.DelDest, Service: key, Dest: d})
			}
		}
		err = errors.Join(k.Apply(ctx, adds)...)
		begun := time.Now()
		err = errors.Join(err, errors.Join(k.Apply(ctx, removes)...))
		took = time.Since(begun)
		return errors.Join(err, k.Flush(ctx))
	}))
	return took
}
