package vrrp

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// clockFor is what our clock shows for a packet that says when it was sent.
func clockFor(p lan.Received) wire.Stamp {
	if p.Advert.Trailer == nil {
		return 0
	}
	return wire.StampOf(time.Now())
}

// sign stamps the advert; the copies for several peers have the same stamp.
func (in *virtualRouter) sign(a *election.SendAdvert) {
	in.stamp = in.stamp.Next(wire.StampOf(time.Now()), a.Window)
	signature := *a.Advert.Signature
	signature.Stamp = in.stamp
	a.Advert.Signature = &signature
}

// stranger logs a packet for a virtual router that we are not. The Conn has delivered one of each.
func (r *Runner) stranger(p packetIn) {
	vrid := p.packet.Advert.VRID
	for _, m := range p.socket.members {
		if m.spec.VRID == vrid {
			return // ours, on another address
		}
	}
	if r.spec.LogUnknownVRIDs {
		r.log.Info(fmt.Sprintf("Unknown VRID(%d) received on interface(%s). ignoring...", vrid, p.socket.key.link),
			slog.String("interface", p.socket.key.link), slog.Int("vrid", int(vrid)), slog.Any("source", p.packet.Header.Source))
	}
}

// receiveBuffer is how many bytes of a receive buffer a router asks for.
func (r *Runner) receiveBuffer(s *election.InstanceSpec) int {
	switch s.Buffer.Policy {
	case election.BufferBytes:
		return s.Buffer.Size
	case election.BufferMTUs:
		mtu := confparse.AssumedMTU
		if l, ok := r.view.link(s.Link); ok && l.MTU > 0 {
			mtu = l.MTU
		}
		return mtu * s.Buffer.Size
	case election.BufferAdverts:
		return advertLen(s) * s.Buffer.Size
	}
	return 0
}

// advertLen is the length of the router's adverts in bytes, with the IP header as far as a socket gets it.
func advertLen(s *election.InstanceSpec) int {
	n, size := wire.HeaderLen, 16
	if s.Family == confparse.IPv4 {
		n, size = n+wire.IPv4HeaderLen, 4
		if s.Version == 2 {
			n += wire.AuthDataLen
		}
		if s.AuthType == wire.AuthAH {
			n += wire.AHLen
		}
	}
	if s.HMAC.Signs() {
		n += wire.TrailerLen
	}
	return n + len(s.Addresses)*size
}

// startupDelay is how long nobody is listened to yet: the rest of vrrp_startup_delay, or of vrrp_delay_after_boot.
func (r *Runner) startupDelay(now election.Instant) time.Duration {
	delay := r.spec.StartupDelay - time.Duration(now)
	if d := r.spec.DelayAfterBoot; d > 0 {
		delay = max(delay, d-time.Duration(r.bootTime()))
	}
	return max(0, delay)
}

// usable reports whether the link has the address, and is sure of it.
func (v *networkView) usable(link string, ip netip.Addr) bool {
	l, ok := v.links[link]
	return ok && v.addrs[l.Index] != nil && v.addrs[l.Index].sure(ip)
}

func (l *linkAddrs) sure(ip netip.Addr) bool {
	return slices.ContainsFunc(l.byIP[ip], func(a rankedAddress) bool { return !a.Tentative })
}

// sourceTouched tells the routers that stand and fall with an address that it came or went (track_src_ip).
func (r *Runner) sourceTouched(a netio.Address) {
	link := r.view.names[a.Index]
	if !r.view.tracked[addressOn{link, a.Prefix.Addr()}] {
		return
	}
	for _, in := range r.view.dependents[link] {
		if in.spec.TrackSource && in.spec.Link == link && in.spec.Source == a.Prefix.Addr() {
			r.mark(in)
		}
	}
}
