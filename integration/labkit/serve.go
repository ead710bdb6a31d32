package labkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
			failed <- http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, name) // the client notices
			}))
		}()
	}
	fmt.Println("serving")
	return <-failed
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
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p, testlan.Until(ctx, name+" serves", func() error {
		if _, ok := p.Log.Find("serving", p.Started); !ok {
			return errors.New("not listening: " + p.Log.Tail(3))
		}
		return nil
	})
}
