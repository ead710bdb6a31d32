package ipvs

import (
	"context"
	"fmt"
	"log/slog"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// settle tells what has happened to the pools of the given services, now that the kernel knows of it.
func (r *Reconciler) settle(entries []*entry) {
	if r.kernel == nil {
		return
	}
	for _, e := range entries {
		if e.vs != nil {
			e.vs.settle = true
		}
	}
	for _, e := range entries {
		vs := e.vs
		if vs == nil || !vs.settle {
			continue
		}
		vs.settle = false
		for _, n := range vs.pool.Settle(vs.has) {
			r.narrate(vs.spec.ID, n)
		}
	}
}

// has reports whether the kernel has server i, or the Sorry server, in every service as the pool wants.
func (vs *virtualServer) has(i int) bool {
	for _, e := range vs.entries {
		if e != nil && !e.has(i) {
			return false
		}
	}
	return true
}

// The texts are those operators of keepalived search their logs for. Names are only made when a line is wanted: ten
// thousand services start at once.

func (r *Reconciler) narrates() bool { return r.log.Enabled(context.Background(), narrationLevel) }

// narrationLevel is low as long as the health checks tell the same.
const narrationLevel = slog.LevelDebug

// narrate writes the lines of a note.
func (r *Reconciler) narrate(id confparse.VirtualServerID, n pool.Note) {
	if !r.narrates() {
		return
	}
	vs := id.String()
	if n.Kind == pool.QuorumGained || n.Kind == pool.QuorumLost {
		r.narrateQuorum(id, vs, n)
		return
	}
	name := confparse.RealServerID{VS: id, Addr: n.Server.Addr(), Port: n.Server.Port()}.String()
	var text string
	switch n.Kind {
	case pool.ServerUp:
		text = "Adding service " + name + " to VS " + vs
		if n.Inhibit {
			text = "Enabling service " + name + " of VS " + vs
		}
	case pool.ServerDown:
		text = "Removing service " + name + " from VS " + vs
		if n.Inhibit {
			text = "Disabling service " + name + " of VS " + vs
		}
	case pool.WeightChanged:
		active := "active"
		if !n.Up {
			active = "inactive"
		}
		text = fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", n.From, n.To, active, name, vs)
	case pool.ServerGone:
		text = "service " + name + " no longer exist"
	}
	r.log.Log(context.Background(), narrationLevel, text, "virtual_server", vs, "real_server", name)
}

func (r *Reconciler) narrateQuorum(id confparse.VirtualServerID, vs string, n pool.Note) {
	say := func(format string, args ...any) {
		r.log.Log(context.Background(), narrationLevel, fmt.Sprintf(format, args...), "virtual_server", vs)
	}
	gained := n.Kind == pool.QuorumGained
	if gained {
		say("Gained quorum %d+%d=%d <= %d for VS %s", n.Quorum, n.Hysteresis, n.Quorum+n.Hysteresis, n.Live, vs)
	} else {
		event := "Lost quorum"
		if n.Initial {
			event = "Starting with quorum down"
		}
		say("%s %d-%d=%d > %d for VS %s", event, n.Quorum, n.Hysteresis, n.Quorum-n.Hysteresis, n.Live, vs)
	}
	if !n.Swap {
		return
	}
	sorry := confparse.RealServerID{VS: id, Addr: n.Sorry.Addr, Port: n.Sorry.Port}
	switch {
	case gained && n.Sorry.Inhibit:
		say("Disabling sorry server %s from VS %s", sorry, vs)
	case gained:
		say("Removing sorry server %s from VS %s", sorry, vs)
	case n.Sorry.Inhibit:
		say("Enabling sorry server %s to VS %s", sorry, vs)
	default:
		say("Adding sorry server %s to VS %s", sorry, vs)
	}
	if gained {
		say("Adding alive servers to the pool for VS %s", vs)
	} else {
		say("Removing alive servers from the pool for VS %s", vs)
	}
}

func (r *Reconciler) narrateRemoved(id confparse.VirtualServerID) {
	if !r.narrates() {
		return
	}
	name := id.String()
	text := "Removing Virtual Server " + name
	if id.Group != "" {
		text = "Removing Virtual Server Group [" + id.Group + "]"
	}
	r.log.Log(context.Background(), narrationLevel, text, "virtual_server", name)
}

func (r *Reconciler) narrateOverride(e *entry, d DestKey, weight int32) {
	r.log.Warn(fmt.Sprintf("The weight of %v in %v was set to %d behind our back; it is kept until the configuration or a "+
		"check changes that server", d, e.key, weight))
}
