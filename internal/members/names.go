package members

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"vigil/confparse"
)

// names is a source that is names of DNS.
type names struct {
	resolver
	from confparse.Source
}

// maxAtOnce is how many targets of SRV records are looked up at the same time.
const maxAtOnce = 8

// ask implements asker.
func (n *names) ask(ctx context.Context) ([]confparse.Member, time.Duration, error) {
	var list []confparse.Member
	var ttl time.Duration
	var err error
	if n.from.Service() {
		list, ttl, err = n.services(ctx)
	} else {
		list, ttl, err = n.addresses(ctx, n.from.Name, confparse.Member{Port: n.from.Port})
	}
	if err != nil {
		return nil, 0, err
	}
	if len(list) > confparse.MaxMembers {
		return nil, 0, fmt.Errorf("%s has more than %d members", n.from.Name, confparse.MaxMembers)
	}
	return inOrder(list), ttl, nil
}

// inOrder sorts a list. Records that are one server are a member with the sum of their weights.
func inOrder(list []confparse.Member) []confparse.Member {
	slices.SortFunc(list, confparse.Member.Compare)
	kept := list[:0]
	for _, m := range list {
		if k := len(kept) - 1; k >= 0 && kept[k].Addr == m.Addr && kept[k].Port == m.Port {
			kept[k].Weight += m.Weight
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

// addresses are the members that a name has the addresses of; like is what each of them is besides. A name without any
// is an error: whoever empties a name by mistake takes no service down.
func (n *names) addresses(ctx context.Context, name string, like confparse.Member) (list []confparse.Member, ttl time.Duration, err error) {
	ttl = maxTTL
	for _, of := range []struct {
		asked bool
		kind  dnsmessage.Type
	}{{n.from.IPv4, dnsmessage.TypeA}, {n.from.IPv6, dnsmessage.TypeAAAA}} {
		if !of.asked {
			continue
		}
		got, err := n.lookup(ctx, name, of.kind)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
		if len(got.addrs) > 0 {
			ttl = min(ttl, got.ttl)
		}
		for _, a := range got.addrs {
			if err := usable(a); err != nil {
				return nil, 0, fmt.Errorf("%s: %w", name, err)
			}
			like.Addr = a
			list = append(list, like)
		}
	}
	if len(list) == 0 {
		return nil, 0, fmt.Errorf("%s: the name has no address %s", name, n.kinds())
	}
	return inOrder(list), ttl, nil
}

// kinds says what is asked for.
func (n *names) kinds() string {
	switch {
	case n.from.IPv4 && n.from.IPv6:
		return "(A, AAAA)"
	case n.from.IPv6:
		return "(AAAA)"
	}
	return "(A)"
}

// services are the members that the SRV records of the name lead to: those of the lowest priority (RFC 2782).
func (n *names) services(ctx context.Context) ([]confparse.Member, time.Duration, error) {
	got, err := n.lookup(ctx, n.from.Name, dnsmessage.TypeSRV)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", n.from.Name, err)
	}
	lowest := uint16(1<<16 - 1)
	for _, s := range got.services {
		lowest = min(lowest, s.priority)
	}
	serve := slices.DeleteFunc(got.services, func(s service) bool { return s.priority != lowest || s.target == "" })
	if len(serve) == 0 {
		return nil, 0, fmt.Errorf("%s: the name has no service (SRV)", n.from.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu    sync.Mutex
		list  []confparse.Member
		ttl   = got.ttl
		first error
		all   sync.WaitGroup
	)
	turn := make(chan struct{}, maxAtOnce)
	for target, like := range byTarget(serve) {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			addrs, valid, err := n.addresses(ctx, target, confparse.Member{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if first == nil {
					first = err
					cancel() // one that is missing is enough
				}
				return
			}
			ttl = min(ttl, valid)
			for _, a := range addrs {
				list = append(list, at(a.Addr, like)...)
			}
		})
	}
	all.Wait()
	return list, ttl, first
}

// byTarget sorts services by where they lead.
func byTarget(list []service) map[string][]service {
	all := make(map[string][]service)
	for _, s := range list {
		all[s.target] = append(all[s.target], s)
	}
	return all
}

// at are the members that services at an address are. A weight of 0 is the least there is, and not none (RFC 2782).
func at(a netip.Addr, list []service) (members []confparse.Member) {
	for _, s := range list {
		members = append(members, confparse.Member{Addr: a, Port: s.port, Weight: max(int32(s.weight), 1), Weighted: true})
	}
	return members
}
