package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"vigil/internal/routing"
)

// RemoveLeft removes the routes and the rules that carry our number (ProtocolOwn) and are none of those, and returns them as
// text: what a process has left that was killed, and nobody knows any more. The error says which of them stay.
func (h *Handle) RemoveLeft(routes []routing.Route, rules []routing.Rule) (gone []string, err error) {
	routesGone, routesErr := h.removeRoutesLeft(routes)
	rulesGone, rulesErr := h.removeRulesLeft(rules)
	return append(routesGone, rulesGone...), errors.Join(routesErr, rulesErr)
}

func (h *Handle) removeRoutesLeft(keep []routing.Route) (gone []string, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		msgs, listErr := h.dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, []byte{family, 0, 0, 0, 0, routing.ProtocolOwn, 0, 0, 0, 0, 0, 0})
		if listErr != nil {
			err = errors.Join(err, fmt.Errorf("list routes: %w", listErr))
			continue
		}
		for _, m := range msgs {
			e, ok := parseEntry(m)
			if !ok || e.protocol != routing.ProtocolOwn || slices.ContainsFunc(keep, func(r routing.Route) bool { return h.maybe(e, r) }) {
				continue
			}
			text := fmt.Sprintf("route %s of table %d", e.dest, e.table)
			// What the kernel tells of a route is also how to name it.
			switch failed := h.send(unix.RTM_DELROUTE, 0, slices.Clone(m)); {
			case failed == nil:
				gone = append(gone, text)
			case !errors.Is(failed, unix.ESRCH):
				err = errors.Join(err, fmt.Errorf("delete %s: %w", text, failed))
			}
		}
	}
	return gone, err
}

// maybe reports whether e is r, or could be: r is in the table of a VRF that is not known.
func (h *Handle) maybe(e tableEntry, r routing.Route) bool {
	table := r.Table
	if r.VRF != "" {
		var err error
		if table, err = h.vrfTable(r.VRF); err != nil {
			return e.dest == r.Dest.Masked()
		}
	}
	return e.is(r, table, h.linkNumber)
}

func (h *Handle) removeRulesLeft(keep []routing.Rule) (gone []string, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		msgs, listErr := h.dump(unix.RTM_GETRULE, unix.RTM_NEWRULE, []byte{family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		if listErr != nil {
			err = errors.Join(err, fmt.Errorf("list rules: %w", listErr))
			continue
		}
		for _, m := range msgs {
			r, ok := parseRule(m)
			same := func(k routing.Rule) bool { return plain(k) == plain(r) }
			if !ok || r.Protocol != routing.ProtocolOwn || slices.ContainsFunc(keep, same) {
				continue
			}
			b := slices.Clone(m)
			binary.NativeEndian.PutUint32(b[8:], binary.NativeEndian.Uint32(b[8:])&ruleInvert) // the other flags are of its state
			switch failed := h.send(unix.RTM_DELRULE, 0, b); {
			case failed == nil:
				gone = append(gone, r.String())
			case !errors.Is(failed, unix.ENOENT):
				err = errors.Join(err, fmt.Errorf("delete %s: %w", r, failed))
			}
		}
	}
	return gone, err
}
