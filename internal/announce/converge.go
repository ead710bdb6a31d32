package announce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"vigil/internal/netio"
)

const (
	// retryEvery is how soon what the kernel refuses is tried again, and how soon an address is put back that others have removed
	// a second time.
	retryEvery = 2 * time.Second
	// auditEvery is how often it is asked what is there, whatever was told.
	auditEvery = 30 * time.Second
	// logged is how many places of one change are in the log by name.
	logged = 20
)

var errDown = errors.New("the interface is down")

// work is what is to be done for the places at one moment, each list in order.
type work struct {
	put, clear []Place
	down       []Place // that are there, on an interface that is down
	known      []Place // all at which something of ours may be
	waiting    []chan struct{}
}

// due returns what is to be done.
func (k *Keeper) due() (w work) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w.waiting, k.waiting = k.waiting, nil
	for p, want := range k.places {
		w.known = append(w.known, p)
		index, there := k.at(p)
		switch {
		case want == Present && !there:
			w.put = append(w.put, p)
		case want == Present:
			if k.here[p].index != index {
				k.here[p] = placed{index: index} // an earlier process has put it there
			}
			if !k.host.links[p.Interface].Up {
				w.down = append(w.down, p)
			}
		case want == Absent && there:
			w.clear = append(w.clear, p)
		case !there:
			delete(k.here, p)
		}
	}
	for p := range k.leave {
		if _, there := k.at(p); there {
			w.known, w.clear = append(w.known, p), append(w.clear, p)
		} else {
			delete(k.leave, p)
			delete(k.here, p)
		}
	}
	for _, list := range [][]Place{w.put, w.clear, w.down, w.known} {
		slices.SortFunc(list, compare)
	}
	return w
}

// at tells the number of the interface of a Place, and whether the address is there.
func (k *Keeper) at(p Place) (index int, there bool) {
	index = k.host.links[p.Interface].Index
	return index, len(k.host.at(index, p.Addr)) > 0
}

// converge does what is to be done.
func (k *Keeper) converge() {
	k.retry = time.Time{}
	var errs []error
	if k.recheck {
		list, err := k.network.Addresses()
		if err != nil {
			errs = append(errs, err)
		} else {
			k.recheck = false
			k.host.reset(list)
		}
	}
	w := k.due()
	switch err := k.state.save(w.known); {
	case err == nil:
		k.forgetful = false
	case !k.forgetful:
		k.forgetful = true
		k.opts.Logger.Warn("announced addresses cannot be remembered for the process that follows", "err", err)
	}
	for _, p := range w.down {
		errs = append(errs, fmt.Errorf("announce %s: %w", p, errDown))
	}
	errs = append(errs, k.clear(w.clear)...)
	errs = append(errs, k.put(w.put, time.Now())...)
	if len(w.clear) > 0 {
		left := k.due()
		_ = k.state.save(left.known)
		k.mu.Lock()
		k.waiting = append(left.waiting, k.waiting...) // whose places have not been looked at yet
		k.mu.Unlock()
	}
	k.came(errs)
	k.metrics.addresses.Set(float64(len(k.here)))
	for _, done := range w.waiting {
		close(done)
	}
}

// clear removes what is at places.
func (k *Keeper) clear(places []Place) (errs []error) {
	var told narration
	for _, p := range places {
		index, _ := k.at(p)
		failed := false
		for _, prefix := range slices.Clone(k.host.at(index, p.Addr)) {
			a := netio.Address{Index: index, Prefix: prefix}
			if err := k.network.DelAddress(a); err != nil {
				errs, failed = append(errs, fmt.Errorf("withdraw %s: %w", p, err)), true
				continue
			}
			k.host.remove(a)
		}
		if !failed {
			delete(k.here, p)
			told.add(p)
		}
	}
	told.log(k.opts.Logger, slog.LevelInfo, "Withdrawn:")
	return errs
}

// put puts an address at each of places.
func (k *Keeper) put(places []Place, now time.Time) (errs []error) {
	var anew, back narration
	for _, p := range places {
		link, ok := k.host.links[p.Interface]
		before, ours := k.here[p]
		ours = ours && before.index == link.Index
		why := error(nil)
		switch {
		case !ok:
			why = netio.ErrNoLink
		case !link.Up:
			why = errDown
		case ours && now.Sub(before.at) < retryEvery:
			k.again(before.at.Add(retryEvery))
			continue
		default:
			why = k.network.AddAddress(p.address(link.Index))
		}
		if why != nil {
			delete(k.here, p)
			errs = append(errs, fmt.Errorf("announce %s: %w", p, why))
			continue
		}
		k.host.put(p.address(link.Index))
		k.here[p] = placed{index: link.Index, at: now}
		if ours {
			back.add(p)
			k.metrics.repaired.Inc()
		} else {
			anew.add(p)
		}
	}
	anew.log(k.opts.Logger, slog.LevelInfo, "Announced:")
	back.log(k.opts.Logger, slog.LevelWarn, "Removed by somebody else, and announced again:")
	return errs
}

// again has Run look again at t, or before.
func (k *Keeper) again(t time.Time) {
	if k.retry.IsZero() || t.Before(k.retry) {
		k.retry = t
	}
}

// came takes note of what has come of an attempt. It is told when it is another than before.
func (k *Keeper) came(errs []error) {
	err, before := joined(errs), k.failure.Load()
	if err == nil {
		if before != nil {
			k.opts.Logger.Info("announce_on: the addresses are as they are to be")
		}
		k.failure.Store(nil)
		k.metrics.failing.Set(0)
		return
	}
	now := time.Now()
	k.again(now.Add(retryEvery))
	next := Failure{Error: err.Error(), Attempts: 1, Since: now, Retry: k.retry}
	if before != nil {
		next.Attempts, next.Since = before.Attempts+1, before.Since
	}
	if before == nil || before.Error != next.Error {
		k.opts.Logger.Error("announce_on: addresses are not as they are to be", "err", err)
	}
	k.failure.Store(&next)
	k.metrics.failing.Set(1)
}

// joined is several errors in one line; nil: there is none.
func joined(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fmt.Errorf("%w, and %d more like it", errs[0], len(errs)-1)
}

// narration is places that one thing has happened to.
type narration struct {
	places []Place
	more   int
}

func (n *narration) add(p Place) {
	if len(n.places) == logged {
		n.more++
		return
	}
	n.places = append(n.places, p)
}

func (n *narration) log(log *slog.Logger, level slog.Level, what string) {
	for _, p := range n.places {
		log.Log(context.Background(), level, what+" "+p.String())
	}
	if n.more > 0 {
		log.Log(context.Background(), level, fmt.Sprintf("%s %d more", what, n.more))
	}
}
