package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

const (
	// floodTick is how often a flood sends what is due.
	floodTick = time.Millisecond
	// floodBurst is how much of what is late it makes up for: a kernel throws away what
	// is more than a thousand packets at once (net.core.netdev_max_backlog).
	floodBurst = 20 * time.Millisecond
)

// station is a host that sends frames as they are.
type station struct {
	fd     int
	frames [][]byte
}

// newStation adds it to a site. What it sends is not recorded: ten thousand frames a second would be more to look at than the rest.
func newStation(s *site, a attack) (*station, error) {
	h, err := s.lab.Host("hostile")
	if err != nil {
		return nil, err
	}
	s.unheard = append(s.unheard, h)
	cable, err := h.Attach(s.segments[0], "eth0", hostileAddress)
	if err != nil {
		return nil, err
	}
	st := &station{frames: a.frames(cable.MAC)}
	return st, h.Do(func() (err error) {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		// Of protocol 0, so that it receives nothing.
		if st.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.Bind(st.fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index}); err != nil {
			return errors.Join(err, unix.Close(st.fd))
		}
		return nil
	})
}

func (st *station) close() error { return unix.Close(st.fd) }

func (st *station) send(i int) error {
	_, err := unix.Write(st.fd, st.frames[i%len(st.frames)])
	return err
}

// flood sends so many times in a second, and returns how many it were. A machine that does not run it in time gets less.
func flood(ctx context.Context, send func(i int) error, rate int, lasts time.Duration) (sent int, err error) {
	tick := time.NewTicker(floodTick)
	defer tick.Stop()
	count := func(d time.Duration) int { return int(d.Seconds() * float64(rate)) }
	over := 0 // of what was due
	for began := time.Now(); ; {
		elapsed := time.Since(began)
		due := count(min(elapsed, lasts))
		for over = max(over, due-count(floodBurst)); over < due; over++ {
			if err := send(sent); err != nil {
				return sent, err
			}
			sent++
		}
		if elapsed >= lasts {
			return sent, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
}

// deliveries is how many IPv4 packets the kernel has handed to sockets of a host.
func deliveries(h *testlan.Host) (n int, err error) {
	var text []byte
	if err := h.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	}); err != nil {
		return 0, err
	}
	return snmpCounter(string(text), "Ip", "InDelivers")
}

// snmpCounter reads /proc/net/snmp, proc(5): a line of names, and a line of values below it, for each protocol.
func snmpCounter(text, protocol, name string) (int, error) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != protocol+":" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, field := range fields {
			if i < len(names) && names[i] == name {
				return strconv.Atoi(field)
			}
		}
	}
	return 0, fmt.Errorf("no %s of %s", name, protocol)
}
