package healthcheck

import (
	"context"
	"fmt"
	"log/slog"

	"vigil/confparse"
)

// The texts are those operators of keepalived search their logs for. Names are only made when a line is wanted: ten
// thousand servers start at once.

func (m *Manager) enabled(level slog.Level) bool { return m.log.Enabled(context.Background(), level) }

// logServer writes the line text makes of a real server's and its virtual server's name.
func (m *Manager) logServer(rs *realServer, text func(name, vs string) string) {
	if !m.enabled(slog.LevelInfo) {
		return
	}
	name, vs := rs.id().String(), rs.vs.id.String()
	m.log.Info(text(name, vs), "virtual_server", vs, "real_server", name)
}

// logTransition tells that a real server went up or down.
func (m *Manager) logTransition(rs *realServer) {
	m.logServer(rs, func(name, vs string) string {
		switch {
		case rs.up() && rs.inhibit:
			return "Enabling service " + name + " of VS " + vs
		case rs.up():
			return "Adding service " + name + " to VS " + vs
		case rs.inhibit:
			return "Disabling service " + name + " of VS " + vs
		}
		return "Removing service " + name + " from VS " + vs
	})
}

func (m *Manager) logWeight(rs *realServer, from int32) {
	m.logServer(rs, func(name, vs string) string {
		active := "active"
		if !rs.up() {
			active = "inactive"
		}
		return fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", from, rs.weight, active, name, vs)
	})
}

func (m *Manager) logRealServerRemoved(rs *realServer) {
	m.logServer(rs, func(name, _ string) string { return "service " + name + " no longer exist" })
}

// manyActivations is how many checks may begin at one time with a line each. Of more than that nobody reads the lines,
// and a large director would be busy with them while it starts.
const manyActivations = 200

func (m *Manager) logActivated(probes []*probe) {
	level := slog.LevelInfo
	if len(probes) > manyActivations {
		m.log.Info(fmt.Sprintf("Activating %d healthcheckers", len(probes)))
		level = slog.LevelDebug
	}
	if !m.enabled(level) {
		return
	}
	for _, p := range probes {
		for _, s := range p.subscribers {
			name, vs := s.rs.id().String(), s.rs.vs.id.String()
			m.log.Log(context.Background(), level, "Activating healthchecker for service "+name+" for VS "+vs,
				"virtual_server", vs, "real_server", name)
		}
	}
}

func (m *Manager) logVirtualServerRemoved(vs *virtualServer) {
	if !m.enabled(slog.LevelInfo) {
		return
	}
	name := vs.id.String()
	text := "Removing Virtual Server " + name
	if vs.id.Group != "" {
		text = "Removing Virtual Server Group [" + vs.id.Group + "]"
	}
	m.log.Info(text, "virtual_server", name)
}

// logQuorum tells what an evaluation decided, and with swap that the sorry server and the pool change places.
func (m *Manager) logQuorum(vs *virtualServer, e evaluation, initial, swap bool) {
	if !m.enabled(slog.LevelInfo) {
		return
	}
	name, q := vs.id.String(), &vs.quorum
	say := func(format string, args ...any) {
		m.log.Info(fmt.Sprintf(format, args...), "virtual_server", name)
	}
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
		return
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
}

// logVerdict tells, once for each real server judged by p, what the check came to.
func (m *Manager) logVerdict(p *probe, o observed) {
	for _, s := range p.subscribers {
		m.logServer(s.rs, func(name, _ string) string {
			switch {
			case o.verdict == up && p.spec.Kind == confparse.TCPCheck:
				return "TCP connection to " + name + " success."
			case o.verdict == up:
				return "Remote Web server " + name + " succeed on service."
			case o.retries == 0:
				return checkName(p.spec.Kind) + " on service " + name + " failed."
			}
			return fmt.Sprintf("%s on service %s failed after %d retries.", checkName(p.spec.Kind), name, o.retries)
		})
	}
}

// logAttempt tells of one failed attempt of a check that is not down, for log_all_failures.
func (m *Manager) logAttempt(p *probe, r Result) {
	for _, s := range p.subscribers {
		m.logServer(s.rs, func(name, _ string) string {
			if p.spec.Kind == confparse.TCPCheck {
				return "TCP connection to " + name + " " + r.Reason + "."
			}
			return r.Reason + " server " + name + "."
		})
	}
}

// logURL tells that a URL of a check that is down has passed; the check is up when all of them have.
func (m *Manager) logURL(p *probe, r Result, path string) {
	for _, s := range p.subscribers {
		m.logServer(s.rs, func(name, _ string) string {
			return r.Reason + " success to " + name + " url(" + path + ")"
		})
	}
}

// logPostponed tells that an attempt could not be made for a reason on our side.
func (m *Manager) logPostponed(p *probe, r Result) {
	for _, s := range p.subscribers {
		name := s.rs.id().String()
		m.log.Warn(checkName(p.spec.Kind)+" on service "+name+" could not be made. Rescheduling",
			"virtual_server", s.rs.vs.id.String(), "real_server", name, "err", r.Err)
	}
}

// checkName is what the log calls a kind of check.
func checkName(k confparse.CheckerKind) string {
	switch k {
	case confparse.HTTPGet:
		return "HTTP_CHECK"
	case confparse.SSLGet:
		return "SSL_CHECK"
	}
	return k.String()
}
