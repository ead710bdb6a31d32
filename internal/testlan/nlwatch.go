package testlan

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Commands of the IPVS generic netlink family, <linux/ip_vs.h>, by the names the specification of the table uses.
var ipvsCommands = map[uint8]string{1: "NEW_SERVICE", 2: "SET_SERVICE", 3: "DEL_SERVICE", 5: "NEW_DEST", 6: "SET_DEST", 7: "DEL_DEST",
	9: "NEW_DAEMON", 10: "DEL_DAEMON", 12: "SET_CONFIG", 16: "ZERO", 17: "FLUSH"}

// Writes to addresses, routes, rules and links, by message type.
var routeCommands = map[uint16]string{unix.RTM_NEWADDR: "NEWADDR", unix.RTM_DELADDR: "DELADDR", unix.RTM_NEWROUTE: "NEWROUTE",
	unix.RTM_DELROUTE: "DELROUTE", unix.RTM_NEWRULE: "NEWRULE", unix.RTM_DELRULE: "DELRULE", unix.RTM_NEWLINK: "NEWLINK",
	unix.RTM_DELLINK: "DELLINK", unix.RTM_SETLINK: "SETLINK"}

// KernelWrites counts what any program of one host asks the kernel to change, by reading a copy of all netlink requests of
// the namespace. Questions (dumps, gets) are not counted. It needs the kernel module nlmon.
type KernelWrites struct {
	file   *os.File
	family uint16
	done   chan struct{}

	mu     sync.Mutex
	counts map[string]int
}

// WatchKernelWrites starts counting. Close it before the lab.
func (h *Host) WatchKernelWrites() (*KernelWrites, error) {
	family, err := netlink.GenlFamilyGet("IPVS")
	if err != nil {
		return nil, fmt.Errorf("IPVS family: %w", err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "nlmon0"
	monitor := &netlink.GenericLink{LinkAttrs: attrs, LinkType: "nlmon"}
	if err := h.handle.LinkAdd(monitor); err != nil {
		return nil, fmt.Errorf("add nlmon to %s: %w", h.Name, err)
	}
	link, err := h.handle.LinkByName(attrs.Name)
	if err == nil {
		err = h.handle.LinkSetUp(link)
	}
	if err != nil {
		return nil, fmt.Errorf("nlmon of %s: %w", h.Name, err)
	}
	var fd int
	err = h.Do(func() (err error) {
		fd, err = packetSocket(link.Attrs().Index, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("watch kernel writes of %s: %w", h.Name, err)
	}
	w := &KernelWrites{file: os.NewFile(uintptr(fd), "nlmon"), family: family.ID, done: make(chan struct{}), counts: map[string]int{}}
	go func() {
		defer close(w.done)
		receive(w.file, func(_ time.Time, from *unix.SockaddrLinklayer, data []byte) {
			w.count(int(from.Protocol>>8|from.Protocol<<8), data) // a link layer protocol is in network order
		})
	}()
	return w, nil
}

// count reads a buffer of netlink messages. A request is told from the kernel's own notices by NLM_F_REQUEST.
func (w *KernelWrites) count(protocol int, data []byte) {
	for len(data) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(data))
		typ, flags := binary.NativeEndian.Uint16(data[4:]), binary.NativeEndian.Uint16(data[6:])
		if length < unix.SizeofNlMsghdr || length > len(data) {
			return
		}
		name := ""
		if flags&unix.NLM_F_REQUEST != 0 {
			switch {
			case protocol == unix.NETLINK_ROUTE:
				name = routeCommands[typ]
			case protocol == unix.NETLINK_GENERIC && typ == w.family && length > unix.SizeofNlMsghdr:
				name = ipvsCommands[data[unix.SizeofNlMsghdr]]
			}
		}
		if name != "" {
			w.mu.Lock()
			w.counts[name]++
			w.mu.Unlock()
		}
		data = data[min(len(data), (length+3)&^3):]
	}
}

// Take returns the counts since the last Take, by command name.
func (w *KernelWrites) Take() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := w.counts
	w.counts = map[string]int{}
	return maps.Clone(counts)
}

// Close stops counting.
func (w *KernelWrites) Close() {
	w.file.Close()
	<-w.done
}
