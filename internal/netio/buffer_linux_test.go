package netio

import (
	"context"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// rtnetlinkBuffers are the receive buffers of this process's rtnetlink sockets, and how many have each size.
func rtnetlinkBuffers(t *testing.T) map[int]int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[int]int{}
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		protocol, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		if err != nil || domain != unix.AF_NETLINK || protocol != unix.NETLINK_ROUTE {
			continue
		}
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			sizes[n]++
		}
	}
	return sizes
}

// The watch has the receive buffer that was set for it; the kernel doubles what it is given.
func TestWatchBufferAsSet(t *testing.T) {
	h, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	const bytes = 54_321
	h.SetWatchBuffer(bytes, false)
	ctx, cancel := context.WithCancel(t.Context())
	events, done := make(chan Event), make(chan error, 1)
	go func() { done <- h.Watch(ctx, events) }()
	for synced := false; !synced; {
		_, synced = (<-events).(Synced)
	}
	if sizes := rtnetlinkBuffers(t); sizes[2*bytes] != 1 {
		t.Errorf("buffers %v, want one of %d", sizes, 2*bytes)
	}
	cancel()
	<-done
}

// Sockets of requests have the receive buffer that was set for them before they were opened.
func TestRequestBufferAsSet(t *testing.T) {
	h, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	const bytes = 45_678
	h.SetRequestBuffer(bytes, false)
	nl, err := h.exchanges.take(h.openExchange) // the one that Open has left
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	next, err := h.exchanges.take(h.openExchange)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if sizes := rtnetlinkBuffers(t); sizes[2*bytes] != 1 {
		t.Errorf("buffers %v, want one of %d", sizes, 2*bytes)
	}
}
