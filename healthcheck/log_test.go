package healthcheck

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"vigil/confparse"
)

// serversInOne is a Spec of one virtual server with n real servers, a check on each.
func serversInOne(n int) Spec {
	cfg := &confparse.Config{}
	vs := &confparse.VirtualServer{Quorum: 1,
		ID: confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.1"), Port: 80}}
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		vs.RealServers = append(vs.RealServers, &confparse.RealServer{Weight: 1,
			ID: confparse.RealServerID{VS: vs.ID, Addr: addr, Port: 80},
			Checkers: []*confparse.Checker{{Kind: confparse.TCPCheck, DelayLoop: time.Minute,
				Connect: confparse.Connect{Addr: addr, Port: 80, Timeout: time.Second}}}})
	}
	cfg.VirtualServers = append(cfg.VirtualServers, vs)
	return FromConfig(cfg)
}

func TestManyChecksBeginWithOneLine(t *testing.T) {
	for _, tt := range []struct {
		servers, lines int
		level          slog.Level
	}{
		{manyActivations, manyActivations, slog.LevelInfo},
		{manyActivations + 1, 1, slog.LevelInfo},
		{manyActivations + 1, manyActivations + 2, slog.LevelDebug},
	} {
		t.Run(fmt.Sprintf("%d at %v", tt.servers, tt.level), func(t *testing.T) {
			var b bytes.Buffer
			m := NewManager(Options{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: tt.level}))})
			m.Apply(serversInOne(tt.servers))
			if got := bytes.Count(b.Bytes(), []byte("\n")); got != tt.lines {
				t.Errorf("%d lines, want %d", got, tt.lines)
			}
		})
	}
}
