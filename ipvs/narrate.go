package ipvs

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// tellNews tells what has happened to the pools of the given services, now that the kernel knows of it.
func (r *Reconciler) tellNews(entries []*entry) {
	if r.kernel == nil {
		return
	}
	// First what has ended: another virtual server may have its name, as one of a group does whose protocol is another.
	var gone []Event
	for _, vs := range r.ended {
		for _, n := range r.tellEnd(vs, false) {
			if n.Kind == pool.ServerGone && n.Up {
				gone = append(gone, Event{VirtualServer: vs.spec.ID, Note: n})
			}
		}
	}
	r.narrateServers("Removing", gone)
	r.ended = nil
	for _, e := range entries {
		if e.vs != nil {
			e.vs.hasNews = true
		}
	}
	for _, e := range entries {
		vs := e.vs
		if vs == nil || !vs.hasNews {
			continue
		}
		vs.hasNews = false
		for _, n := range vs.pool.Outcome(vs.has) {
			r.narrate(vs.spec.ID, n)
			r.tell(vs, n)
		}
	}
}

func (r *Reconciler) tell(vs *virtualServer, n pool.Note) {
	if r.opts.Tell != nil {
		r.opts.Tell(Event{VirtualServer: vs.spec.ID, Note: n})
	}
}

func (r *Reconciler) tellEnd(vs *virtualServer, stops bool) []pool.Note {
	notes := vs.pool.End(stops)
	for _, n := range notes {
		r.tell(vs, n)
	}
	return notes
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

// Names are only made when a line is wanted: ten thousand services start at once.
func (r *Reconciler) narrates() bool { return r.log.Enabled(context.Background(), slog.LevelInfo) }

// narrate writes the lines of a note.
func (r *Reconciler) narrate(id confparse.VirtualServerID, n pool.Note) {
	if !r.narrates() || silent(n) {
		return
	}
	attrs := []slog.Attr{slog.String("virtual_server", id.String())}
	if n.Server.IsValid() {
		attrs = append(attrs, slog.String("real_server", serverName(id, n.Server)))
	}
	for _, line := range noteLines(id, n) {
		r.log.LogAttrs(context.Background(), slog.LevelInfo, line, attrs...)
	}
}

// silent reports whether a note has no line: the checks have written theirs, and how a server is from the start is no change.
func silent(n pool.Note) bool {
	return n.Kind == pool.CheckDone || n.Initial && (n.Kind == pool.ServerUp || n.Kind == pool.ServerDown)
}

func (r *Reconciler) narrateRemoved(id confparse.VirtualServerID) {
	if r.narrates() {
		r.log.Info(removedLine(id), "virtual_server", id.String())
	}
}

// manyLines is how many servers may leave at one time with a line each: of more than that nobody reads the lines.
const manyLines = 200

// narrateServers tells of servers that leave with their virtual server.
func (r *Reconciler) narrateServers(verb string, list []Event) {
	level := slog.LevelInfo
	if len(list) > manyLines {
		r.log.Info(fmt.Sprintf("%s %d services", verb, len(list)))
		level = slog.LevelDebug
	}
	if !r.log.Enabled(context.Background(), level) {
		return
	}
	for _, e := range list {
		name, vs := serverName(e.VirtualServer, e.Server), e.VirtualServer.String()
		r.log.LogAttrs(context.Background(), level, verb+" service "+name+" from VS "+vs,
			slog.String("virtual_server", vs), slog.String("real_server", name))
	}
}

// serversOf are the servers of virtual servers, for narrateServers.
func serversOf(list []*virtualServer) (all []Event) {
	for _, vs := range list {
		for _, s := range vs.spec.Pool.Servers {
			all = append(all, Event{VirtualServer: vs.spec.ID, Note: pool.Note{Server: netip.AddrPortFrom(s.Addr, s.Port)}})
		}
	}
	return all
}

func (r *Reconciler) narrateOverride(e *entry, d DestKey, weight int32) {
	r.log.Warn(fmt.Sprintf("The weight of %v in %v was set to %d behind our back; it is kept until the configuration or a "+
		"check changes that server", d, e.key, weight))
}

// The lines are those that operators of keepalived search their logs for.

func removedLine(id confparse.VirtualServerID) string {
	if id.Group != "" {
		return "Removing Virtual Server Group [" + id.Group + "]"
	}
	return "Removing Virtual Server " + id.String()
}

func serverName(id confparse.VirtualServerID, server netip.AddrPort) string {
	return confparse.RealServerID{VS: id, Addr: server.Addr(), Port: server.Port()}.String()
}

func noteLines(id confparse.VirtualServerID, n pool.Note) []string {
	vs := id.String()
	switch n.Kind {
	case pool.PanicBegan:
		return []string{fmt.Sprintf("Too many servers of VS %s fail: %d are out, and no more are taken out", vs, n.Live)}
	case pool.PanicEnded:
		return []string{"No server of VS " + vs + " that fails is kept in any more"}
	case pool.FailedOver:
		return []string{fmt.Sprintf("Adding backup servers to the pool for VS %s, whose servers have weight %d", vs, n.Live)}
	case pool.FailedBack:
		return []string{"Removing backup servers from the pool for VS " + vs}
	case pool.QuorumGained:
		return append([]string{fmt.Sprintf("Gained quorum %d+%d=%d <= %d for VS %s", n.Quorum, n.Hysteresis,
			n.Quorum+n.Hysteresis, n.Live, vs)}, swapLines(id, n)...)
	case pool.QuorumLost:
		event := "Lost quorum"
		if n.Initial {
			event = "Starting with quorum down"
		}
		return append([]string{fmt.Sprintf("%s %d-%d=%d > %d for VS %s", event, n.Quorum, n.Hysteresis,
			n.Quorum-n.Hysteresis, n.Live, vs)}, swapLines(id, n)...)
	}
	name, text := serverName(id, n.Server), ""
	switch {
	case n.Kind == pool.ServerUp && n.Inhibit:
		text = "Enabling service " + name + " of VS " + vs
	case n.Kind == pool.ServerUp:
		text = "Adding service " + name + " to VS " + vs
	case n.Kind == pool.ServerDown && n.Inhibit:
		text = "Disabling service " + name + " of VS " + vs
	case n.Kind == pool.ServerDown:
		text = "Removing service " + name + " from VS " + vs
	case n.Kind == pool.ServerDamped:
		text = "service " + name + " of VS " + vs + " fails again and again, keeping it out for a time"
	case n.Kind == pool.ServerGone:
		text = "service " + name + " no longer exist"
	case n.Kind == pool.WeightChanged:
		active := "active"
		if !n.Up {
			active = "inactive"
		}
		text = fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", n.From, n.To, active, name, vs)
	}
	return []string{text}
}

// swapLines tell that the sorry server and the pool change places.
func swapLines(id confparse.VirtualServerID, n pool.Note) []string {
	if !n.Swap {
		return nil
	}
	vs, sorry := id.String(), serverName(id, netip.AddrPortFrom(n.Sorry.Addr, n.Sorry.Port))
	gained := n.Kind == pool.QuorumGained
	text := ""
	switch {
	case gained && n.Sorry.Inhibit:
		text = "Disabling sorry server " + sorry + " from VS " + vs
	case gained:
		text = "Removing sorry server " + sorry + " from VS " + vs
	case n.Sorry.Inhibit:
		text = "Enabling sorry server " + sorry + " to VS " + vs
	default:
		text = "Adding sorry server " + sorry + " to VS " + vs
	}
	if gained {
		return []string{text, "Adding alive servers to the pool for VS " + vs}
	}
	return []string{text, "Removing alive servers from the pool for VS " + vs}
}
