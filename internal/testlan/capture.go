package testlan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Capture records the VRRP, ARP, IGMP and IPv6 frames that enter any segment of a lab, each once, at the cable it came in on. Frames of a
// blocked cable are seen, those of a cut one do not exist.
type Capture struct {
	file *os.File
	done chan struct{}

	mu     sync.Mutex
	frames []Frame
}

// Capture starts recording. Attach all hosts first: frames of cables that are plugged in later are not seen. Nor are those of the
// hosts in without, which stay in the kernel: somebody who floods a segment must not cost more than the flood.
func (l *Lab) Capture(without ...*Host) (*Capture, error) {
	senders := map[int]string{}
	for _, c := range l.cables {
		if !slices.Contains(without, c.Host) {
			senders[c.port.Attrs().Index] = c.Host.Name
		}
	}
	var fd int
	err := l.wires.Do(func() (err error) {
		fd, err = packetSocket(0, slices.Concat(incomingFrom(slices.Sorted(maps.Keys(senders))), vrrpAndARP))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	c := &Capture{file: os.NewFile(uintptr(fd), "capture"), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		receive(c.file, func(at time.Time, from *unix.SockaddrLinklayer, data []byte) {
			c.mu.Lock()
			c.frames = append(c.frames, Frame{at, senders[from.Ifindex], append([]byte(nil), data...)})
			c.mu.Unlock()
		})
	}()
	l.mu.Lock()
	l.captures = append(l.captures, c)
	l.mu.Unlock()
	return c, nil
}

// Close stops recording; what was recorded stays readable.
func (c *Capture) Close() {
	c.file.Close() // ends the blocked read
	<-c.done
}

// Frames returns a copy of what has been recorded so far.
func (c *Capture) Frames() []Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Frame(nil), c.frames...)
}

// Adverts returns the advertisements that one host sent at or after a time; host "" means any.
func (c *Capture) Adverts(host string, since time.Time) []Advert {
	var out []Advert
	for _, f := range c.Frames() {
		if a, ok := f.Advert(); ok && (host == "" || host == a.Host) && !a.Time.Before(since) {
			out = append(out, a)
		}
	}
	return out
}

// Announcements returns the gratuitous ARPs that one host sent at or after a time; host "" means any.
func (c *Capture) Announcements(host string, since time.Time) []Announcement {
	var out []Announcement
	for _, f := range c.Frames() {
		if g, ok := f.Announcement(); ok && (host == "" || host == g.Host) && !g.Time.Before(since) {
			out = append(out, g)
		}
	}
	return out
}

// WaitAdvert waits for an advertisement of a host, sent at or after a time, that satisfies match (nil: any).
func (c *Capture) WaitAdvert(ctx context.Context, host string, since time.Time, match func(Advert) bool) (Advert, error) {
	var found Advert
	err := Until(ctx, "advertisement of "+host, func() error {
		for _, a := range c.Adverts(host, since) {
			if match == nil || match(a) {
				found = a
				return nil
			}
		}
		return errors.New("not seen")
	})
	return found, err
}

// WaitJoin waits until a host, at or after a time, reports that it has joined a multicast group, and returns when it did.
func (c *Capture) WaitJoin(ctx context.Context, host string, since time.Time, group netip.Addr) (time.Time, error) {
	var at time.Time
	err := Until(ctx, host+" joins "+group.String(), func() error {
		for _, f := range c.Frames() {
			if f.Host == host && !f.Time.Before(since) && f.Joins(group) {
				at = f.Time
				return nil
			}
		}
		return errors.New("not seen")
	})
	return at, err
}

// incomingFrom goes on with the next program for frames that come in on one of the interfaces, and passes nothing else: neither
// the bridge's own copies, nor the copies for other hosts.
func incomingFrom(interfaces []int) []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadExtension{Num: bpf.ExtInterfaceIndex},
	}
	for i, index := range interfaces {
		rest := 2*(len(interfaces)-1-i) + 1 // the other pairs, and the verdict
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(index), SkipTrue: 1}, bpf.Jump{Skip: uint32(rest)})
	}
	return append(program, bpf.RetConstant{Val: 0})
}

// vrrpAndARP passes ARP, all of IPv6, and IPv4 carrying VRRP, an authentication header or IGMP.
var vrrpAndARP = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherARP, SkipTrue: 6},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherIPv6, SkipTrue: 5},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherIPv4, SkipTrue: 5},
	bpf.LoadAbsolute{Off: 23, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoVRRP, SkipTrue: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoIGMP, SkipTrue: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoAH, SkipTrue: 1},
	bpf.RetConstant{Val: 65535},
	bpf.RetConstant{Val: 0},
}

// packetSocket opens a non-blocking AF_PACKET socket with receive times, on one interface or (0) on all of this namespace.
func packetSocket(ifindex int, filter []bpf.Instruction) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if err := preparePacketSocket(fd, ifindex, filter); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func preparePacketSocket(fd, ifindex int, filter []bpf.Instruction) error {
	if filter != nil {
		raw, err := bpf.Assemble(filter)
		if err != nil {
			return fmt.Errorf("assemble filter: %w", err)
		}
		prog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
			return fmt.Errorf("attach filter: %w", err)
		}
	}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16 << 20},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("packet socket option %d/%d: %w", o.level, o.name, err)
		}
	}
	// Binding last: nothing is received before the filter is in place.
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifindex}); err != nil {
		return fmt.Errorf("bind packet socket: %w", err)
	}
	return nil
}

// receive hands every frame to take until the file is closed.
func receive(file *os.File, take func(at time.Time, from *unix.SockaddrLinklayer, data []byte)) {
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	data, control := make([]byte, 1<<18), make([]byte, 256)
	for {
		var n, cn int
		var from unix.Sockaddr
		var rerr error
		err := conn.Read(func(fd uintptr) bool {
			n, cn, _, from, rerr = unix.Recvmsg(int(fd), data, control, 0)
			return !errors.Is(rerr, syscall.EAGAIN) && !errors.Is(rerr, syscall.EINTR)
		})
		if err != nil {
			return
		}
		if rerr != nil {
			continue // a link that went down reports itself once, as ENETDOWN
		}
		ll, _ := from.(*unix.SockaddrLinklayer)
		if ll == nil {
			continue
		}
		take(ReceiveTime(control[:cn]), ll, data[:n])
	}
}

// ReceiveTime is when a packet came, by the ancillary data of a socket with SO_TIMESTAMPNS, socket(7); now if they do not say.
func ReceiveTime(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS {
			ts := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix())
		}
	}
	return time.Now()
}
