package netio

import (
	"errors"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The kernel deletes the other IPv4 addresses of a subnet (its "secondaries") together with the first one, unless
// promote_secondaries is set for the interface, which it is not by default. They may belong to another virtual router
// or to the operator, so it is set while we delete an address, and put back afterwards.
//
// promotions counts who needs it, by index of the interface.
type promotions struct {
	mu    sync.Mutex
	links map[int]*promotion

	keeping sync.Mutex               // one KeepSecondaries at a time
	kept    map[string]keptPromotion // by name, until it is to end; under keeping
}

type promotion struct {
	users   int
	restore func() error // nil when it was set anyway
}

// promoting runs f while deleting an address from the interface spares its secondaries. f runs in any case; failing to
// set up what it needs is reported beside f's error.
func (h *Handle) promoting(index int, f func() error) error {
	l, err := h.usePromotion(index)
	return errors.Join(err, f(), h.endPromotion(index, l))
}

// KeepSecondaries has the kernel keep the other IPv4 addresses of a subnet when the first one is removed from an interface,
// whoever removes it; with on false no longer, if it did not before. An interface that is gone needs nothing.
func (h *Handle) KeepSecondaries(link string, on bool) error {
	p := &h.promotions
	p.keeping.Lock()
	defer p.keeping.Unlock()
	kept, is := p.kept[link]
	index, err := h.linkNumber(link)
	switch {
	case is && (!on || err != nil || index != kept.index): // it is to end, or it was another interface of that name
		delete(p.kept, link)
		if end := h.endPromotion(kept.index, kept.promotion); end != nil || !on {
			return end
		}
	case is || !on:
		return nil
	}
	if err != nil {
		return err
	}
	l, err := h.usePromotion(index)
	if err != nil {
		return errors.Join(err, h.endPromotion(index, l))
	}
	if p.kept == nil {
		p.kept = make(map[string]keptPromotion)
	}
	p.kept[link] = keptPromotion{index, l}
	return nil
}

type keptPromotion struct {
	index int
	*promotion
}

func (h *Handle) usePromotion(index int) (l *promotion, err error) {
	p := &h.promotions
	p.mu.Lock()
	defer p.mu.Unlock()
	l = p.links[index]
	if l == nil {
		l = new(promotion)
		l.restore, err = h.setPromotion(index)
		if p.links == nil {
			p.links = make(map[int]*promotion)
		}
		p.links[index] = l
	}
	l.users++
	return l, err
}

func (h *Handle) endPromotion(index int, l *promotion) error {
	p := &h.promotions
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.users--; l.users > 0 {
		return nil
	}
	delete(p.links, index)
	if l.restore != nil {
		return l.restore()
	}
	return nil
}

// setPromotion sets promote_secondaries of an interface and returns what undoes it. An interface that is gone needs
// nothing.
func (h *Handle) setPromotion(index int) (restore func() error, err error) {
	link, err := h.LinkOf(index)
	if errors.Is(err, ErrNoLink) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old, err := h.Setting(link.Name, PromoteSecondaries)
	if err != nil || old == 1 {
		return nil, ignoreGone(err)
	}
	if err := ignoreGone(h.Set(link, PromoteSecondaries, 1)); err != nil {
		return nil, err
	}
	return func() error { return ignoreGone(h.Set(link, PromoteSecondaries, old)) }, nil
}

// ignoreGone drops the errors of an interface that has gone meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// devconfPromoteSecondaries is IPV4_DEVCONF_PROMOTE_SECONDARIES of linux/ip.h.
const devconfPromoteSecondaries = 20

// setDevconf sets an IPv4 setting of an interface over rtnetlink (IFLA_INET_CONF).
func (h *Handle) setDevconf(index, setting int, value uint32) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(iflaInetConf, nil)
	conf.AddRtAttr(setting, nl.Uint32Attr(value))
	req.AddData(spec)
	_, err := h.request(req, 0)
	return err
}

// iflaInetConf is IFLA_INET_CONF of linux/if_link.h.
const iflaInetConf = 1

// hasSecondaries reports whether an address could have secondaries: others of its subnet.
func hasSecondaries(p netip.Prefix) bool { return p.Addr().Is4() && !p.IsSingleIP() }
