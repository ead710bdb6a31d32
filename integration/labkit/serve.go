package labkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"vigil/internal/testlan"
)

// serve answers every request on the addresses with the name.
func serve(name string, addresses []string) error {
	failed := make(chan error)
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		go func() {
			server := &http.Server{ConnState: reportChecks(), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, name) // the client notices
			})}
			failed <- server.Serve(l)
		}()
	}
	fmt.Println("serving")
	return <-failed
}

// reportChecks writes a line for each connection that was closed without a request: that is what a TCP health check is.
func reportChecks() func(net.Conn, http.ConnState) {
	var mu sync.Mutex
	fresh := map[net.Conn]bool{}
	return func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			fresh[c] = true
		case http.StateClosed:
			if fresh[c] {
				from, _ := netip.ParseAddrPort(c.RemoteAddr().String())
				to, _ := netip.ParseAddrPort(c.LocalAddr().String())
				fmt.Println(checkLine(from.Addr(), to.Port()))
			}
			delete(fresh, c)
		default:
			delete(fresh, c)
		}
	}
}

func checkLine(by netip.Addr, port uint16) string {
	return fmt.Sprintf("checked by %s at port %d.", by.Unmap(), port)
}

// WaitChecked waits until a health checker at an address has connected to the server's port since a time.
func (s *Server) WaitChecked(ctx context.Context, by netip.Addr, port uint16, since time.Time) error {
	line := checkLine(by, port)
	return testlan.Until(ctx, s.Name+" "+line, func() error {
		if _, ok := s.Process.Log.Find(line, since); !ok {
			return errors.New("no such connection")
		}
		return nil
	})
}

// StartServer runs a web server that answers with the name, and waits until it listens.
func StartServer(h *testlan.Host, name string, addresses ...string) (*testlan.Process, error) {
	argv, err := self(append([]string{"serve", name}, addresses...)...)
	if err != nil {
		return nil, err
	}
	p, err := h.Start(name, nil, argv...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	return p, testlan.Until(ctx, name+" serves", func() error {
		if _, ok := p.Log.Find("serving", p.Started); !ok {
			return errors.New("not listening: " + p.Log.Tail(3))
		}
		return nil
	})
}
