package lint

import (
	"fmt"
	"strings"

	"vigil/confparse"
)

// preference compares the priorities of two instances when all is well: above 0 the first is to be master, below 0
// the second.
func (p *pair) preference(a, b *confparse.VRRPInstance) int {
	return normal(a, trackersOf(p.a.f.Config, a)) - normal(b, trackersOf(p.b.f.Config, b))
}

// split reports a sync group whose members are to be masters on different directors: each pulls the others along, so
// that the group never comes to rest.
func (p *pair) split(g *confparse.SyncGroup) {
	var here, there []*confparse.VRRPInstance
	for _, name := range g.Members {
		for _, vi := range p.a.f.Config.Instances {
			other := counterpart(p.b.f.Config, vi)
			if vi.Name != name || other == nil {
				continue
			}
			switch n := p.preference(vi, other); {
			case n > 0:
				here = append(here, vi)
			case n < 0:
				there = append(there, vi)
			}
		}
	}
	if len(here) > 0 && len(there) > 0 {
		p.a.report(PairGroupSplit, g.Range, fmt.Sprintf("(%s) %s prefers this director, %s the other", g.Name, here[0].Name, there[0].Name),
			"each pulls the group to its side; give all members the higher priority on one director",
			confparse.Place{Range: here[0].Range, Note: "prefers this director"},
			confparse.Place{Range: there[0].Range, Note: "prefers the other director"})
	}
}

// syncDaemons compares lvs_sync_daemon. Without virtual servers there is nothing to share.
func (p *pair) syncDaemons() {
	a, b := p.a.f.Config, p.b.f.Config
	da, db := a.Global.SyncDaemon, b.Global.SyncDaemon
	if len(a.VirtualServers) == 0 || da.Interface == "" && db.Interface == "" {
		return
	}
	const lost = "after a failover connections under way are unknown"
	switch {
	case db.Interface == "":
		p.a.report(PairSyncDaemon, da.Range, "only this director has lvs_sync_daemon", lost)
	case da.Interface == "":
		p.b.report(PairSyncDaemon, db.Range, "only this director has lvs_sync_daemon", lost)
	default:
		var what []string
		differ := func(word string, here, over any) {
			if here != over {
				what = append(what, fmt.Sprintf("%s %v here, %v there", word, here, over))
			}
		}
		differ("id", da.ID, db.ID)
		differ("group", da.Group, db.Group)
		differ("port", da.Port, db.Port)
		if len(what) > 0 {
			p.a.report(PairSyncDaemon, da.Range, "lvs_sync_daemon differs: "+strings.Join(what, "; "), lost, there(db.Range))
		}
	}
}
