package healthcheck

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/fuzzing"
)

// datagramServer returns the address of a server that answers each datagram with those that answer returns.
func datagramServer(t *testing.T, addr string, answer func(asked []byte) [][]byte) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1<<16); ; {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			for _, a := range answer(b[:n]) {
				c.WriteToUDPAddrPort(a, from)
			}
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// closedUDPPort returns an address of the loopback on which nobody takes datagrams.
func closedUDPPort(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TestDNSQuery has the queries as keepalived 2.2.7 was seen to send them, the identifier apart.
func TestDNSQuery(t *testing.T) {
	for _, tt := range []struct{ kind, name, want string }{
		{"SOA", ".", "0100000100000000000000" + "00060001"},
		{"SOA", "example.net", "010000010000000000000" + "76578616d706c65036e657400" + "00060001"},
		{"SOA", "example.net.", "010000010000000000000" + "76578616d706c65036e657400" + "00060001"},
		{"SOA", "Ex-_%.Net", "010000010000000000000" + "545782d5f25034e657400" + "00060001"},
		{"SOA", `a\.b.c`, "010000010000000000000" + "2615c0162016300" + "00060001"},
		{"A", ".", "0100000100000000000000" + "00010001"},
		{"NS", ".", "0100000100000000000000" + "00020001"},
		{"CNAME", ".", "0100000100000000000000" + "00050001"},
		{"MX", ".", "0100000100000000000000" + "000f0001"},
		{"TXT", ".", "0100000100000000000000" + "00100001"},
		{"AAAA", ".", "0100000100000000000000" + "001c0001"},
		{"RRSIG", ".", "0100000100000000000000" + "002e0001"},
		{"DNSKEY", ".", "0100000100000000000000" + "00300001"},
	} {
		q := askDNS(&confparse.Checker{Detail: &confparse.DNSDetail{Type: tt.kind, Name: tt.name}}).(dnsQuestion)
		got, err := q.query(0xbeef)
		if err != nil || hex.EncodeToString(got) != "beef"+tt.want {
			t.Errorf("%s %s: %x, %v; want beef%s", tt.kind, tt.name, got, err, tt.want)
		}
	}
	if _, err := (dnsQuestion{name: strings.Repeat("a", 64) + "."}).query(1); err == nil {
		t.Error("a label of 64 bytes was put into a query")
	}
}

// reply returns the response to a query with the given flags and response code.
func reply(query []byte, flags uint16) []byte {
	b := append([]byte(nil), query...)
	binary.BigEndian.PutUint16(b[2:], flags)
	return b
}

// TestCheckCase45: a response that says NXDOMAIN fails, one without answers passes, and what is no response to the query is
// passed over. What each server here is found to be was keepalived 2.2.7's finding too.
func TestCheckCase45(t *testing.T) {
	other := func(q []byte) []byte { return append([]byte{^q[0]}, q[1:]...) }
	const response = 0x8180
	for _, tt := range []struct {
		name    string
		answers func(q []byte) [][]byte
		outcome Outcome
		code    Code
		reason  string
	}{
		{"no error, no answers", func(q []byte) [][]byte { return [][]byte{reply(q, response)} }, Passed, CodeAnswered, dnsSuccess},
		{"NXDOMAIN", func(q []byte) [][]byte { return [][]byte{reply(q, response|3)} }, Failed, CodeAnswerStatus, "read error occurred. (rcode = 3)"},
		{"SERVFAIL", func(q []byte) [][]byte { return [][]byte{reply(q, response|2)} }, Failed, CodeAnswerStatus, "read error occurred. (rcode = 2)"},
		{"REFUSED", func(q []byte) [][]byte { return [][]byte{reply(q, response|5)} }, Failed, CodeAnswerStatus, "read error occurred. (rcode = 5)"},
		{"truncated", func(q []byte) [][]byte { return [][]byte{reply(q, response|0x200)} }, Passed, CodeAnswered, dnsSuccess},
		{"another opcode", func(q []byte) [][]byte { return [][]byte{reply(q, response|0x2800)} }, Passed, CodeAnswered, dnsSuccess},
		{"a header alone", func(q []byte) [][]byte { return [][]byte{reply(q, response)[:12]} }, Passed, CodeAnswered, dnsSuccess},
		{"no question", func(q []byte) [][]byte { return [][]byte{append(reply(q, response)[:4], make([]byte, 8)...)} },
			Passed, CodeAnswered, dnsSuccess},
		{"much behind it", func(q []byte) [][]byte { return [][]byte{append(reply(q, response), make([]byte, 2000)...)} },
			Passed, CodeAnswered, dnsSuccess},
		{"others before it", func(q []byte) [][]byte {
			return [][]byte{other(reply(q, response)), {}, {1}, reply(q, response)[:11], q, reply(q, response)}
		}, Passed, CodeAnswered, dnsSuccess},
		{"the wrong identifier", func(q []byte) [][]byte { return [][]byte{other(reply(q, response))} }, Failed, CodeAnswerTimeout, dnsTimeout},
		{"the query again", func(q []byte) [][]byte { return [][]byte{q} }, Failed, CodeAnswerTimeout, dnsTimeout},
		{"less than a header", func(q []byte) [][]byte { return [][]byte{reply(q, response)[:11]} }, Failed, CodeAnswerTimeout, dnsTimeout},
		{"silence", func(q []byte) [][]byte { return nil }, Failed, CodeAnswerTimeout, dnsTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dial{target: datagramServer(t, "127.0.0.1:0", tt.answers), timeout: time.Minute}
			if tt.code == CodeAnswerTimeout {
				d.timeout = 50 * time.Millisecond
			}
			r := dnsCheck{d, dnsQuestion{"example.net.", dnsmessage.TypeA}}.Check(t.Context())
			if r.Outcome != tt.outcome || r.Code != tt.code || r.Reason != tt.reason {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason)
			}
		})
	}
}

// TestDNSCheckTakesNoFlood: answers to others' queries without end do not keep a check from its end.
func TestDNSCheckTakesNoFlood(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var flood sync.WaitGroup
	flood.Go(func() {
		b := make([]byte, 64)
		_, from, err := c.ReadFromUDPAddrPort(b)
		for err == nil {
			_, err = c.WriteToUDPAddrPort([]byte("not a response"), from)
		}
	})
	d := dial{target: c.LocalAddr().(*net.UDPAddr).AddrPort(), timeout: 50 * time.Millisecond}
	if r := (dnsCheck{d, dnsQuestion{".", dnsmessage.TypeSOA}}).Check(t.Context()); r.Code != CodeAnswerTimeout {
		t.Errorf("got %v, %v, %v", r.Outcome, r.Code, r.Err)
	}
	c.Close()
	flood.Wait()
}

func TestDNSCheckUnreachable(t *testing.T) {
	soa := dnsQuestion{".", dnsmessage.TypeSOA}
	for _, tt := range []struct {
		name    string
		dial    dial
		outcome Outcome
		code    Code
		reason  string
	}{
		{"nobody takes datagrams", dial{target: closedUDPPort(t)}, Failed, CodeConnectFailed, dnsReadError},
		{"bindto an address that is not ours", dial{target: closedUDPPort(t), bindAddr: netip.MustParseAddr("192.0.2.1")},
			Postponed, CodeSocketError, "could not be made"},
		{"broadcast is not ours to send", dial{target: unreachable}, Postponed, CodeSocketError, "could not be made"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.dial.timeout = time.Minute
			r := dnsCheck{tt.dial, soa}.Check(t.Context())
			if r.Outcome != tt.outcome || r.Code != tt.code || r.Reason != tt.reason {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason)
			}
		})
	}
}

// TestDNSCheckOverIPv6 answers from the address that was asked alone: what another sends does not arrive.
func TestDNSCheckOverIPv6(t *testing.T) {
	needIPv6(t)
	target := datagramServer(t, "[::1]:0", func(q []byte) [][]byte { return [][]byte{reply(q, 0x8180)} })
	d := dial{target: target, timeout: time.Minute, bindAddr: netip.MustParseAddr("::1")}
	if r := (dnsCheck{d, dnsQuestion{".", dnsmessage.TypeSOA}}).Check(t.Context()); r.Outcome != Passed {
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
}

func TestDNSWords(t *testing.T) {
	if got := verdictText(&dnsWords, told{verdict: up, server: rs1}); got != "" {
		t.Errorf("success is told: %q", got)
	}
	if got, want := verdictText(&dnsWords, told{verdict: down, server: rs1, result: Result{Reason: dnsTimeout}, retries: 3}),
		"DNS_CHECK ("+rs1+") read timeout from socket after 3 retries"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	unreachable := told{server: rs1, spec: CheckSpec{addr: netip.MustParseAddr("203.0.113.9"), port: 53}, result: Result{Reason: dnsUnreachable}}
	if got, want := attemptText(&dnsWords, unreachable), "DNS_CHECK ("+rs1+") network unreachable for [203.0.113.9]:53"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	refused := failed(CodeConnectFailed, dnsReadError, fmt.Errorf("receive: %w", unix.ECONNREFUSED))
	if got, want := attemptText(&dnsWords, told{server: rs1, result: refused}),
		"DNS_CHECK ("+rs1+") failed to read socket; errno 111 (Connection refused)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzDNSReply(f *testing.F) {
	f.Add([]byte{0, 1, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}, uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, id uint16) {
		var rcode dnsmessage.RCode
		var ok bool
		fuzzing.Within(t, time.Second, func() { rcode, ok = dnsReply(b, id) })
		want := len(b) >= 12 && binary.BigEndian.Uint16(b) == id && b[2]&0x80 != 0
		if ok != want || ok && byte(rcode) != b[3]&0xf {
			t.Errorf("%x: %v, %v", b, rcode, ok)
		}
	})
}
