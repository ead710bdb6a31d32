package daemon

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestMetricsHealthAndStatusAreServed(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := newMetrics(reg)
	m.loaded(time.Unix(1000, 0))
	m.reloaded(reloadRefused, time.Unix(2000, 0), time.Millisecond)
	reason := ""
	v := newView(reg)
	h := newHandler(v, v.status, func() string { return reason }, discardLogger())

	code, body := get(t, h, "/metrics")
	if code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", code, body)
	}
	for _, line := range []string{
		"keepalived_up 1",
		"keepalived_config_last_reload_successful 0",
		"keepalived_config_last_reload_success_timestamp_seconds 1000",
		`keepalived_config_reloads_total{result="refused"} 1`,
		`keepalived_config_reloads_total{result="applied"} 0`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("/metrics lacks %q", line)
		}
	}
	if code, body := get(t, h, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	reason = "no table"
	if code, body := get(t, h, "/healthz"); code != http.StatusServiceUnavailable || body != "no table\n" {
		t.Errorf("/healthz when not in order: %d %q", code, body)
	}
	code, body = get(t, h, "/status")
	var s struct {
		Version string
		VRRP    any
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK || s.Version != Version || s.VRRP != nil {
		t.Errorf("/status: %d %v %q", code, err, body)
	}
	if code, _ := get(t, h, "/nothing"); code != http.StatusNotFound {
		t.Errorf("unknown path: %d", code)
	}
}

func TestBusyMetricsAddressIsAWarningOnly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var b strings.Builder
	if got := listenHTTP(l.Addr().String(), slog.New(slog.NewTextHandler(&b, nil))); got != nil {
		got.Close()
		t.Error("listened on a busy address")
	}
	if !strings.Contains(b.String(), "level=WARN") || !strings.Contains(b.String(), "--metrics-listen") {
		t.Errorf("log: %s", b.String())
	}
	if listenHTTP(listenOff, discardLogger()) != nil {
		t.Error("off opened a listener")
	}
}

func TestHTTPServerEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveHTTP(ctx, l, http.NotFoundHandler(), discardLogger()) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still listening")
	}
}
