package vrrp

import (
	"flag"
	"os"
	"testing"
)

// TestMain has tests that wait for a wire do so beside each other, more of them than there are processors: each has network
// namespaces of its own and uses next to no processor time.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
