package lan

import (
	"context"
	"net/netip"
	"time"

	"vigil/internal/firewall"
)

// filterLook is how often it is looked whether others have changed tables of nftables.
const filterLook = time.Second

// FilterLoss is what WatchFilter tells.
type FilterLoss struct {
	firewall.FilterLoss
	Err error // why it could not look or put something back; once for each reason
}

// NotAccepted implements Network.
func (k *Kernel) NotAccepted(addr netip.Addr, link string) bool {
	return k.filter.Denies(firewall.Denied{Addr: addr, Link: link})
}

// WatchFilter implements Network.
func (k *Kernel) WatchFilter(ctx context.Context, losses chan<- FilterLoss) {
	every := time.NewTicker(filterLook)
	defer every.Stop()
	failed := ""
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		var loss FilterLoss
		err := k.Do(func() (err error) {
			loss.FilterLoss, err = k.filter.Tend()
			return err
		})
		if err == nil {
			failed = ""
		} else if text := err.Error(); text != failed {
			failed, loss.Err = text, err
		}
		if len(loss.Denied) == 0 && !loss.Rules && loss.Err == nil {
			continue
		}
		select {
		case losses <- loss:
		case <-ctx.Done():
			return
		}
	}
}
