package netio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// watchBuffer is the receive buffer of the subscription, in bytes. A host that starts hundreds of containers at
	// once sends some megabytes of notifications in a burst.
	watchBuffer = 8 << 20

	watchRetryMin = 10 * time.Millisecond
	watchRetryMax = time.Second
)

// Watch sends the whole state of links and addresses, then Synced, then every change, until ctx ends; then it returns
// ctx's error. When the kernel had to drop notifications (ENOBUFS) or the subscription dies otherwise, it subscribes
// anew, reads everything, sends the differences and Synced: no state is ever missed, only states in between. An error
// other than ctx's is returned only when the first subscription fails.
//
// Sending blocks until the receiver takes the event; the kernel buffers meanwhile.
func (h *Handle) Watch(ctx context.Context, events chan<- Event) error {
	w := watch{h: h, buffer: watchBuffer}
	if b := h.watchBuffer.Load(); b != nil {
		w.buffer, w.capped = b.bytes, !b.force
	}
	return w.run(ctx, events)
}

// buffer is the size of a receive buffer.
type buffer struct {
	bytes int
	force bool
}

// SetWatchBuffer sets how large the receive buffer of a Watch is that begins after it, in bytes; force is beyond rmem_max, for
// which it takes CAP_NET_ADMIN.
func (h *Handle) SetWatchBuffer(bytes int, force bool) {
	h.watchBuffer.Store(&buffer{bytes, force})
}

// SetRequestBuffer sets how large the receive buffers of the sockets of requests are that are opened after it.
func (h *Handle) SetRequestBuffer(bytes int, force bool) {
	h.askBuffer.Store(&buffer{bytes, force})
}

type watch struct {
	h       *Handle
	buffer  int  // bytes
	capped  bool // by rmem_max
	events  chan<- Event
	view    view
	started bool
}

func (w *watch) run(ctx context.Context, events chan<- Event) error {
	w.events = events
	var cause error
	for retry := watchRetryMin; ; retry = min(2*retry, watchRetryMax) {
		synced, err := w.session(ctx, cause)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !w.started && !synced {
			return fmt.Errorf("watch links and addresses: %w", err)
		}
		if synced {
			w.started = true
			retry = watchRetryMin
		}
		cause = err
		pause := time.NewTimer(retry)
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// session is the life of one subscription. It tells whether it got as far as Synced, and why it ended.
func (w *watch) session(ctx context.Context, cause error) (synced bool, err error) {
	// One socket for both groups keeps the kernel's order between a link and its addresses.
	var sub *nl.NetlinkSocket
	err = w.h.Do(func() (err error) {
		sub, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
			unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE)
		if err == nil {
			_ = followRoutes(sub.GetFd()) // without a filter we would rather know nothing of routes
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("subscribe: %w", err)
	}
	if w.capped || sub.SetReceiveBufferSize(w.buffer, true) != nil {
		_ = sub.SetReceiveBufferSize(w.buffer, false) // capped by rmem_max without CAP_NET_ADMIN
	}
	// Receive has no context: closing the socket is what ends it.
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer func() {
		if stop() {
			_ = sub.Close()
		}
	}()

	// Read after subscribing: what changes meanwhile is in the socket's queue.
	links, err := w.h.Links()
	if err != nil {
		return false, err
	}
	addrs, err := w.h.Addresses()
	if err != nil {
		return false, err
	}
	if err := w.send(ctx, append(w.view.reset(links, addrs), Synced{Cause: cause})); err != nil {
		return false, err
	}
	for {
		msgs, from, err := sub.Receive()
		if err != nil {
			return true, fmt.Errorf("receive: %w", err)
		}
		if from.Pid != nl.PidKernel {
			continue
		}
		for _, m := range msgs {
			changes, err := w.view.apply(m)
			if err != nil {
				return true, err
			}
			if err := w.send(ctx, changes); err != nil {
				return true, err
			}
		}
	}
}

func (w *watch) send(ctx context.Context, events []Event) error {
	for _, ev := range events {
		select {
		case w.events <- ev:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

var errMalformed = errors.New("malformed rtnetlink notification")

// apply takes one notification into the view.
func (v *view) apply(m syscall.NetlinkMessage) ([]Event, error) {
	switch m.Header.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if len(m.Data) < unix.SizeofIfInfomsg {
			return nil, errMalformed
		}
		if m.Data[0] != unix.AF_UNSPEC {
			// A bridge reports its ports with the same message types: leaving a bridge is not ceasing to exist.
			return nil, nil
		}
		if m.Header.Type == unix.RTM_DELLINK {
			return v.dropLink(int(nl.DeserializeIfInfomsg(m.Data).Index)), nil
		}
		l, err := netlink.LinkDeserialize(nil, m.Data)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		return v.setLink(linkFrom(l)), nil
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, ok := parseAddress(m.Data)
		if !ok {
			return nil, errMalformed
		}
		if m.Header.Type == unix.RTM_DELADDR {
			return v.dropAddress(a), nil
		}
		return v.setAddress(a), nil
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return routeEvents(m), nil
	case unix.RTM_DELRULE:
		if r, ok := parseRule(m.Data); ok {
			return []Event{RuleGone{r.Preference, r.IPv6}}, nil
		}
	}
	return nil, nil
}

// parseAddress decodes an address notification (struct ifaddrmsg and attributes) to the very value that a dump gives;
// the library's own notifications lack the protocol number.
func parseAddress(b []byte) (Address, bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return Address{}, false
	}
	msg := nl.DeserializeIfAddrmsg(b)
	// The library's parser runs past a last attribute that lacks its padding (to 4 bytes).
	padding := make([]byte, -len(b)&3)
	attrs, err := nl.ParseRouteAttr(slices.Concat(b[msg.Len():], padding))
	if err != nil {
		return Address{}, false
	}
	a := netlink.Addr{LinkIndex: int(msg.Index), Scope: int(msg.Scope), Flags: int(msg.Flags)}
	var local, address *net.IPNet
	for _, attr := range attrs {
		v := attr.Value
		switch attr.Attr.Type {
		case unix.IFA_ADDRESS:
			address = &net.IPNet{IP: v, Mask: net.CIDRMask(int(msg.Prefixlen), 8*len(v))}
		case unix.IFA_LOCAL:
			local = &net.IPNet{IP: v, Mask: net.CIDRMask(8*len(v), 8*len(v))}
		case unix.IFA_BROADCAST:
			a.Broadcast = v
		case unix.IFA_LABEL:
			a.Label = unix.ByteSliceToString(v)
		case unix.IFA_FLAGS:
			if len(v) >= 4 {
				a.Flags = int(nl.NativeEndian().Uint32(v))
			}
		case netlink.IFA_PROTO:
			if len(v) >= 1 {
				a.Protocol = int(v[0])
			}
		}
	}
	// IPv4 sends both, equal unless there is a peer; IPv6 sends IFA_LOCAL only when there is a peer.
	switch {
	case local == nil || address == nil:
		a.IPNet = address
		if address == nil {
			a.IPNet = local
		}
	case msg.Family == unix.AF_INET && local.IP.Equal(address.IP):
		a.IPNet = address
	default:
		a.IPNet, a.Peer = local, address
	}
	return addressFrom(a)
}
