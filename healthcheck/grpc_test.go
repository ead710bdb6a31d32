package healthcheck

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/fuzzing"
)

// healthService is a server of grpc.health.v1 with the services that are named.
type healthService struct {
	t        *testing.T
	statuses map[string]byte // by service
	seen     chan http.Header
}

// ServeHTTP implements http.Handler.
func (h healthService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.seen <- r.Header
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) < 5 || r.URL.Path != "/grpc.health.v1.Health/Check" || r.Method != http.MethodPost || r.ProtoMajor != 2 {
		h.t.Errorf("%s %s %s: %q, %v", r.Method, r.URL.Path, r.Proto, body, err)
	}
	service := ""
	if message := body[5:]; len(message) > 2 {
		service = string(message[2:])
	}
	w.Header().Set("Content-Type", "application/grpc")
	status, known := h.statuses[service]
	if !known { // an answer without a message
		w.Header().Set("Grpc-Status", "5")
		w.Header().Set("Grpc-Message", "unknown service")
		return
	}
	w.Header().Set("Trailer", "Grpc-Status")
	w.Write(framed(8, status))
	w.Header().Set("Grpc-Status", "0")
}

// framed is a message of gRPC.
func framed(message ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// serveHTTP2 serves h on a free port, over TLS with a certificate.
func serveHTTP2(t *testing.T, h http.Handler, config *tls.Config) netip.AddrPort {
	t.Helper()
	return serveHTTP2At(t, "127.0.0.1:0", h, config)
}

func serveHTTP2At(t *testing.T, addr string, h http.Handler, config *tls.Config) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, TLSConfig: config, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0)}
	server.Protocols.SetHTTP2(config != nil)
	server.Protocols.SetUnencryptedHTTP2(config == nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if config != nil {
			_ = server.ServeTLS(l, "", "")
		} else {
			_ = server.Serve(l)
		}
	}()
	t.Cleanup(func() { server.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// asked makes one attempt of a GRPC_CHECK.
func asked(t *testing.T, target netip.AddrPort, q grpcQuestion, timeout time.Duration) Result {
	t.Helper()
	return grpcCheck{q, means{via: dial{target: target, timeout: timeout}}}.Check(t.Context())
}

func TestGRPCCheck(t *testing.T) {
	h := healthService{t, map[string]byte{"": 1, "shop.Cart": 1, "shop.Pay": 2, "shop.New": 0}, make(chan http.Header, 100)}
	ca := newAuthority(t)
	certificate, _, _ := ca.issue("web.example", time.Now().Add(time.Hour))
	plain, secure := serveHTTP2(t, h, nil), serveHTTP2(t, h, &tls.Config{Certificates: []tls.Certificate{certificate}})
	status := func(code int) netip.AddrPort {
		return serveHTTP2(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }), nil)
	}
	body := func(b []byte) netip.AddrPort {
		return serveHTTP2(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc+proto")
			w.Header().Set("Trailer", "Grpc-Status")
			w.Write(b)
			w.Header().Set("Grpc-Status", "0")
		}), nil)
	}
	for _, tt := range []struct {
		name   string
		target netip.AddrPort
		asks   grpcQuestion
		code   Code
		status int
	}{
		{"SERVING", plain, grpcQuestion{}, CodeAnswered, 0},
		{"a service that is SERVING", plain, grpcQuestion{service: "shop.Cart"}, CodeAnswered, 0},
		{"NOT_SERVING", plain, grpcQuestion{service: "shop.Pay"}, CodeAnswerStatus, 2},
		{"UNKNOWN", plain, grpcQuestion{service: "shop.New"}, CodeAnswerStatus, 0},
		{"NOT_FOUND", plain, grpcQuestion{service: "shop.None"}, CodeAnswerStatus, 5},
		{"over TLS", secure, grpcQuestion{tls: true}, CodeAnswered, 0},
		{"over TLS, with a name", secure, grpcQuestion{tls: true, serverName: "web.example"}, CodeAnswered, 0},
		{"over TLS, of a stranger", secure, grpcQuestion{tls: true, verify: true}, CodeTLSFailed, 0},
		{"TLS where there is none", plain, grpcQuestion{tls: true}, CodeTLSFailed, 0},
		{"no TLS where there is", secure, grpcQuestion{}, CodeAnswerInvalid, 0},
		{"503", status(503), grpcQuestion{}, CodeAnswerStatus, 503},
		{"no gRPC", status(200), grpcQuestion{}, CodeAnswerInvalid, 0},
		{"no message", body(nil), grpcQuestion{}, CodeAnswerInvalid, 0},
		{"no protobuf", body(framed(0xff)), grpcQuestion{}, CodeAnswerInvalid, 0},
		{"more than there can be", body(make([]byte, 1<<20)), grpcQuestion{}, CodeAnswerInvalid, 0},
		{"HTTP/1.1", answering(t, "HTTP/1.1 200 OK\r\n\r\n"), grpcQuestion{}, CodeAnswerInvalid, 0},
	} {
		r := asked(t, tt.target, tt.asks, 5*time.Second)
		if r.Code != tt.code || r.Status != tt.status || (r.Outcome == Passed) != (tt.code == CodeAnswered) {
			t.Errorf("%s: %v %d, %q, %v; want %v %d", tt.name, r.Code, r.Status, r.Reason, r.Err, tt.code, tt.status)
		}
	}
	if got := <-h.seen; got.Get("Te") != "trailers" || got.Get("Content-Type") != "application/grpc" || got.Get("Grpc-Timeout") != "5000m" ||
		got.Get("Accept-Encoding") != "" {
		t.Errorf("the request has %v", got)
	}
}

func TestGRPCCheckIsBounded(t *testing.T) {
	stuck := make(chan struct{})
	silent := serveHTTP2(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}), nil)
	mute := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	endless := serveHTTP2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	}), nil)
	for name, target := range map[string]netip.AddrPort{"no answer": silent, "no HTTP/2": mute} {
		if r := asked(t, target, grpcQuestion{}, 300*time.Millisecond); r.Code != CodeAnswerTimeout {
			t.Errorf("%s: %v, %v", name, r.Code, r.Err)
		}
	}
	if r := asked(t, mute, grpcQuestion{tls: true}, 300*time.Millisecond); r.Outcome != Failed {
		t.Errorf("no TLS either: %v, %v", r.Code, r.Err)
	}
	if r := asked(t, endless, grpcQuestion{}, 5*time.Second); r.Outcome != Failed {
		t.Errorf("an answer without end: %v", r.Code)
	}
	close(stuck)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	if r := asked(t, closed, grpcQuestion{}, 5*time.Second); r.Code != CodeConnectFailed || r.Reason != grpcFailed {
		t.Errorf("nobody listens: %v, %v", r.Code, r.Err)
	}
}

func TestGRPCQuestion(t *testing.T) {
	c := askedOf(t, "virtual_server 10.0.0.1 80 {\nprotocol TCP\nreal_server 192.168.0.1 50051 {\nGRPC_CHECK {\nservice shop.Cart\n"+
		"server_name cart.example\n}\n}\n}\n")
	want := grpcQuestion{service: "shop.Cart", tls: true, serverName: "cart.example"}
	if got := c.checker(means{}, 0).(grpcCheck); got.asks != want || got.with.via.target.Port() != 50051 || c.Kind != confparse.GRPCCheck {
		t.Errorf("%+v", got)
	}
}

// FuzzHealthStatus: no message makes it panic, and what is read of one that it takes is what was written.
func FuzzHealthStatus(f *testing.F) {
	for _, b := range [][]byte{framed(8, 1), framed(), framed(8, 1, 8, 2), framed(18, 2, 1, 2, 8, 1), framed(13, 1, 2, 3, 4), framed(9), {1}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var status uint64
		var err error
		fuzzing.Within(t, time.Second, func() { status, err = healthStatus(b) })
		if err != nil {
			return
		}
		again := append([]byte{8}, binary.AppendUvarint(nil, status)...)
		if got, err := healthStatus(framed(again...)); err != nil || got != status {
			t.Errorf("%d became %d, %v", status, got, err)
		}
	})
}

// FuzzGRPCServer: whatever a server sends, the check ends, and passes only with an answer.
func FuzzGRPCServer(f *testing.F) {
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for _, s := range []string{"", "HTTP/1.1 200 OK\r\n\r\n", settings, settings + "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88",
		settings + "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678", settings + "\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x02"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Result
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		fuzzing.Within(t, time.Second, func() {
			ours, theirs := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				go io.Copy(io.Discard, theirs)
				theirs.Write(b)
				theirs.Close()
			}()
			r = grpcCheck{with: means{via: dial{target: netip.MustParseAddrPort("192.0.2.1:1"), timeout: time.Minute}}}.call(ctx, ours)
			ours.Close()
			<-done
		})
		if r.Outcome == Passed || ctx.Err() != nil {
			t.Errorf("%q: %v, %v", b, r.Outcome, ctx.Err())
		}
	})
}
