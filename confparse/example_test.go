package confparse_test

import (
	"fmt"
	"os"
	"testing/fstest"

	"vigil/confparse"
)

// A configuration is read with a mistake in it: what is wrong has a place, and what can be used has its defaults.
func Example() {
	files := fstest.MapFS{"keepalived.conf": {Data: []byte(`vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priorty 150
    virtual_ipaddress {
        192.0.2.10/24
    }
}
`)}}
	config, problems := confparse.Load(files, "keepalived.conf", confparse.Env{Hostname: "lb1"})

	if err := problems.Render(os.Stdout); err != nil {
		fmt.Println(err)
	}
	fmt.Println("may be used:", !problems.HasFatal())
	vi := config.Instances[0]
	fmt.Println(vi.Name, "has priority", vi.Priority, "and an advert each", vi.AdvertInterval)
	for _, a := range vi.VirtualAddresses {
		fmt.Println(a.Prefix, "at", a.Range)
	}
	// Output:
	// keepalived.conf:4:5: warning: Unknown keyword 'priorty' [KA2001]
	//     4 |     priorty 150
	//       |     ^^^^^^^
	//       = did you mean 'priority'?
	// may be used: true
	// VI_1 has priority 100 and an advert each 1s
	// 192.0.2.10/24 at keepalived.conf:6
}
