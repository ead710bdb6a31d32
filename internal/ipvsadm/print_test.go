package ipvsadm

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/ipvs"
)

// The wanted texts are what Debian's ipvsadm 1.31 printed when the kernel had these numbers.

// oneServer is a kernel with a service and a server.
func oneServer(t *testing.T) *fakeKernel {
	t.Helper()
	k := newFake()
	onFake(t, k, "-A -t 10.0.0.1:80 -s rr")
	onFake(t, k, "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m")
	return k
}

func TestLargeNumbersAreInUnits(t *testing.T) {
	for n, want := range map[uint64]string{
		1:                    "         1",
		99999999:             "  99999999",
		100000000:            "   100000K",
		100999999:            "   100999K",
		999999999:            "   999999K",
		1000000000:           "     1000M",
		9999999999:           "     9999M",
		99999999999:          "    99999M",
		100000000000:         "      100G",
		100999999999:         "      100G",
		99999999999999:       "    99999G",
		100000000000000:      "      100T",
		99999999999999999:    "    99999T",
		18446744073709551615: "18446744T",
	} {
		k := oneServer(t)
		k.stats = ipvs.Counters{BytesIn: n, BytesOut: n}
		want = strings.TrimLeft(want, " ")
		want = strings.Repeat(" ", 9-len(want)) + want
		want = "  -> 10.1.0.1:80                         0        0        0" + want + want + "\n"
		out := onFake(t, k, "-L -n --stats")
		if got := out[strings.LastIndex(strings.TrimSuffix(out, "\n"), "\n")+1:]; got != want {
			t.Errorf("%d:\ngot  %q\nwant %q", n, got, want)
		}
	}
}

func TestCountersAndRates(t *testing.T) {
	k := oneServer(t)
	k.stats = ipvs.Counters{Connections: 123456789012, PacketsIn: 1, PacketsOut: 22, BytesIn: 333, BytesOut: 4444}
	k.rates = ipvs.Rates{Connections: 55555, PacketsIn: 666666, PacketsOut: 4294967294, BytesIn: 88888888, BytesOut: 999999999}
	for listing, want := range map[string]string{
		"-L -n --stats -t 10.0.0.1:80": `Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.1:80                      123G        1       22      333     4444
  -> 10.1.0.1:80                      123G        1       22      333     4444
`,
		"-L -n --stats --exact": `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.1:80                  123456789012        1       22      333     4444
  -> 10.1.0.1:80                  123456789012        1       22      333     4444
`,
		"-L -n --rate -t 10.0.0.1:80": `Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
  -> RemoteAddress:Port
TCP  10.0.0.1:80                     55555   666666    4294M 88888888  999999K
  -> 10.1.0.1:80                     55555   666666 4294967294 88888888  999999K
`,
		"-L -n --rate --exact -t 10.0.0.1:80": `Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
  -> RemoteAddress:Port
TCP  10.0.0.1:80                     55555   666666 4294967294 88888888 999999999
  -> 10.1.0.1:80                     55555   666666 4294967294 88888888 999999999
`,
	} {
		if diff := cmp.Diff(want, onFake(t, k, listing)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", listing, diff)
		}
	}
}

const kernelConns = `TCP 2001:0db8:0000:0000:0000:0000:0000:0002 97D2 2001:0db8:0000:0000:0000:0000:0000:0001 0050 2001:0db8:0001:0000:0000:0000:0000:0001 0050 ESTABLISHED     899
TCP 0A000002 A8BC 0A000001 01BB 0A010001 01BB ESTABLISHED     899
TCP 0A000002 AD10 0A000001 0050 0A010001 1F90 CLOSE_WAIT       59
UDP 0A000002 E77F 0A000001 0035 0A010001 0035 UDP             299
UDP 0A000002 0000 0A000001 13C4 0A010001 13C4 NONE             69 sip abc-12345@10.0.0.2
TCP 0A000000 0000 0A000001 01BB 0A010001 01BB ASSURED     2678399
`

func TestConnections(t *testing.T) {
	k := newFake()
	k.conns = kernelConns
	for listing, want := range map[string]string{
		"-L -c -n": `IPVS connection entries
pro expire state       source             virtual            destination
TCP 14:59  ESTABLISHED [2001:db8::2]:38866 [2001:db8::1]:80   [2001:db8:1::1]:80
TCP 14:59  ESTABLISHED 10.0.0.2:43196     10.0.0.1:443       10.1.0.1:443
TCP 00:59  CLOSE_WAIT  10.0.0.2:44304     10.0.0.1:80        10.1.0.1:8080
UDP 04:59  UDP         10.0.0.2:59263     10.0.0.1:53        10.1.0.1:53
UDP 01:09  NONE        10.0.0.2:0         10.0.0.1:5060      10.1.0.1:5060
TCP 44639:59  ASSURED     10.0.0.0:0         10.0.0.1:443       10.1.0.1:443
`,
		"-Lc --persistent-conn": `IPVS connection entries
pro expire state       source             virtual            destination        pe name          pe_data
TCP 14:59  ESTABLISHED [2001:db8::2]:38866 [2001:db8::1]:http [2001:db8:1::1]:http
TCP 14:59  ESTABLISHED 10.0.0.2:43196     10.0.0.1:https     10.1.0.1:https
TCP 00:59  CLOSE_WAIT  10.0.0.2:44304     10.0.0.1:http      10.1.0.1:http-alt
UDP 04:59  UDP         10.0.0.2:59263     10.0.0.1:domain    10.1.0.1:domain
UDP 01:09  NONE        10.0.0.2:0         10.0.0.1:sip       10.1.0.1:sip     sip                abc-12345@10.0.0.2
TCP 44639:59  ASSURED     10.0.0.0:0         10.0.0.1:https     10.1.0.1:https
`,
	} {
		if diff := cmp.Diff(want, onFake(t, k, listing)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", listing, diff)
		}
	}
	for _, bad := range []string{"TCP\n", "TCP 0A00 0050 0A000001 0050 0A010001 0050 ESTABLISHED 8\n",
		"TCP 0A000002 0050 0A000001 0050 0A010001 0050 ESTABLISHED never\n", "TCP 0A000002 10050 0A000001 0050 0A010001 0050 ESTABLISHED 8\n"} {
		k.conns = bad
		if r := ours(k, knownNames{}, "", "ipvsadm", "-L", "-c"); r.status != exitRejected || !strings.Contains(r.err, "connection table") {
			t.Errorf("%q: %+v", bad, r)
		}
	}
}

func TestDaemons(t *testing.T) {
	k := newFake()
	onFake(t, k, "--start-daemon backup --mcast-interface dum0 --mcast-group ff02::99 --mcast-port 9001 --mcast-ttl 4 --sync-maxlen 1452")
	onFake(t, k, "--start-daemon master --mcast-interface dum0 --syncid 255 --sync-maxlen 1000 --mcast-group 224.0.0.99 --mcast-port 9000 --mcast-ttl 3")
	want := `master sync daemon (mcast=dum0, syncid=255, maxlen=1000, group=224.0.0.99, port=9000, ttl=3)
backup sync daemon (mcast=dum0, syncid=0, maxlen=1452, group=ff02::99, port=9001, ttl=4)
`
	if diff := cmp.Diff(want, onFake(t, k, "-L --daemon")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	onFake(t, k, "--stop-daemon=master")
	if out := onFake(t, k, "-L --daemon"); strings.Contains(out, "master") || out == "" {
		t.Errorf("after the master was stopped: %q", out)
	}
}

// longNames resolves addresses to names that do not fit the column.
type longNames struct{ knownNames }

func (longNames) Host(a netip.Addr) (string, bool) {
	if a.Is6() {
		return "v6-with-a-rather-long-name.example.com", true
	}
	return "a-very-long-name-indeed.of-a-service.example.com", true
}

func TestLongNames(t *testing.T) {
	k := oneServer(t)
	onFake(t, k, "-A -t [2001:db8::3]:80")
	for listing, want := range map[string]string{
		"-L": `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  a-very-long-name-indeed.of-a rr
  -> a-very-long-name-indeed.of-a Masq    1      0          0         
TCP  [v6-with-a-rather-long-name.example.com]:http wlc
`,
		"-S": `-A -t a-very-long-name-indeed.of-a-service.example.com:http -s rr
-a -t a-very-long-name-indeed.of-a-service.example.com:http -r a-very-long-name-indeed.of-a-service.example.com:http -m -w 1
-A -t [v6-with-a-rather-long-name.example.com]:http -s wlc
`,
	} {
		if diff := cmp.Diff(want, ours(k, longNames{}, "", "ipvsadm", listing).out); diff != "" {
			t.Errorf("%s (-want +got)\n%s", listing, diff)
		}
	}
}

// A mark of which the highest bit is set is listed as a negative number, as Debian's does; it is saved as one that can be restored.
func TestLargeMarks(t *testing.T) {
	k := newFake()
	onFake(t, k, "-A -f 4294967295")
	if out := onFake(t, k, "-L"); !strings.Contains(out, "FWM  -1 wlc\n") {
		t.Error(out)
	}
	if out := onFake(t, k, "-S"); out != "-A -f 4294967295 -s wlc\n" {
		t.Error(out)
	}
}

// A flag that its scheduler has no name for is listed without one, as Debian's does; it is saved by its general name, so that it
// can be restored.
func TestFlagsWithoutNames(t *testing.T) {
	k := newFake()
	onFake(t, k, "-A -u 192.0.2.1:80 -s sh -b flag-3 -o")
	onFake(t, k, "-A -u 192.0.2.2:80 -s mh -b flag-3,flag-1 -p")
	if out := onFake(t, k, "-L -n"); !strings.Contains(out, "UDP  192.0.2.1:80 sh () ops\nUDP  192.0.2.2:80 mh (mh-fallback) persistent 360\n") {
		t.Error(out)
	}
	want := "-A -u 192.0.2.1:80 -s sh -o -b flag-3\n-A -u 192.0.2.2:80 -s mh -p 360 -b mh-fallback,flag-3\n"
	if out := onFake(t, k, "-S -n"); out != want {
		t.Error(out)
	}
}

func TestAddressText(t *testing.T) {
	for in, want := range map[string]string{"::": "::", "::1": "::1", "::ffff": "::ffff", "::1:2": "::0.1.0.2", "::1.2.3.4": "::1.2.3.4",
		"::ffff:0:0": "::ffff:0.0.0.0", "::ffff:1.2.3.4": "::ffff:1.2.3.4", "1::1:2": "1::1:2", "10.0.0.1": "10.0.0.1"} {
		if got := addressText(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		verb  Verb
		errno syscall.Errno
		want  string
	}{
		{AddService, syscall.EEXIST, "Service already exists"},
		{EditService, syscall.ENOENT, "Scheduler or persistence engine not found"},
		{Zero, syscall.ESRCH, "No such service"},
		{AddServer, syscall.EEXIST, "Destination already exists"},
		{EditServer, syscall.ENOENT, "No such destination"},
		{DeleteServer, syscall.ESRCH, "Service not defined"},
		{AddServer, syscall.ERANGE, "Numerical result out of range"},
		{AddServer, syscall.EINVAL, "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		{StartDaemon, syscall.EEXIST, "Daemon has already run"},
		{StartDaemon, syscall.ENODEV, "No such device"},
		{StopDaemon, syscall.ESRCH, "No daemon is running"},
		{Flush, syscall.EPERM, "Permission denied (you must be root)"},
	} {
		if got := errorText(c.verb, c.errno); got != c.want {
			t.Errorf("%s, %v: got %q, want %q", verbNames[c.verb], c.errno, got, c.want)
		}
	}
}

func TestServicesFile(t *testing.T) {
	n := &SystemNames{services: parseServices(strings.NewReader("# comment\nhttp\t80/tcp\twww # WorldWideWeb\n\nbad\nworse x/tcp\nntp 123/udp\n"))}
	n.once.Do(func() {})
	if name, ok := n.Service(80, confparse.TCP); !ok || name != "http" {
		t.Error(name, ok)
	}
	if port, ok := n.Port("www", confparse.TCP); !ok || port != 80 {
		t.Error(port, ok)
	}
	for _, p := range []confparse.Protocol{confparse.TCP, confparse.SCTP, confparse.ProtocolNone} {
		if port, ok := n.Port("ntp", p); ok {
			t.Errorf("ntp of %v is %d", p, port)
		}
	}
}
