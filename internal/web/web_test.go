package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/status"
)

var quiet = slog.New(slog.DiscardHandler)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestMetricsHealthAndStatusAreServed(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	up := prometheus.NewGauge(prometheus.GaugeOpts{Name: "keepalived_up", Help: "1"})
	up.Set(1)
	reg.MustRegister(up)
	reason := ""
	h := NewHandler(Source{Metrics: reg, Unready: func() string { return reason },
		Explain: func(_ context.Context, name string) (status.Explanations, error) {
			if name == "" {
				return status.Explanations{}, errors.New("not today")
			}
			return status.Explanations{Instances: []status.Explanation{{Name: name}}}, nil
		},
		Status: func() status.Status { return status.Status{Version: "9.8.7", IPVS: &status.IPVS{Services: 3}} }}, quiet)

	if code, body := get(t, h, "/metrics"); code != http.StatusOK || !strings.Contains(body, "keepalived_up 1\n") {
		t.Errorf("/metrics: %d %s", code, body)
	}
	if code, body := get(t, h, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	reason = "no table"
	if code, body := get(t, h, "/healthz"); code != http.StatusServiceUnavailable || body != "no table\n" {
		t.Errorf("/healthz when not in order: %d %q", code, body)
	}
	code, body := get(t, h, "/status")
	var s status.Status
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK || s.Version != "9.8.7" ||
		s.VRRP != nil || s.IPVS == nil || s.IPVS.Services != 3 {
		t.Errorf("/status: %d %v %q", code, err, body)
	}
	if code, body := get(t, h, "/explain?instance=VI_1"); code != http.StatusOK || !strings.Contains(body, `"name": "VI_1"`) {
		t.Errorf("/explain: %d %q", code, body)
	}
	if code, body := get(t, h, "/explain"); code != http.StatusNotFound || body != "not today\n" {
		t.Errorf("/explain of nothing: %d %q", code, body)
	}
	if code, _ := get(t, h, "/nothing"); code != http.StatusNotFound {
		t.Errorf("unknown path: %d", code)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/status", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// slowClient is a client that takes an answer when it is told to.
type slowClient struct {
	*httptest.ResponseRecorder
	asked, take chan struct{}
}

func (c slowClient) Write(b []byte) (int, error) {
	c.asked <- struct{}{}
	<-c.take
	return c.ResponseRecorder.Write(b)
}

func TestAnswersUnderWayAreBounded(t *testing.T) {
	h := NewHandler(Source{Metrics: prometheus.NewRegistry(), Status: func() status.Status { return status.Status{} }}, quiet)
	asked, take, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	for range maxAnswers {
		go func() {
			h.ServeHTTP(slowClient{httptest.NewRecorder(), asked, take}, httptest.NewRequest(http.MethodGet, "/status", nil))
			done <- struct{}{}
		}()
	}
	for range maxAnswers {
		<-asked
	}
	if code, _ := get(t, h, "/status"); code != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", code)
	}
	close(take)
	for range maxAnswers {
		<-done
	}
	if code, _ := get(t, h, "/status"); code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
}

func TestBusyAddressIsAWarningOnly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := Listen(l.Addr().String(), quiet); got != nil {
		got.Close()
		t.Error("listened on a busy address")
	}
	if Listen(Off, quiet) != nil || Listen("", quiet) != nil {
		t.Error("off opened a listener")
	}
}

// serve runs Serve on a port of its own until the test ends.
func serve(t *testing.T, h http.Handler) (addr string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, h, quiet) }()
	t.Cleanup(cancel)
	return l.Addr().String(), func() error { cancel(); return <-done }
}

func TestServerEndsWithItsContext(t *testing.T) {
	addr, stop := serve(t, http.NotFoundHandler())
	resp, err := http.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still listening")
	}
}

// TestConnectionsAreBounded opens many more connections than are served, and looks at how many file descriptors that
// costs this process beyond the clients' own.
func TestConnectionsAreBounded(t *testing.T) {
	release := make(chan struct{})
	addr, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-release
	}))
	const clients = 4 * maxConnections
	before := descriptors(t)
	answered := make(chan struct{}, clients)
	var conns []net.Conn
	for range clients {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		go func() {
			if _, err := bufio.NewReader(c).ReadString('\n'); err == nil {
				answered <- struct{}{}
			}
		}()
	}
	for range maxConnections {
		<-answered
	}
	if served := descriptors(t) - before - clients; served > maxConnections+1 {
		t.Errorf("%d connections are open on the server's side, want at most %d and one that waits", served, maxConnections)
	}
	close(release) // the others get their turn
	for range clients - maxConnections {
		<-answered
	}
	for _, c := range conns {
		c.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// pipes is a Listener of in-memory connections.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestSilentClientsAreGivenUp(t *testing.T) {
	for said, limit := range map[string]time.Duration{
		"":         headerLimit,
		"GET / HT": headerLimit,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123": readLimit + idleLimit, // after the answer
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":                           idleLimit,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := make(pipes)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- Serve(ctx, l, http.NotFoundHandler(), quiet) }()
			client, server := net.Pipe()
			l <- server
			begin := time.Now()
			go io.WriteString(client, said)
			_, _ = io.Copy(io.Discard, client)
			if took := time.Since(begin); took > limit+time.Second {
				t.Errorf("%q: given up after %v, limit %v", said, took, limit)
			}
			client.Close()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// descriptors counts the open files of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
