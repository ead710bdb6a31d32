package ipvsadm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	moby "github.com/moby/ipvs"
	"github.com/sirupsen/logrus"

	"vigil/confparse"
	"vigil/ipvs"
)

// linuxKernel is the kernel's IPVS: moby/ipvs where it can say the thing, our own netlink layer for the rest, which is all that
// is read of services and servers, tunnels other than plain IPIP, servers of the other family, counters and daemons.
type linuxKernel struct {
	list   *ipvs.Lister
	ours   ipvs.Kernel  // opened when it is needed
	simple *moby.Handle // opened when it is needed
}

// OpenKernel opens the kernel's IPVS, loading the module when it is not there. That it is there is known before moby/ipvs, which
// takes a kernel without IPVS for one that does everything it is told.
func OpenKernel(ctx context.Context) (Kernel, error) {
	l, err := ipvs.OpenLister(ctx, "")
	if err != nil {
		return nil, err
	}
	if _, err := l.Info(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &linuxKernel{list: l}, nil
}

func (k *linuxKernel) moby() (*moby.Handle, error) {
	if k.simple != nil {
		return k.simple, nil
	}
	logrus.SetOutput(io.Discard) // it complains there when it cannot run modprobe, which is not needed any more
	var err error
	if k.simple, err = moby.New(""); err != nil {
		return nil, fmt.Errorf("open IPVS: %w", err)
	}
	return k.simple, nil
}

func (k *linuxKernel) own(ctx context.Context) (ipvs.Kernel, error) {
	if k.ours != nil {
		return k.ours, nil
	}
	var err error
	k.ours, err = ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
	return k.ours, err
}

// Info implements Kernel.
func (k *linuxKernel) Info() (ipvs.Info, error) { return k.list.Info() }

// Services implements Kernel.
func (k *linuxKernel) Services(ctx context.Context) ([]ipvs.Listed, error) {
	return k.list.Services(ctx)
}

// Service implements Kernel.
func (k *linuxKernel) Service(ctx context.Context, key ipvs.ServiceKey) (ipvs.Listed, error) {
	return k.list.Service(ctx, key)
}

// Timeouts implements Kernel.
func (k *linuxKernel) Timeouts(context.Context) (ipvs.Timeouts, error) {
	h, err := k.moby()
	if err != nil {
		return ipvs.Timeouts{}, err
	}
	c, err := h.GetConfig()
	if err != nil {
		return ipvs.Timeouts{}, err
	}
	seconds := func(d time.Duration) uint32 { return uint32(d / time.Second) }
	return ipvs.Timeouts{TCP: seconds(c.TimeoutTCP), TCPFin: seconds(c.TimeoutTCPFin), UDP: seconds(c.TimeoutUDP)}, nil
}

// SyncDaemons implements Kernel.
func (k *linuxKernel) SyncDaemons(ctx context.Context) ([]ipvs.SyncDaemon, error) {
	own, err := k.own(ctx)
	if err != nil {
		return nil, err
	}
	return own.SyncDaemons(ctx)
}

// Connections implements Kernel. The list is of the namespace that the calling thread is in, as all else is: /proc/net has that of the
// first thread.
func (k *linuxKernel) Connections() (io.ReadCloser, error) {
	return os.Open("/proc/thread-self/net/ip_vs_conn")
}

// Flush implements Kernel.
func (k *linuxKernel) Flush(context.Context) error {
	h, err := k.moby()
	if err != nil {
		return err
	}
	return h.Flush()
}

// Apply implements Kernel.
func (k *linuxKernel) Apply(ctx context.Context, op ipvs.Op) error {
	if mobyCan(op) {
		h, err := k.moby()
		if err != nil {
			return err
		}
		return mobyApply(h, op)
	}
	own, err := k.own(ctx)
	if err != nil {
		return err
	}
	return own.Apply(ctx, []ipvs.Op{op})[0]
}

// Close implements Kernel.
func (k *linuxKernel) Close() error {
	if k.simple != nil {
		k.simple.Close()
	}
	var err error
	if k.ours != nil {
		err = k.ours.Close()
	}
	return errors.Join(err, k.list.Close())
}

// mobyCan reports whether moby/ipvs can say the change. It cannot say the family of a server's address, takes an IPv4-mapped
// address for an IPv4 one, and has no tunnels but IPIP, no counters and no daemons.
func mobyCan(op ipvs.Op) bool {
	plain := !op.Service.Addr.Is4In6() && !op.Dest.Addr().Is4In6()
	switch op.Kind {
	case ipvs.AddService, ipvs.SetService, ipvs.DelService:
		return plain
	case ipvs.AddDest, ipvs.SetDest, ipvs.DelDest:
		sameFamily := op.Dest.Addr().Is6() == (op.Service.Family == confparse.IPv6)
		return plain && sameFamily && op.DestAttrs.Tunnel == (confparse.Tunnel{})
	case ipvs.SetTimeouts:
		return true
	}
	return false
}

func mobyApply(h *moby.Handle, op ipvs.Op) error {
	s, d := mobyService(op.Service, op.Attrs), mobyDest(op.Dest, op.DestAttrs)
	switch op.Kind {
	case ipvs.AddService:
		return h.NewService(s)
	case ipvs.SetService:
		return h.UpdateService(s)
	case ipvs.DelService:
		return h.DelService(s)
	case ipvs.AddDest:
		return h.NewDestination(s, d)
	case ipvs.SetDest:
		return h.UpdateDestination(s, d)
	case ipvs.DelDest:
		return h.DelDestination(s, d)
	}
	seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
	return h.SetConfig(&moby.Config{TimeoutTCP: seconds(op.Timeouts.TCP), TimeoutTCPFin: seconds(op.Timeouts.TCPFin),
		TimeoutUDP: seconds(op.Timeouts.UDP)})
}

// The kernel's numbers of the families.
var families = map[confparse.Family]uint16{confparse.IPv4: 2, confparse.IPv6: 10}

func mobyService(k ipvs.ServiceKey, a ipvs.ServiceAttrs) *moby.Service {
	s := &moby.Service{AddressFamily: families[k.Family], FWMark: k.Fwmark, Protocol: uint16(k.Protocol), Port: k.Port,
		SchedName: a.Scheduler, PEName: a.PE, Flags: uint32(a.Flags), Timeout: a.Timeout, Netmask: ipvs.WireNetmask(k.Family, a.Netmask)}
	if k.Addr.IsValid() {
		s.Address = net.IP(k.Addr.AsSlice())
	}
	return s
}

func mobyDest(d netip.AddrPort, a ipvs.DestAttrs) *moby.Destination {
	return &moby.Destination{Address: net.IP(d.Addr().AsSlice()), Port: d.Port(), Weight: int(a.Weight),
		ConnectionFlags: uint32(a.Forwarding), UpperThreshold: a.UpperThreshold, LowerThreshold: a.LowerThreshold}
}
