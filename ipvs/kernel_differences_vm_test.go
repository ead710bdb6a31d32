package ipvs_test

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"vigil/ipvs"
)

// kernelDifferences is all in which kernels differ that these tests have met: what each says to one operation on a destination
// of a service, by its release (uname -r). A kernel that is not listed may say any of it, so that no test depends on which is
// installed; and nothing in the program may depend on it either (FromConfig never asks for such a threshold).
var kernelDifferences = []struct {
	what  string
	attrs ipvs.DestAttrs
	says  map[string]error
}{
	{"threshold that is negative as an int", ipvs.DestAttrs{UpperThreshold: 1 << 31}, map[string]error{
		"6.1.0-48-amd64":       nil,
		"6.1.0-56-amd64":       syscall.EINVAL,
		"6.12.117+deb13-amd64": syscall.EINVAL,
		"7.2.13+deb14-amd64":   syscall.EINVAL,
	}},
}

func TestKernelDifferences(t *testing.T) {
	k := requireKernel(t)
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	s, d := tcp("10.4.0.1:80"), netip.MustParseAddrPort("192.168.0.2:80")
	for _, c := range kernelDifferences {
		errs := k.Apply(t.Context(), []ipvs.Op{
			{Kind: ipvs.AddService, Service: s, Attrs: attrs(s, "rr")},
			{Kind: ipvs.AddDest, Service: s, Dest: d, DestAttrs: c.attrs},
			{Kind: ipvs.DelService, Service: s},
		})
		if errs[0] != nil || errs[2] != nil {
			t.Fatalf("%s: the service: %v", c.what, errs)
		}
		var possible []error
		for listed, says := range c.says {
			if listed == release {
				possible = []error{says}
				break
			}
			possible = append(possible, says)
		}
		if !slices.ContainsFunc(possible, func(want error) bool { return errors.Is(errs[1], want) }) {
			t.Errorf("%s on %s: %v, want one of %v", c.what, release, errs[1], possible)
		}
		t.Logf("%s on %s: %v", c.what, release, errs[1])
	}
}
