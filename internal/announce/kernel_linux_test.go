package announce

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/internal/netio"
	"vigil/internal/testlan"
)

// TestKernel: on a real machine addresses come, come back when somebody removes them or makes the interface anew, are local, and go;
// an address of the operator's beside them stays.
func TestKernel(t *testing.T) {
	host, err := testlan.ForTest(t).Host("director")
	if err != nil {
		t.Fatal(err)
	}
	ip := func(words string) string {
		t.Helper()
		out, err := host.Output(t.Context(), append([]string{"ip"}, strings.Fields(words)...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	add := func() { // not every kernel has dummies
		t.Helper()
		ip("link add dummy0 type veth peer name peer0")
		ip("link set peer0 up")
		ip("link set dummy0 up")
	}
	add()
	ip("addr add 192.0.2.250/24 dev dummy0")
	k := keep(t, nil, func(o *Options) {
		o.Open = func() (n Network, err error) {
			err = host.Do(func() (err error) {
				n, err = netio.Open()
				return err
			})
			return n, err
		}
	}).run()
	places := map[Place]Want{web: Present, mail: Present}
	for i := range 200 {
		places[Place{"dummy0", netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})}] = Present
	}
	k.Set(places)
	want := func(when string, n int, some ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := testlan.Until(ctx, when, func() error {
			out, err := host.Output(ctx, "ip", "-o", "addr", "show", "dev", "dummy0")
			var list []string
			for line := range strings.Lines(out) {
				if words := strings.Fields(line); len(words) > 3 && !strings.HasPrefix(words[3], "fe80:") {
					list = append(list, words[3])
				}
			}
			if err == nil && (len(list) != n || slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(list, s) })) {
				err = fmt.Errorf("%d addresses, want %d with %v: %v", len(list), n, some, k.Failure())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want("they come", 203, "192.0.2.1/32", "2001:db8::1/128", "192.0.2.250/24")
	if out := ip("route get 192.0.2.1"); !strings.HasPrefix(out, "local ") {
		t.Errorf("192.0.2.1 is %s", out)
	}
	ip("addr del 192.0.2.1/32 dev dummy0")
	ip("addr del 2001:db8::1/128 dev dummy0")
	want("they come back", 203, "192.0.2.1/32", "2001:db8::1/128")
	ip("link set dummy0 down")
	ip("link set dummy0 up")
	want("after the interface was down", 203, "192.0.2.1/32", "2001:db8::1/128") // whose IPv6 addresses go meanwhile
	ip("link del dummy0")
	add()
	want("on another interface of the name", 202, "192.0.2.1/32", "2001:db8::1/128")
	k.Want(map[Place]Want{web: Absent, mail: Absent})
	want("some go", 200)
	ip("addr add 192.0.2.250/24 dev dummy0")
	k.end()
	want("the end", 1, "192.0.2.250/24")
	if log := k.log.String(); strings.Contains(log, "stay behind") {
		t.Error(log)
	}
}
