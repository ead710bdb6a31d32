package healthcheck

import (
	"fmt"
	"log/slog"

	"vigil/confparse"
)

// evaluate lets a virtual server's quorum and sorry server follow its live weight.
func (m *Manager) evaluate(vs *virtualServer, initial bool) {
	e := vs.quorum.evaluate(initial, vs.sorry.IsValid() && !vs.sorryActive)
	if e == quorumKept {
		return
	}
	active := vs.sorry.IsValid() && e != quorumGained
	if m.enabled(slog.LevelInfo) {
		for _, text := range quorumTexts(vs, e, initial, active != vs.sorryActive) {
			m.log.Info(text, "virtual_server", vs.id.String())
		}
	}
	vs.sorryActive = active
	m.notify(vs, nil, false)
}

// quorumTexts tells what an evaluation decided, and with swap that the sorry server and the pool change places.
func quorumTexts(vs *virtualServer, e evaluation, initial, swap bool) (texts []string) {
	name, q := vs.id.String(), &vs.quorum
	say := func(format string, args ...any) { texts = append(texts, fmt.Sprintf(format, args...)) }
	if e == quorumGained {
		say("Gained quorum %d+%d=%d <= %d for VS %s", q.quorum, q.hysteresis, q.quorum+q.hysteresis, q.sum, name)
	} else {
		event := "Lost quorum"
		if initial {
			event = "Starting with quorum down"
		}
		say("%s %d-%d=%d > %d for VS %s", event, q.quorum, q.hysteresis, q.quorum-q.hysteresis, q.sum, name)
	}
	if !swap {
		return texts
	}
	sorry := confparse.RealServerID{VS: vs.id, Addr: vs.sorry.Addr(), Port: vs.sorry.Port()}
	switch {
	case e == quorumGained && vs.sorryInhibit:
		say("Disabling sorry server %s from VS %s", sorry, name)
	case e == quorumGained:
		say("Removing sorry server %s from VS %s", sorry, name)
	case vs.sorryInhibit:
		say("Enabling sorry server %s to VS %s", sorry, name)
	default:
		say("Adding sorry server %s to VS %s", sorry, name)
	}
	if e == quorumGained {
		say("Adding alive servers to the pool for VS %s", name)
	} else {
		say("Removing alive servers from the pool for VS %s", name)
	}
	return texts
}
