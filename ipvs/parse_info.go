package ipvs

import (
	"net/netip"
)

// kernelInfo is the reply to GET_INFO.
type kernelInfo struct {
	version   uint32 // 0x010201 is 1.2.1
	tableSize uint32 // connection hash buckets
}

func parseInfo(msg []byte) (kernelInfo, error) {
	var i kernelInfo
	err := topLevel(msg, func(typ uint16, v []byte) error {
		f := field{v: v}
		switch typ {
		case infoVersion:
			i.version = f.u32()
		case infoTableSize:
			i.tableSize = f.u32()
		}
		return f.err
	})
	return i, err
}

// topLevel calls each for the attributes of a generic netlink message.
func topLevel(msg []byte, each func(typ uint16, v []byte) error) error {
	if len(msg) < genlHeaderLen {
		return errShort
	}
	return attributes(msg[genlHeaderLen:], each)
}

// parseTimeouts reads the reply to GET_CONFIG.
func parseTimeouts(msg []byte) (Timeouts, error) {
	var t Timeouts
	err := topLevel(msg, func(typ uint16, v []byte) error {
		f := field{v: v}
		switch typ {
		case attrTCP:
			t.TCP = f.u32()
		case attrTCPFin:
			t.TCPFin = f.u32()
		case attrUDP:
			t.UDP = f.u32()
		}
		return f.err
	})
	return t, err
}

// parseDaemon reads the reply to GET_DAEMON.
func parseDaemon(msg []byte) (SyncDaemon, error) {
	var d SyncDaemon
	err := nested(msg, attrDaemon, func(typ uint16, v []byte) error {
		f := field{v: v}
		switch typ {
		case daemonState:
			d.Role = SyncRole(f.u32())
		case daemonInterface:
			d.Interface = f.str()
		case daemonID:
			d.ID = f.u32()
		case daemonMaxLen:
			d.MaxLen = f.u16()
		case daemonGroup4:
			if f.has(4) {
				d.Group = netip.AddrFrom4([4]byte(v))
			}
		case daemonGroup6:
			if f.has(16) {
				d.Group = netip.AddrFrom16([16]byte(v))
			}
		case daemonPort:
			d.Port = f.u16()
		case daemonTTL:
			d.TTL = f.u8()
		}
		return f.err
	})
	return d, err
}

// parseFamily reads the number of a family from the controller's reply to GETFAMILY.
func parseFamily(msg []byte) (uint16, error) {
	var id uint16
	err := topLevel(msg, func(typ uint16, v []byte) error {
		f := field{v: v}
		if typ == ctrlFamilyID {
			id = f.u16()
		}
		return f.err
	})
	return id, err
}
