// Package web is the face that the process shows over HTTP: /metrics, /healthz, /status and /explain. It reads and changes nothing.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vigil/internal/status"
)

// Off is the address that opens no listener.
const Off = "off"

// What one process of many may use. The file descriptors are wanted by the health checks, and a client that holds its
// connections and says nothing must not keep others out.
const (
	maxConnections = 16
	maxAnswers     = 4 // of each of the large ones at a time: a director of many servers writes megabytes
	maxHeader      = 16 << 10
	headerLimit    = 2 * time.Second
	readLimit      = 5 * time.Second
	writeLimit     = 30 * time.Second // a large director's /status over a slow line
	idleLimit      = 10 * time.Second
	// shutdownLimit is how long an answer under way may take to finish when the daemon stops.
	shutdownLimit = 500 * time.Millisecond
)

// Source is what is served. The functions are called from request goroutines.
type Source struct {
	Metrics prometheus.Gatherer
	// Status returns a value that nobody changes any more.
	Status func() status.Status
	// Explain returns why virtual routers are what they are: the one called name, or all for "".
	Explain func(ctx context.Context, name string) (status.Explanations, error)
	// Unready says what keeps the daemon from doing its job, or "".
	Unready func() string
}

// NewHandler serves src.
func NewHandler(src Source, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", newGate(promhttp.HandlerFor(src.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError})))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if reason := src.Unready(); reason != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(reason + "\n"))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.Handle("GET /status", newGate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, src.Status(), log)
	})))
	mux.Handle("GET /explain", newGate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, err := src.Explain(r.Context(), r.URL.Query().Get("instance"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		writeJSON(w, all, log)
	})))
	return mux
}

func writeJSON(w http.ResponseWriter, v any, log *slog.Logger) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		log.Debug("write JSON", "err", err)
	}
}

// Listen opens the listener; nil when addr is Off or "". Monitoring is never worth a director: an address that cannot
// be had is a warning.
func Listen(addr string, log *slog.Logger) net.Listener {
	if addr == Off || addr == "" {
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Warn("metrics are not served; choose another address with --metrics-listen", "err", err)
		return nil
	}
	return l
}

// Serve serves h on l until ctx ends. The connections are bounded: when others come, those that have nothing to be
// answered give way.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	all := newClients(l, maxConnections)
	s := &http.Server{Handler: all.serving(h), ConnContext: withClient, ReadHeaderTimeout: headerLimit, ReadTimeout: readLimit, WriteTimeout: writeLimit, IdleTimeout: idleLimit,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	defer func() { cancel(); <-stopped }()
	go func() {
		defer close(stopped)
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
		defer cancel()
		if s.Shutdown(limit) != nil {
			s.Close()
		}
	}()
	if err := s.Serve(all); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
