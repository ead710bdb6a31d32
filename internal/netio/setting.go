package netio

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Setting is an IPv4 setting of interfaces, a file below /proc/sys/net/ipv4/conf.
type Setting struct {
	name string
	conf int // IPV4_DEVCONF_* of linux/ip.h
}

// The settings that virtual MAC addresses need.
var (
	RPFilter           = Setting{"rp_filter", 8}
	ARPFilter          = Setting{"arp_filter", 13}
	ARPAnnounce        = Setting{"arp_announce", 18}
	ARPIgnore          = Setting{"arp_ignore", 19}
	PromoteSecondaries = Setting{"promote_secondaries", devconfPromoteSecondaries}
	AcceptLocal        = Setting{"accept_local", 23}
)

// What stands in the place of an interface for all of them together, and for those to come.
const (
	everyInterface   = "all"
	futureInterfaces = "default"
)

const localIGMPReports = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"

// String returns the name of the file.
func (s Setting) String() string { return s.name }

func (s Setting) file(link string) string { return "/proc/sys/net/ipv4/conf/" + link + "/" + s.name }

// Setting reads a setting of an interface. The error wraps fs.ErrNotExist when there is no such interface.
func (h *Handle) Setting(link string, s Setting) (uint32, error) { return h.number(s.file(link)) }

// Set changes a setting of an interface, over rtnetlink where /proc/sys cannot be written, as in a container. That it is
// so already is a success.
func (h *Handle) Set(link Link, s Setting, value uint32) error {
	file := s.file(link.Name)
	if is, err := h.number(file); err == nil && is == value {
		return nil
	}
	err := h.write(file, value)
	if errors.Is(err, os.ErrNotExist) || err == nil {
		return err
	}
	if devconf := h.setDevconf(link.Index, s.conf, value); devconf != nil {
		return fmt.Errorf("set %s of %s: %w", s, link.Name, errors.Join(err, devconf))
	}
	return nil
}

// AllRPFilter returns rp_filter of all interfaces together: of it and an interface's own the greater one counts.
func (h *Handle) AllRPFilter() (uint32, error) { return h.Setting(everyInterface, RPFilter) }

// SetAllRPFilter sets rp_filter of all interfaces together.
func (h *Handle) SetAllRPFilter(value uint32) error {
	return h.write(RPFilter.file(everyInterface), value)
}

// RaiseRPFilter raises rp_filter of each interface, present and future, to least. The function returned puts back those that
// were less, unless they are otherwise by then.
func (h *Handle) RaiseRPFilter(least uint32) (undo func() error, err error) {
	raised := make(map[string]uint32)
	undo = func() (err error) {
		for name, before := range raised {
			if is, e := h.Setting(name, RPFilter); e == nil && is == least {
				if e := h.write(RPFilter.file(name), before); !errors.Is(e, os.ErrNotExist) {
					err = errors.Join(err, e)
				}
			}
		}
		return err
	}
	links, err := h.Links()
	if err != nil {
		return undo, err
	}
	names := []string{futureInterfaces}
	for _, l := range links {
		names = append(names, l.Name)
	}
	for _, name := range names {
		is, e := h.Setting(name, RPFilter)
		if e != nil || is >= least {
			continue
		}
		switch e := h.write(RPFilter.file(name), least); {
		case e == nil:
			raised[name] = is
		case !errors.Is(e, os.ErrNotExist):
			err = errors.Join(err, e)
		}
	}
	return undo, err
}

// EnableIPv6 switches IPv6 on or off for an interface. That it is so already is a success.
func (h *Handle) EnableIPv6(link string, on bool) error {
	file := "/proc/sys/net/ipv6/conf/" + link + "/disable_ipv6"
	want := uint32(1)
	if on {
		want = 0
	}
	is, err := h.number(file)
	if errors.Is(err, os.ErrNotExist) && !on {
		return nil // a kernel without IPv6
	}
	if err == nil && is == want {
		return nil
	}
	return h.write(file, want)
}

// LocalIGMPReports returns whether the kernel reports that it is in IPv4 groups of 224.0.0.0/24, and SetLocalIGMPReports
// changes that.
func (h *Handle) LocalIGMPReports() (bool, error) {
	v, err := h.number(localIGMPReports)
	return v != 0, err
}

// SetLocalIGMPReports has the kernel report its membership in groups of 224.0.0.0/24, or not.
func (h *Handle) SetLocalIGMPReports(on bool) error {
	value := uint32(0)
	if on {
		value = 1
	}
	return h.write(localIGMPReports, value)
}

func (h *Handle) number(file string) (uint32, error) {
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile(file)
		return err
	})
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	return uint32(v), err
}

func (h *Handle) write(file string, value uint32) error {
	return h.Do(func() error { return os.WriteFile(file, strconv.AppendUint(nil, uint64(value), 10), 0) })
}
