package testlan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Cable connects one interface of a host with a segment.
type Cable struct {
	Host      *Host
	Interface string
	MAC       net.HardwareAddr

	lab  *Lab
	port netlink.Link // the bridge's end
}

// Attach plugs a host into a segment: a new interface, up, with a known MAC address and the given addresses.
func (h *Host) Attach(s *Segment, ifname string, addresses ...netip.Prefix) (*Cable, error) {
	h.lab.mu.Lock()
	n := len(h.lab.cables) + 1
	c := &Cable{Host: h, Interface: ifname, MAC: macFor(n), lab: h.lab}
	h.lab.cables = append(h.lab.cables, c)
	h.lab.mu.Unlock()

	v := netlink.NewVeth(netlink.NewLinkAttrs())
	v.Name, v.MasterIndex = fmt.Sprintf("port%d", n), s.bridge.Index
	v.PeerName, v.PeerHardwareAddr, v.PeerNamespace = ifname, c.MAC, netlink.NsFd(int(h.ns))
	wires := h.lab.wires.handle
	if err := wires.LinkAdd(v); err != nil {
		return nil, fmt.Errorf("cable %s of %s: %w", ifname, h.Name, err)
	}
	port, err := wires.LinkByName(v.Name)
	if err != nil {
		return nil, fmt.Errorf("cable %s of %s: %w", ifname, h.Name, err)
	}
	c.port = port
	end, err := h.handle.LinkByName(ifname)
	if err == nil {
		err = errors.Join(h.handle.LinkSetUp(end), wires.LinkSetUp(port))
	}
	if err != nil {
		return nil, fmt.Errorf("set %s of %s up: %w", ifname, h.Name, err)
	}
	for _, a := range addresses {
		if err := h.AddAddress(ifname, a); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Cut takes the bridge's end down: the host sees its carrier go, as when a cable is pulled.
func (c *Cable) Cut() error {
	if err := c.lab.wires.handle.LinkSetDown(c.port); err != nil {
		return fmt.Errorf("cut cable of %s: %w", c.Host.Name, err)
	}
	return nil
}

// Mend undoes Cut.
func (c *Cable) Mend() error {
	if err := c.lab.wires.handle.LinkSetUp(c.port); err != nil {
		return fmt.Errorf("mend cable of %s: %w", c.Host.Name, err)
	}
	return nil
}

// MendAndSee undoes Cut and returns when the host was told that its carrier is back. The kernel tells of carriers once a second
// while many change, and what follows of it can only count from there.
func (c *Cable) MendAndSee(ctx context.Context) (at time.Time, err error) {
	updates, done := make(chan netlink.LinkUpdate), make(chan struct{})
	if err := netlink.LinkSubscribeAt(c.Host.ns, updates, done); err != nil {
		return at, fmt.Errorf("watch the links of %s: %w", c.Host.Name, err)
	}
	defer func() {
		close(done)
		for range updates { // until the subscription has ended
		}
	}()
	if err := c.Mend(); err != nil {
		return at, err
	}
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				return at, fmt.Errorf("watch the links of %s: ended", c.Host.Name)
			}
			if u.Attrs().Name == c.Interface && u.IfInfomsg.Flags&unix.IFF_RUNNING != 0 {
				return time.Now(), nil
			}
		case <-ctx.Done():
			return at, fmt.Errorf("carrier of %s: %w", c.Host.Name, ctx.Err())
		}
	}
}

// Port states of <linux/if_bridge.h>.
const (
	portDisabled   = 0
	portForwarding = 3
)

// Block loses every frame in both directions while the host's carrier stays: a fault somewhere behind the first switch.
func (c *Cable) Block() error { return c.portState(portDisabled) }

// Unblock undoes Block.
func (c *Cable) Unblock() error { return c.portState(portForwarding) }

// portState sets IFLA_BRPORT_STATE, which the netlink library has no call for.
func (c *Cable) portState(state uint8) error {
	return c.lab.wires.Do(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
		msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
		msg.Index = int32(c.port.Attrs().Index)
		req.AddData(msg)
		protinfo := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
		protinfo.AddRtAttr(nl.IFLA_BRPORT_STATE, []byte{state})
		req.AddData(protinfo)
		if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
			return fmt.Errorf("set port state of %s to %d: %w", c.Host.Name, state, err)
		}
		return nil
	})
}
