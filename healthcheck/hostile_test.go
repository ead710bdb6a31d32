package healthcheck

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/testlan"
)

// hostile are servers that do what no server should, until their connection is closed.
var hostile = map[string]func(c *net.TCPConn){
	"never answers": func(c *net.TCPConn) { io.Copy(io.Discard, c) },
	"never reads":   func(c *net.TCPConn) { untilClosed(c) },
	"sends without end": func(c *net.TCPConn) {
		c.SetReadBuffer(1 << 12)
		for b := make([]byte, 1<<16); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	},
	"sends lines without end": func(c *net.TCPConn) {
		for b := []byte(strings.Repeat("220-again\r\n", 1000)); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	},
	"sends a byte now and then": func(c *net.TCPConn) {
		for b := []byte("HTTP/1.1 200 OK\r\nX: "); ; b = append(b[1:], 'x') {
			if _, err := c.Write(b[:1]); err != nil {
				return
			}
			time.Sleep(20 * ms)
		}
	},
	"sends noise": func(c *net.TCPConn) {
		b := make([]byte, 1<<16)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		c.Write(b)
		untilClosed(c)
	},
	"closes":        func(c *net.TCPConn) {},
	"resets":        func(c *net.TCPConn) { c.SetLinger(0) },
	"resets later":  func(c *net.TCPConn) { c.Read(make([]byte, 1)); c.SetLinger(0) },
	"says no more":  func(c *net.TCPConn) { c.CloseWrite(); untilClosed(c) },
	"reads no more": func(c *net.TCPConn) { c.CloseRead(); time.Sleep(500 * ms) },
}

// untilClosed waits for the end of a connection and reads little meanwhile.
func untilClosed(c *net.TCPConn) {
	for b := make([]byte, 1<<12); ; time.Sleep(10 * ms) {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// listenToAll is listen for a server that has any number of connections at a time.
func listenToAll(t *testing.T, serve func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// frame is one of HTTP/2 (RFC 9113 §4.1).
func frame(kind, flags byte, stream uint32, payload string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	b = append(b, flags)
	return string(binary.BigEndian.AppendUint32(b, stream)) + payload
}

// hostileFrames are what such servers of HTTP/2 send behind their settings, again and again.
var hostileFrames = map[string][2]string{ // once, then without end
	"PING":          {"", frame(6, 0, 0, "12345678")},
	"SETTINGS":      {"", frame(4, 0, 0, "\x00\x03\x00\x00\x00\x01")},
	"WINDOW_UPDATE": {"", frame(8, 0, 0, "\x00\x00\x00\x01")},
	"PRIORITY":      {"", frame(2, 0, 1, "\x00\x00\x00\x00\x01")},
	"unknown":       {"", frame(0xfe, 0, 0, strings.Repeat("x", 1000))},
	"CONTINUATION":  {frame(1, 0, 1, "\x88"), frame(9, 0, 1, strings.Repeat("\x82", 1000))},
	"DATA":          {frame(1, 4, 1, "\x88"), frame(0, 0, 1, strings.Repeat("x", 1000))},
	"empty DATA":    {frame(1, 4, 1, "\x88"), frame(0, 0, 1, "")},
	"100":           {"", frame(1, 4, 1, "\x08\x03100")},
	// An entry of 4000 bytes in the table, and then what it stands for 1000 times in as many bytes (RFC 7541 §7.3).
	"an HPACK bomb": {frame(1, 0, 1, "\x88\x40\x01x\x7f\xa1\x1e"+strings.Repeat("y", 4000)), frame(9, 0, 1, strings.Repeat("\xbe", 1000))},
	"GOAWAY":        {frame(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x0b"), ""},
	"RST_STREAM":    {frame(3, 0, 1, "\x00\x00\x00\x07"), ""},
	"PUSH_PROMISE":  {frame(5, 4, 1, "\x00\x00\x00\x02\x82"), ""},
}

// hostileHTTP2 returns a server that sends such frames.
func hostileHTTP2(once, again string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		go io.Copy(io.Discard, c)
		io.WriteString(c, frame(4, 0, 0, "")+frame(4, 1, 0, "")+once)
		if again == "" {
			untilClosed(c)
			return
		}
		for b := strings.Repeat(again, 1+1<<14/len(again)); ; {
			if _, err := io.WriteString(c, b); err != nil {
				return
			}
		}
	}
}

// spent is what a process holds.
type spent struct {
	descriptors, goroutines int
	heap                    uint64
}

func spends(t *testing.T) spent {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return spent{len(entries), runtime.NumGoroutine(), m.HeapAlloc}
}

// leavesNothing runs f, and waits until everything that it held is given back.
func leavesNothing(t *testing.T, f func()) {
	t.Helper()
	before := spends(t)
	f()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := testlan.Until(ctx, "everything is given back", func() error {
		after := spends(t)
		if after.descriptors > before.descriptors || after.goroutines > before.goroutines || after.heap > before.heap+4<<20 {
			return fmt.Errorf("%+v before, %+v after", before, after)
		}
		return nil
	}); err != nil {
		b := make([]byte, 1<<16)
		open, _ := filepath.Glob("/proc/self/fd/*")
		for i := range open {
			open[i], _ = os.Readlink(open[i])
		}
		t.Errorf("%v\n%s\n%s", err, open, b[:runtime.Stack(b, true)])
	}
}

// TestHostileServers: whatever a server does, every kind of check comes to an end, and to the right one; nothing is left of
// eight attempts each.
func TestHostileServers(t *testing.T) {
	log.SetOutput(io.Discard) // as the daemon does
	defer log.SetOutput(os.Stderr)
	kinds := map[string]func(dial) Checker{
		"HTTP_GET": func(d dial) Checker { return httpCheck{dial: d, limits: replyLimit, url: urlSpec{path: "/"}} },
		"SSL_GET": func(d dial) Checker {
			return httpCheck{dial: d, limits: replyLimit, url: urlSpec{path: "/"}, tls: tlsConfig()}
		},
		"SMTP_CHECK":          func(d dial) Checker { return smtpCheck{d, "me"} },
		"GRPC_CHECK":          func(d dial) Checker { return grpcCheck{with: means{via: d}} },
		"GRPC_CHECK over TLS": func(d dial) Checker { return grpcCheck{grpcQuestion{tls: true}, means{via: d}} },
		"TCP_CHECK":           func(d dial) Checker { return tcpCheck{d} },
	}
	type pair struct {
		name  string
		check Checker
		want  Outcome
	}
	var all []pair
	t.Run("servers", func(t *testing.T) {
		for name, serve := range hostile {
			target := listenToAll(t, serve)
			for kind, check := range kinds {
				want := Failed
				if kind == "TCP_CHECK" {
					want = Passed
				}
				all = append(all, pair{kind + " of one that " + name, check(dial{target: target, timeout: 300 * ms}), want})
			}
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"h2"}}
		for name, serve := range map[string]func(net.Conn){
			"drips behind the handshake": drips(aHeader, 20*ms), "says nothing behind the handshake": says(""),
		} {
			target := listenToAll(t, func(c *net.TCPConn) {
				if session := tls.Server(c, config); session.Handshake() == nil {
					serve(session)
				}
			})
			for _, kind := range []string{"SSL_GET", "GRPC_CHECK over TLS"} {
				all = append(all, pair{kind + " of one that " + name, kinds[kind](dial{target: target, timeout: 300 * ms}), Failed})
			}
		}
		for name, frames := range hostileFrames {
			target := listenToAll(t, hostileHTTP2(frames[0], frames[1]))
			all = append(all, pair{"GRPC_CHECK of one that sends " + name, kinds["GRPC_CHECK"](dial{target: target, timeout: 300 * ms}), Failed})
		}
		leavesNothing(t, func() {
			for range 2 {
				var running sync.WaitGroup
				for _, p := range all {
					for n := range 4 {
						running.Go(func() {
							// Those that may go on for a minute are ended as a reload does it, the odd ones of the others too; to what
							// they come is held in simulated time, by TestServersThatTakeTheirTime.
							ctx, cancel := context.WithTimeout(t.Context(), time.Duration(500+n%2*100_000)*ms)
							defer cancel()
							if strings.HasPrefix(p.name, "HTTP_GET of one that sends") {
								cancel2 := time.AfterFunc(500*ms, cancel)
								defer cancel2.Stop()
							}
							r := p.check.Check(ctx)
							if errors.Is(r.Err, unix.ECONNRESET) && p.want == Passed {
								return // it was reset before there was time to see it connected
							}
							if ctx.Err() == nil && r.Outcome != p.want {
								t.Errorf("%s: %v, %v, %q, %v", p.name, r.Outcome, r.Code, r.Reason, r.Err)
							}
						})
					}
				}
				running.Wait()
			}
		})
	})
}

// TestGRPCFramesAreBounded: of frames without end no more is taken than the limit and what the sockets hold.
func TestGRPCFramesAreBounded(t *testing.T) {
	log.SetOutput(io.Discard) // as the daemon does
	defer log.SetOutput(os.Stderr)
	sent := make(chan int64, 1)
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		go io.Copy(io.Discard, c)
		io.WriteString(c, frame(4, 0, 0, "")+frame(4, 1, 0, ""))
		c.SetWriteBuffer(1 << 16)
		total := int64(0)
		for b := strings.Repeat(frame(0xfe, 0, 0, strings.Repeat("x", 1000)), 16); ; {
			n, err := io.WriteString(c, b)
			total += int64(n)
			if err != nil {
				sent <- total
				return
			}
		}
	})
	r := asked(t, target, grpcQuestion{}, 2*time.Second)
	if total := <-sent; r.Outcome != Failed || total > grpcLimits.size+16<<20 { // tcp_rmem and tcp_wmem are a few MB each
		t.Errorf("%v, %v: the server got rid of %d bytes", r.Outcome, r.Err, total)
	}
}

// TestHostileNameServers: datagrams that are no answer, however many, are none, and neither is silence.
func TestHostileNameServers(t *testing.T) {
	noise := func([]byte) (all [][]byte) {
		for range 1000 {
			b := make([]byte, rand.IntN(600))
			for i := range b {
				b[i] = byte(rand.Uint32())
			}
			if len(b) > 2 {
				b[2] &= 0x7f // a query
			}
			all = append(all, b)
		}
		return all
	}
	for name, answer := range map[string]func([]byte) [][]byte{
		"silence": func([]byte) [][]byte { return nil }, "noise": noise,
		"the query": func(b []byte) [][]byte { return [][]byte{b} },
		"a name that is its own end (RFC 1035 §4.1.4), and an error": func(b []byte) [][]byte {
			return [][]byte{append(reply(b[:12], 0x8182), 0xc0, 12, 0, 1, 0, 1)}
		},
	} {
		target := datagramServer(t, "127.0.0.1:0", answer)
		d := dial{target: target, timeout: 200 * ms}
		leavesNothing(t, func() {
			var running sync.WaitGroup
			for range 20 {
				running.Go(func() {
					if r := (dnsCheck{d, dnsQuestion{".", dnsmessage.TypeSOA}}).Check(t.Context()); r.Outcome != Failed {
						t.Errorf("%s: %v, %q", name, r.Outcome, r.Reason)
					}
				})
				running.Go(func() {
					want := Failed
					if name != "silence" {
						want = 0 // any datagram is a reply
					}
					r := udpCheck{d, udpAsk(confparse.UDPDetail{RequireReply: true, MaxLength: 255})}.Check(t.Context())
					if want != 0 && r.Outcome != want || r.Outcome == Postponed {
						t.Errorf("UDP_CHECK, %s: %v, %q", name, r.Outcome, r.Reason)
					}
				})
			}
			running.Wait()
		})
	}
}
