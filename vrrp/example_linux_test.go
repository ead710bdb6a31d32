package vrrp

import (
	"context"
	"fmt"
	"testing/fstest"

	"vigil/confparse"
)

// A virtual router that owns its address is MASTER at once, and gives it up when it is told to stop.
func Example() {
	files := fstest.MapFS{"keepalived.conf": {Data: []byte(`
		vrrp_instance VI_1 {
			state MASTER
			interface eth0
			virtual_router_id 51
			priority 255
			version 3
			advert_int 0.1
			virtual_ipaddress {
				10.77.51.100/24
			}
		}`)}}
	config, _ := confparse.Load(files, "keepalived.conf", confparse.Env{})

	var lan ethernet
	host := lan.newHost("10.77.0.1/24") // in memory; for the kernel: OpenKernel
	r, err := NewRunner(Options{Network: host})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	if err := r.Apply(ctx, FromConfig(config)); err != nil {
		fmt.Println(err)
	}

	tell := func() {
		for _, c := range r.TakeChanges() {
			fmt.Printf("%s: %v, address there: %v\n", c.Instance, c.To, host.has("10.77.51.100"))
		}
	}
	<-r.Changed()
	tell()
	fmt.Println("adverts with priority", r.Status().Instances[0].Priority)
	stop()
	if err := <-ended; err != nil {
		fmt.Println(err)
	}
	tell()
	// Output:
	// VI_1: MASTER, address there: true
	// adverts with priority 255
	// VI_1: INIT, address there: false
}
