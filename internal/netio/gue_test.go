package netio

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestGUEPort(t *testing.T) {
	for _, c := range []struct {
		port   GUEPort
		text   string
		family int
	}{
		{GUEPort{Port: 6080}, "UDP port 6080 (IPv4)", unix.AF_INET},
		{GUEPort{Port: 6081, IPv6: true}, "UDP port 6081 (IPv6)", unix.AF_INET6},
	} {
		f := c.port.fou()
		if c.port.String() != c.text || f.Family != c.family || f.Port != int(c.port.Port) || f.EncapType != netlink.FOU_ENCAP_GUE {
			t.Errorf("%v: %+v, want %s", c.port, f, c.text)
		}
	}
}
