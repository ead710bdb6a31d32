package ipvs

import (
	"encoding/binary"
	"net/netip"

	"vigil/confparse"
)

// nlNoop is the type of a netlink message that does nothing (netlink(7)).
const nlNoop = 1

// The generic netlink protocol of IPVS: linux/ip_vs.h, family "IPVS" version 1.
const genlVersion = 1

// Commands.
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
	cmdSetConfig  = 12
	cmdGetConfig  = 13
	cmdGetInfo    = 15
	cmdZero       = 16
	cmdFlush      = 17
)

// Attributes of a command.
const (
	attrService = 1
	attrDest    = 2
	attrDaemon  = 3
	attrTCP     = 4 // timeouts
	attrTCPFin  = 5
	attrUDP     = 6
)

// Attributes of a service.
const (
	svcFamily    = 1
	svcProtocol  = 2
	svcAddr      = 3
	svcPort      = 4
	svcFwmark    = 5
	svcScheduler = 6
	svcFlags     = 7
	svcTimeout   = 8
	svcNetmask   = 9
	svcStats     = 10
	svcPE        = 11
	svcStats64   = 12
)

// Attributes of a destination.
const (
	destAddr       = 1
	destPort       = 2
	destForwarding = 3
	destWeight     = 4
	destUpper      = 5
	destLower      = 6
	destActive     = 7
	destInactive   = 8
	destPersistent = 9
	destStats      = 10
	destFamily     = 11
	destStats64    = 12
	destTunType    = 13
	destTunPort    = 14
	destTunFlags   = 15
)

// Attributes of counters.
const (
	statsConns    = 1
	statsInPkts   = 2
	statsOutPkts  = 3
	statsInBytes  = 4
	statsOutBytes = 5

	statsConnRate    = 6 // per second, as all that follow
	statsInPktRate   = 7
	statsOutPktRate  = 8
	statsInByteRate  = 9
	statsOutByteRate = 10
)

// Attributes of a synchronization daemon.
const (
	daemonState     = 1
	daemonInterface = 2
	daemonID        = 3
	daemonMaxLen    = 4
	daemonGroup4    = 5
	daemonGroup6    = 6
	daemonPort      = 7 // in host order, as no other port is
	daemonTTL       = 8
)

// Attributes of the reply to cmdGetInfo.
const (
	infoVersion   = 1
	infoTableSize = 2
)

// The kernel's address families.
const (
	afInet  = 2
	afInet6 = 10
)

const (
	nlHeaderLen   = 16
	genlHeaderLen = 4
	forwardMask   = 0x0007 // IP_VS_CONN_F_FWD_MASK
)

var native = binary.NativeEndian

// request appends netlink messages to buf. It reuses the buffer, so that programming a table allocates nothing.
type request struct{ buf []byte }

// begin starts a message; end completes it.
func (r *request) begin(family uint16, cmd uint8, flags uint16, seq uint32) (start int) {
	start = len(r.buf)
	r.buf = append(r.buf, 0, 0, 0, 0) // length, filled in by end
	r.buf = native.AppendUint16(r.buf, family)
	r.buf = native.AppendUint16(r.buf, flags)
	r.buf = native.AppendUint32(r.buf, seq)
	r.buf = append(r.buf, 0, 0, 0, 0, cmd, genlVersion, 0, 0) // port id 0: the kernel fills in ours
	return start
}

func (r *request) end(start int) { native.PutUint32(r.buf[start:], uint32(len(r.buf)-start)) }

// noop appends a message that does nothing.
func (r *request) noop(flags uint16, seq uint32) {
	start := len(r.buf)
	r.buf = append(r.buf, 0, 0, 0, 0)
	r.buf = native.AppendUint16(r.buf, nlNoop)
	r.buf = native.AppendUint16(r.buf, flags)
	r.buf = native.AppendUint32(r.buf, seq)
	r.buf = append(r.buf, 0, 0, 0, 0)
	r.end(start)
}

// open starts an attribute; shut completes and pads it.
func (r *request) open(typ uint16) (start int) {
	start = len(r.buf)
	r.buf = append(r.buf, 0, 0)
	r.buf = native.AppendUint16(r.buf, typ)
	return start
}

func (r *request) shut(start int) {
	native.PutUint16(r.buf[start:], uint16(len(r.buf)-start))
	for len(r.buf)%4 != 0 {
		r.buf = append(r.buf, 0)
	}
}

func (r *request) u8(typ uint16, v uint8) {
	a := r.open(typ)
	r.buf = append(r.buf, v)
	r.shut(a)
}

func (r *request) u16(typ, v uint16) {
	a := r.open(typ)
	r.buf = native.AppendUint16(r.buf, v)
	r.shut(a)
}

func (r *request) be16(typ, v uint16) {
	a := r.open(typ)
	r.buf = binary.BigEndian.AppendUint16(r.buf, v)
	r.shut(a)
}

func (r *request) u32(typ uint16, v uint32) {
	a := r.open(typ)
	r.buf = native.AppendUint32(r.buf, v)
	r.shut(a)
}

func (r *request) str(typ uint16, s string) {
	a := r.open(typ)
	r.buf = append(append(r.buf, s...), 0)
	r.shut(a)
}

func (r *request) addr(typ uint16, ip netip.Addr) {
	a := r.open(typ)
	if ip.Is4() {
		b := ip.As4()
		r.buf = append(r.buf, b[:]...)
	} else {
		b := ip.As16()
		r.buf = append(r.buf, b[:]...)
	}
	r.shut(a)
}

// identity appends what the kernel finds a service by.
func (r *request) identity(k ServiceKey) {
	r.u16(svcFamily, kernelFamily(k.Family))
	if k.Fwmark != 0 {
		r.u32(svcFwmark, k.Fwmark)
		return
	}
	r.u16(svcProtocol, uint16(k.Protocol))
	r.addr(svcAddr, k.Addr)
	r.be16(svcPort, k.Port)
}

func (r *request) serviceIdentity(k ServiceKey) {
	a := r.open(attrService)
	r.identity(k)
	r.shut(a)
}

func (r *request) service(k ServiceKey, s ServiceAttrs) {
	a := r.open(attrService)
	r.identity(k)
	r.str(svcScheduler, s.Scheduler)
	if s.PE != "" {
		r.str(svcPE, s.PE)
	}
	f := r.open(svcFlags)
	r.buf = native.AppendUint32(r.buf, uint32(s.Flags))
	r.buf = native.AppendUint32(r.buf, ^uint32(0)) // mask: all flags are meant
	r.shut(f)
	r.u32(svcTimeout, s.Timeout)
	r.u32(svcNetmask, WireNetmask(k.Family, s.Netmask))
	r.shut(a)
}

func (r *request) dest(d DestKey, s DestAttrs) {
	a := r.open(attrDest)
	r.addr(destAddr, d.Addr())
	r.be16(destPort, d.Port())
	r.u32(destForwarding, uint32(s.Forwarding))
	r.u32(destWeight, uint32(s.Weight))
	r.u32(destUpper, s.UpperThreshold)
	r.u32(destLower, s.LowerThreshold)
	r.u16(destFamily, kernelFamily(wireFamily(d.Addr())))
	if s.Forwarding == confparse.TUN {
		r.u8(destTunType, uint8(s.Tunnel.Type))
		r.be16(destTunPort, s.Tunnel.Port)
		r.u16(destTunFlags, uint16(s.Tunnel.Flags))
	}
	r.shut(a)
}

func (r *request) destIdentity(d DestKey) {
	a := r.open(attrDest)
	r.addr(destAddr, d.Addr())
	r.be16(destPort, d.Port())
	// The kernel parses the rest of a destination only for the commands that need it.
	r.u16(destFamily, kernelFamily(wireFamily(d.Addr())))
	r.shut(a)
}

func (r *request) daemon(d *SyncDaemon) {
	a := r.open(attrDaemon)
	r.u32(daemonState, uint32(d.Role))
	r.str(daemonInterface, d.Interface)
	r.u32(daemonID, d.ID)
	if d.MaxLen != 0 {
		r.u16(daemonMaxLen, d.MaxLen)
	}
	switch {
	case d.Group.Is4():
		r.addr(daemonGroup4, d.Group)
	case d.Group.Is6():
		r.addr(daemonGroup6, d.Group)
	}
	if d.Port != 0 {
		r.u16(daemonPort, d.Port)
	}
	if d.TTL != 0 {
		r.u8(daemonTTL, d.TTL)
	}
	r.shut(a)
}

func (r *request) timeouts(t *Timeouts) {
	r.u32(attrTCP, t.TCP)
	r.u32(attrTCPFin, t.TCPFin)
	r.u32(attrUDP, t.UDP)
}

// cmdOf is the command of each kind of operation.
var cmdOf = [kinds]uint8{AddService: cmdNewService, SetService: cmdSetService, DelService: cmdDelService,
	AddDest: cmdNewDest, SetDest: cmdSetDest, DelDest: cmdDelDest, ZeroCounters: cmdZero, SetTimeouts: cmdSetConfig,
	StartSync: cmdNewDaemon, StopSync: cmdDelDaemon}

// op appends the message of an operation.
func (r *request) op(family uint16, o Op, flags uint16, seq uint32) {
	m := r.begin(family, cmdOf[o.Kind], flags, seq)
	switch o.Kind {
	case AddService, SetService:
		r.service(o.Service, o.Attrs)
	case DelService:
		r.serviceIdentity(o.Service)
	case AddDest, SetDest:
		r.serviceIdentity(o.Service)
		r.dest(o.Dest, o.DestAttrs)
	case DelDest:
		r.serviceIdentity(o.Service)
		r.destIdentity(o.Dest)
	case ZeroCounters:
		if o.Service != (ServiceKey{}) {
			r.serviceIdentity(o.Service)
		}
	case SetTimeouts:
		r.timeouts(o.Timeouts)
	case StartSync, StopSync:
		r.daemon(o.Sync)
	}
	r.end(m)
}

func kernelFamily(f confparse.Family) uint16 {
	if f == confparse.IPv6 {
		return afInet6
	}
	return afInet
}

// WireNetmask is the value of ServiceAttrs.Netmask whose native encoding is what the kernel wants: an IPv4 mask in network byte order, an IPv6
// prefix length as a number. It is its own inverse.
func WireNetmask(f confparse.Family, mask uint32) uint32 {
	if f == confparse.IPv6 {
		return mask
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], mask)
	return native.Uint32(b[:])
}
