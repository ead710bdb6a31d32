package ipvsadm

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
	"vigil/ipvs"
)

// service4 is an IPv4 service with the default attributes.
func service4(p confparse.Protocol, address string) Command {
	ap := netip.MustParseAddrPort(address)
	return Command{
		Service:   ipvs.ServiceKey{Family: confparse.IPv4, Protocol: p, Addr: ap.Addr(), Port: ap.Port()},
		Attrs:     ipvs.ServiceAttrs{Scheduler: "wlc", Netmask: hostMask4},
		DestAttrs: ipvs.DestAttrs{Weight: 1, Forwarding: confparse.DR},
	}
}

// with changes a command.
func with(c Command, change func(*Command)) Command {
	change(&c)
	return c
}

func TestParse(t *testing.T) {
	web := service4(confparse.TCP, "192.0.2.1:80")
	none := with(web, func(c *Command) { c.Service = ipvs.ServiceKey{} })
	verb := func(c Command, v Verb) Command { c.Verb = v; return c }
	for line, want := range map[string]Command{
		"-A -t 192.0.2.1:80":              verb(web, AddService),
		"--edit-service -t 192.0.2.1:80":  verb(web, EditService),
		"-D --tcp-service=192.0.2.1:http": verb(web, DeleteService),
		"-Z":                              verb(none, Zero),
		"-C":                              verb(none, Flush),
		"-A -u 192.0.2.1:5060 -s sh -b sh-port,flag-3 -p 30 -M 255.255.255.0 --pe sip -o": with(verb(service4(confparse.UDP, "192.0.2.1:5060"), AddService), func(c *Command) {
			c.Attrs = ipvs.ServiceAttrs{Scheduler: "sh", PE: "sip", Timeout: 30, Netmask: 0xffffff00,
				Flags: ipvs.Persistent | ipvs.OnePacket | ipvs.Flags(confparse.SchedulerFlag2|confparse.SchedulerFlag3)}
		}),
		"-A -f 4294967295 -6 -M 56": with(verb(none, AddService), func(c *Command) {
			c.Service = ipvs.ServiceKey{Family: confparse.IPv6, Fwmark: 4294967295}
			c.Attrs.Netmask = 56
		}),
		"-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 7 -x 9 -y 3": with(verb(web, AddServer), func(c *Command) {
			c.Dest = netip.MustParseAddrPort("10.0.0.1:8080")
			c.DestAttrs = ipvs.DestAttrs{Weight: 7, UpperThreshold: 9, LowerThreshold: 3}
		}),
		"-e -t 192.0.2.1:80 -r [2001:db8::1]:8080 -i --tun-type gue --tun-port 6080 --tun-remcsum": with(verb(web, EditServer), func(c *Command) {
			c.Dest = netip.MustParseAddrPort("[2001:db8::1]:80") // a tunnel changes no port
			c.DestAttrs = ipvs.DestAttrs{Weight: 1, Forwarding: confparse.TUN,
				Tunnel: confparse.Tunnel{Type: confparse.GUE, Port: 6080, Flags: confparse.RemoteChecksum}}
		}),
		"-d -t 192.0.2.1:80 -r 10.0.0.1:8080": with(verb(web, DeleteServer), func(c *Command) {
			c.Dest = netip.MustParseAddrPort("10.0.0.1:8080")
		}),
		"-Lcn --persistent-conn": with(verb(none, List), func(c *Command) {
			c.Show = Show{Connections: true, Numeric: true, PersistentConn: true}
		}),
		"-l --stats --rate --thresholds --tun-info --exact --nosort --sort -t 192.0.2.1:80": with(verb(web, List), func(c *Command) {
			c.Show = Show{Stats: true, Rates: true, Thresholds: true, TunnelInfo: true, Exact: true, NoSort: true}
		}),
		"--set 0 120 2678400": with(verb(none, SetTimeouts), func(c *Command) {
			c.Timeouts = ipvs.Timeouts{TCPFin: 120, UDP: 2678400}
		}),
		"--start-daemon master --mcast-interface eth0 --syncid 7 --sync-maxlen 1400 --mcast-group ff02::81 --mcast-port 9 --mcast-ttl 2": with(verb(none, StartDaemon), func(c *Command) {
			c.Sync = ipvs.SyncDaemon{Role: ipvs.SyncMaster, Interface: "eth0", ID: 7, MaxLen: 1400, Group: netip.MustParseAddr("ff02::81"), Port: 9, TTL: 2}
		}),
		"--stop-daemon=backup --syncid 7": with(verb(none, StopDaemon), func(c *Command) {
			c.Sync = ipvs.SyncDaemon{Role: ipvs.SyncBackup, ID: 7}
		}),
	} {
		got, err := Parse(append([]string{"ipvsadm"}, strings.Fields(line)...), knownNames{})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", line, diff)
		}
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]int{"5": 5, "010": 10, " 5": 5, "\t+5": 5, "0": 0, "100": 100, "": -1, " ": -1, "-1": -1, "5 ": -1, "5x": -1, "0x5": -1, "++5": -1,
		"+ 5": -1, "101": -1, "99999999999999999999": -1, "1_0": -1, "5.0": -1} {
		got, ok := number(in, 0, 100)
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q: %d, %v; want %d", in, got, ok, want)
		}
	}
}

func TestParseIPv4(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1": "192.0.2.1", "10.1": "10.0.0.1", "10.1.258": "10.1.1.2", "3221225985": "192.0.2.1", "0xc0.0.02.01": "192.0.2.1", "0xC0000201": "192.0.2.1",
		"0300.0.2.1": "192.0.2.1", "192.0.2.1 x": "192.0.2.1", "0": "0.0.0.0", "255.255.255.255": "255.255.255.255"} {
		if got, ok := parseIPv4(in); !ok || got.String() != want {
			t.Errorf("%q: %v, %v; want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", ".", "1.", ".1", "1..2", "1.2.3.4.5", "256.0.0.1", "1.2.3.256", "1.2.65536", "1.16777216", "4294967296", "08.0.0.1", "0x", "1.2.3.4x", "0b1.0.0.1", "0o7.0.0.1", "1_0.0.0.1", "+1.0.0.1",
		"-1.0.0.1", "b1", "::1"} {
		if got, ok := parseIPv4(in); ok {
			t.Errorf("%q is %v", in, got)
		}
	}
}

// The scanner's words, as popt(3) takes them apart.
func TestScanner(t *testing.T) {
	for line, want := range map[string]string{
		"-Ln -t a":          "L n t=a",
		"-Lnta":             "L n t=a",
		"-Lnt=a":            "L n t=a",
		"-t -L":             "t=-L",
		"-p -n":             "p n",
		"-p 5 -p5 -p=5":     "p=5 p=5 p=5",
		"--persistent -n":   "p n",
		"--persistent 5 -n": "p=5 n",
		"x -n - y":          "n; x - y",
		"-n -- -L":          "n; -L",
		"--tcp-service":     "! --tcp-service: missing argument",
		"-nt":               "n ! -nt: missing argument",
		"--numeric=1":       "! --numeric=1: option does not take an argument",
		"-nX":               "n ! -nX: unknown option",
		"--l":               "! --l: unknown option",
	} {
		s := scanner{args: strings.Fields(line)}
		var got []string
		for {
			d, value, err := s.next()
			if err != nil {
				got = append(got, "! "+err.Error())
				break
			}
			if d == nil {
				break
			}
			text := string(d.short)
			if s.valued && d.value != noValue {
				text += "=" + value
			}
			got = append(got, text)
		}
		text := strings.Join(got, " ")
		if len(s.strays) > 0 {
			text += "; " + strings.Join(s.strays, " ")
		}
		if text != want {
			t.Errorf("%s: %q, want %q", line, text, want)
		}
	}
}
