package vrrp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vigil/internal/testlan"
	"vigil/vrrp/lan/lantest"
)

// membership is what a report of IGMPv3 (RFC 3376 section 4.2) or MLDv2 (RFC 3810 section 5.2) says of a group: "join", "leave" or "".
func membership(f testlan.Frame, group netip.Addr) string {
	const toInclude, toExclude = 3, 4
	if len(f.Data) < 14+40 {
		return ""
	}
	body := f.Data[14:]
	var records []byte
	size := 4
	switch binary.BigEndian.Uint16(f.Data[12:]) {
	case 0x0800:
		body = body[min(int(body[0]&0x0f)*4, len(body)):]
		if f.Data[14+9] != 2 || len(body) < 8 || body[0] != 0x22 {
			return ""
		}
		records = body
	case 0x86dd:
		if body[6] != 0 || len(body) < 40+8+8 || body[40] != 58 || body[48] != 143 {
			return ""
		}
		records, size = body[48:], 16
	default:
		return ""
	}
	count := int(binary.BigEndian.Uint16(records[6:]))
	for records = records[8:]; count > 0 && len(records) >= 4+size; count-- {
		if addr, _ := netip.AddrFromSlice(records[4 : 4+size]); addr == group {
			switch {
			case records[0] == toExclude:
				return "join"
			case records[0] == toInclude && binary.BigEndian.Uint16(records[2:]) == 0:
				return "leave"
			}
		}
		records = records[min(4+size+size*int(binary.BigEndian.Uint16(records[2:]))+4*int(records[1]), len(records)):]
	}
	return ""
}

// TestVRRPCase40: the groups of both families are joined at the start and left at the stop.
func TestVRRPCase40(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	record := a.Capture(lab)
	const v6 = "vrrp_instance V6 {\ninterface eth0\nvirtual_router_id 51\nadvert_int 0.2\nvirtual_ipaddress {\nfe80::100/64\n}\n}\n"
	said := func(since time.Time, group netip.Addr, what string) {
		t.Helper()
		lantest.Until(t, what+" "+group.String(), func() error {
			for _, f := range record.Frames() {
				if !f.Time.Before(since) && membership(f, group) == what {
					return nil
				}
			}
			return errors.New("not seen")
		})
	}
	begun := time.Now()
	_, stop := runConfig(t, a, routerText(isV3)+v6)
	for _, group := range []netip.Addr{group4, group6} {
		said(begun, group, "join")
	}
	// And before the first advert, which is before the first announcement. (What made the laboratory may still be leaving.)
	var order []string
	lantest.Until(t, "an announcement", func() error {
		order = nil
		for _, f := range record.Frames() {
			what := membership(f, group4)
			if _, advert := f.Advert(); advert {
				what = "advert"
			} else if _, garp := f.Announcement(); garp {
				what = "announcement"
			}
			if what != "" && what != "leave" && !slices.Contains(order, what) {
				order = append(order, what)
			}
		}
		if len(order) < 3 {
			return fmt.Errorf("%v", order)
		}
		return nil
	})
	if !slices.Equal(order, []string{"join", "advert", "announcement"}) {
		t.Errorf("order %v", order)
	}
	stopped := time.Now()
	stop()
	for _, group := range []netip.Addr{group4, group6} {
		said(stopped, group, "leave")
	}
}
