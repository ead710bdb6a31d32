package healthcheck_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"vigil/confparse"
	"vigil/healthcheck"
)

// A check finds that nothing listens on port 1, and its server goes down.
func Example() {
	files := fstest.MapFS{"keepalived.conf": {Data: []byte(`
		virtual_server 192.0.2.1 80 {
			protocol TCP
			lb_algo rr
			lb_kind NAT
			real_server 127.0.0.1 1 {
				TCP_CHECK {
					connect_timeout 5
					warmup 0
				}
			}
		}`)}}
	config, _ := confparse.Load(files, "keepalived.conf", confparse.Env{})

	m := healthcheck.NewManager(healthcheck.Options{})
	for _, vs := range m.Apply(healthcheck.FromConfig(config)).VirtualServers {
		fmt.Println(vs.ID, "starts with", vs.RealServers[0].ID, "up:", vs.RealServers[0].Up)
	}

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	<-m.Changed()
	for _, c := range m.Take() {
		if c.RealServer.Addr.IsValid() {
			fmt.Println(c.RealServer, "up:", c.Up, "found at its first check:", c.Initial)
		}
	}
	fmt.Println(m.Status().VirtualServers[0].RealServers[0].Checks[0].Code)
	stop()
	<-ended
	// Output:
	// [192.0.2.1]:tcp:80 starts with [127.0.0.1]:tcp:1 up: true
	// [127.0.0.1]:tcp:1 up: false found at its first check: true
	// L4CON
}
