package ipvs

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"vigil/confparse"
)

var errShort = errors.New("netlink message is cut short")

// attributes calls each for every attribute in b, until it fails.
func attributes(b []byte, each func(typ uint16, v []byte) error) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return errShort
		}
		n := int(native.Uint16(b))
		if n < 4 || n > len(b) {
			return errShort
		}
		const flags = 0xc000 // NLA_F_NESTED, NLA_F_NET_BYTEORDER
		if err := each(native.Uint16(b[2:])&^flags, b[4:n]); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// nested calls each for the attributes inside the attribute typ of a generic netlink message.
func nested(msg []byte, typ uint16, each func(typ uint16, v []byte) error) error {
	found := false
	err := topLevel(msg, func(t uint16, v []byte) error {
		if t != typ {
			return nil
		}
		found = true
		return attributes(v, each)
	})
	if err == nil && !found {
		return fmt.Errorf("netlink message has no attribute %d", typ)
	}
	return err
}

// field reads numbers of an attribute and remembers that one was too short.
type field struct {
	v   []byte
	err error
}

func (f *field) has(n int) bool {
	if len(f.v) < n {
		f.err = errShort
		return false
	}
	return true
}

func (f *field) u8() uint8 {
	if !f.has(1) {
		return 0
	}
	return f.v[0]
}

func (f *field) u16() uint16 {
	if !f.has(2) {
		return 0
	}
	return native.Uint16(f.v)
}

func (f *field) be16() uint16 {
	if !f.has(2) {
		return 0
	}
	return uint16(f.v[0])<<8 | uint16(f.v[1])
}

func (f *field) u32() uint32 {
	if !f.has(4) {
		return 0
	}
	return native.Uint32(f.v)
}

func (f *field) u64() uint64 {
	if !f.has(8) {
		return 0
	}
	return native.Uint64(f.v)
}

func (f *field) str() string {
	s, _, _ := bytes.Cut(f.v, []byte{0})
	return string(s)
}

// parseService reads the reply to a GET_SERVICE: a generic netlink message without its netlink header.
func parseService(msg []byte) (ServiceStats, ServiceAttrs, error) {
	var (
		s    ServiceStats
		a    ServiceAttrs
		addr []byte
		mask uint32
		fam  uint16
		c32  usage
		c64  *usage
	)
	err := nested(msg, attrService, func(typ uint16, v []byte) error {
		f := field{v: v}
		switch typ {
		case svcFamily:
			fam = f.u16()
		case svcProtocol:
			s.Key.Protocol = confparse.Protocol(f.u16())
		case svcAddr:
			addr = v
		case svcPort:
			s.Key.Port = f.be16()
		case svcFwmark:
			s.Key.Fwmark = f.u32()
		case svcScheduler:
			a.Scheduler = f.str()
		case svcPE:
			a.PE = f.str()
		case svcFlags:
			a.Flags = Flags(f.u32()) &^ Hashed
		case svcTimeout:
			a.Timeout = f.u32()
		case svcNetmask:
			mask = f.u32()
		case svcStats:
			return parseCounters(v, &c32)
		case svcStats64:
			c64 = new(usage)
			return parseCounters(v, c64)
		}
		return f.err
	})
	if err != nil {
		return s, a, fmt.Errorf("service: %w", err)
	}
	if s.Key.Family, err = familyOf(fam); err != nil {
		return s, a, fmt.Errorf("service: %w", err)
	}
	if s.Key.Fwmark == 0 {
		if s.Key.Addr, err = address(s.Key.Family, addr); err != nil {
			return s, a, fmt.Errorf("service: %w", err)
		}
	} else {
		s.Key.Protocol, s.Key.Port = 0, 0
	}
	a.Netmask = WireNetmask(s.Key.Family, mask)
	s.Counters, s.Rates = prefer(c64, c32)
	return s, a, nil
}

// parseDest reads the reply to a GET_DEST of a service of family f, which is the destination's where none is given.
func parseDest(msg []byte, f confparse.Family) (DestStats, DestAttrs, error) {
	var (
		s    DestStats
		a    DestAttrs
		addr []byte
		port uint16
		c32  usage
		c64  *usage
	)
	err := nested(msg, attrDest, func(typ uint16, v []byte) error {
		x := field{v: v}
		switch typ {
		case destAddr:
			addr = v
		case destPort:
			port = x.be16()
		case destForwarding:
			a.Forwarding = confparse.Forwarding(x.u32() & forwardMask)
		case destWeight:
			a.Weight = int32(x.u32())
		case destUpper:
			a.UpperThreshold = x.u32()
		case destLower:
			a.LowerThreshold = x.u32()
		case destActive:
			s.Active = x.u32()
		case destInactive:
			s.Inactive = x.u32()
		case destPersistent:
			s.Persistent = x.u32()
		case destFamily:
			fam, err := familyOf(x.u16())
			f = fam
			return errors.Join(x.err, err)
		case destTunType:
			a.Tunnel.Type = confparse.TunnelType(x.u8())
		case destTunPort:
			a.Tunnel.Port = x.be16()
		case destTunFlags:
			a.Tunnel.Flags = confparse.TunnelFlags(x.u16())
		case destStats:
			return parseCounters(v, &c32)
		case destStats64:
			c64 = new(usage)
			return parseCounters(v, c64)
		}
		return x.err
	})
	if err != nil {
		return s, a, fmt.Errorf("destination: %w", err)
	}
	ip, err := address(f, addr)
	if err != nil {
		return s, a, fmt.Errorf("destination: %w", err)
	}
	if a.Forwarding != confparse.TUN {
		a.Tunnel = confparse.Tunnel{}
	}
	s.Key = netip.AddrPortFrom(ip, port)
	s.Counters, s.Rates = prefer(c64, c32)
	return s, a, nil
}

// usage is the content of STATS or STATS64.
type usage struct {
	Counters
	rates Rates
}

func prefer(c64 *usage, c32 usage) (Counters, Rates) {
	if c64 != nil {
		c32 = *c64
	}
	return c32.Counters, c32.rates
}

// parseCounters reads STATS, whose counts are 32 bits wide and bytes 64, and STATS64, where all are 64.
func parseCounters(b []byte, c *usage) error {
	return attributes(b, func(typ uint16, v []byte) error {
		f := field{v: v}
		count := func() uint64 {
			if len(v) >= 8 {
				return f.u64()
			}
			return uint64(f.u32())
		}
		switch typ {
		case statsConns:
			c.Connections = count()
		case statsInPkts:
			c.PacketsIn = count()
		case statsOutPkts:
			c.PacketsOut = count()
		case statsInBytes:
			c.BytesIn = count()
		case statsOutBytes:
			c.BytesOut = count()
		case statsConnRate:
			c.rates.Connections = count()
		case statsInPktRate:
			c.rates.PacketsIn = count()
		case statsOutPktRate:
			c.rates.PacketsOut = count()
		case statsInByteRate:
			c.rates.BytesIn = count()
		case statsOutByteRate:
			c.rates.BytesOut = count()
		}
		return f.err
	})
}

func familyOf(af uint16) (confparse.Family, error) {
	switch af {
	case afInet:
		return confparse.IPv4, nil
	case afInet6:
		return confparse.IPv6, nil
	}
	return confparse.FamilyUnknown, fmt.Errorf("unknown address family %d", af)
}

// address reads an address as the kernel writes it: 16 bytes, of which IPv4 uses the first four.
func address(f confparse.Family, b []byte) (netip.Addr, error) {
	switch {
	case f == confparse.IPv4 && len(b) >= 4:
		return netip.AddrFrom4([4]byte(b)), nil
	case f == confparse.IPv6 && len(b) >= 16:
		return netip.AddrFrom16([16]byte(b)), nil
	}
	return netip.Addr{}, errShort
}
