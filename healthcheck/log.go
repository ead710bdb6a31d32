package healthcheck

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"vigil/confparse"
)

// Names are only made when a line is wanted: ten thousand servers start at once.

func (m *Manager) enabled(level slog.Level) bool { return m.log.Enabled(context.Background(), level) }

// logServer writes the line text makes of a real server's and its virtual server's name, if it makes one.
func (m *Manager) logServer(rs *realServer, text func(name, vs string) string, attrs ...any) {
	if !m.enabled(slog.LevelInfo) {
		return
	}
	name, vs := rs.id().String(), rs.vs.id.String()
	if line := text(name, vs); line != "" {
		m.log.Info(line, append([]any{"virtual_server", vs, "real_server", name}, attrs...)...)
	}
}

// manyActivations is how many checks may begin or cease at one time with a line each. Of more than that nobody reads the lines,
// and a large director would be busy with them while it starts.
const manyActivations = 200

// The words of such a line.
const (
	activating   = "Activating"
	deactivating = "Deactivating" // as it begins
	suspending   = "Suspending"   // later
)

// logActivated tells of checks that are new. Of a virtual server of which it is not known yet whether it is suspended nothing is said
// until it is.
func (m *Manager) logActivated(probes []*probe) {
	var begin, wait []subscriber
	for _, p := range probes {
		for _, s := range p.subscribers {
			switch suspended, asked := m.suspended[s.rs.vs.id]; {
			case !asked || p.unfollow != nil: // who is told hears of it all the time
				begin = append(begin, s)
			case suspended:
				wait = append(wait, s)
			}
		}
	}
	m.logTurned(activating, begin)
	m.logTurned(deactivating, wait)
}

// logSuspended tells of the checks of virtual servers that are suspended now and were not before, or the other way about.
func (m *Manager) logSuspended(before map[confparse.VirtualServerID]bool) {
	turned := make(map[string][]subscriber)
	for _, vs := range m.servers {
		was, unknown := before[vs.id]
		is, asked := m.suspended[vs.id]
		unknown = unknown && !was
		word := ""
		switch {
		case is && unknown:
			word = deactivating
		case is && !was:
			word = suspending
		case !asked && (was || unknown):
			word = activating
		default:
			continue
		}
		for i := range vs.servers {
			rs := &vs.servers[i]
			for j, c := range rs.checks {
				if c.probe.unfollow == nil {
					turned[word] = append(turned[word], subscriber{rs, j})
				}
			}
		}
	}
	for _, word := range []string{activating, deactivating, suspending} {
		m.logTurned(word, turned[word])
	}
}

// logTurned writes a line for each check, or one for many.
func (m *Manager) logTurned(word string, checks []subscriber) {
	level := slog.LevelInfo
	if len(checks) > manyActivations {
		m.log.Info(fmt.Sprintf("%s %d healthcheckers", word, len(checks)))
		level = slog.LevelDebug
	}
	if !m.enabled(level) {
		return
	}
	for _, s := range checks {
		name, vs := s.rs.id().String(), s.rs.vs.id.String()
		m.log.Log(context.Background(), level, word+" healthchecker for service "+name+" for VS "+vs,
			"virtual_server", vs, "real_server", name)
	}
}

// sayVerdict returns what tells, of a real server judged by p, what the check came to by r.
func (m *Manager) sayVerdict(p *probe, o observed, r Result) func(*realServer) {
	is := told{verdict: o.verdict, retries: o.retries, retry: p.spec.policy().retry, spec: p.spec, result: r}
	words, attrs := p.words(), resultAttrs(r)
	return func(rs *realServer) {
		m.logServer(rs, func(name, vs string) string {
			is.server, is.vs = name, vs
			return verdictText(words, is)
		}, attrs...)
	}
}

// resultKey is the attribute with the summary of a result.
const resultKey = "result"

// resultAttrs are what a line about a result ends with: its summary and, of TLS that has failed, why, which no summary tells.
func resultAttrs(r Result) []any {
	attrs := []any{resultKey, r.Summary()}
	if r.Code == CodeTLSFailed && r.Err != nil {
		attrs = append(attrs, "err", printable(r.Err.Error()))
	}
	return attrs
}

// printable is a text without what would do something to a terminal: the names in a certificate are the server's.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}

// logAttempt tells of one failed attempt of a check that is not down, for log_all_failures.
func (m *Manager) logAttempt(p *probe, r Result) {
	retry := p.spec.policy().retry
	for _, s := range p.subscribers {
		m.logServer(s.rs, func(name, vs string) string {
			return attemptText(p.words(), told{retry: retry, attempt: p.judgement.attempt, server: name, vs: vs, spec: p.spec, result: r})
		}, resultAttrs(r)...)
	}
}

// logStep tells that a step of a check that is down has passed; the check is up when all of them have.
func (m *Manager) logStep(p *probe, r Result) {
	for _, s := range p.subscribers {
		m.logServer(s.rs, func(name, _ string) string { return p.words().step(name, r.Reason, r.Step) }, resultAttrs(r)...)
	}
}

// logOverdue tells that a check has not completed for too long, or does again.
func (m *Manager) logOverdue(p *probe, since time.Duration) {
	for _, s := range p.subscribers {
		name := s.rs.id().String()
		attrs := []any{"virtual_server", s.rs.vs.id.String(), "real_server", name}
		if !p.late {
			m.log.Info(p.words().check+" on service "+name+" completes again", attrs...)
			continue
		}
		m.log.Warn(fmt.Sprintf("%s on service %s has not completed for %v: what it said last still holds",
			p.words().check, name, since.Round(time.Second)), attrs...)
	}
}

// logPostponed tells that an attempt could not be made for a reason on our side.
func (m *Manager) logPostponed(p *probe, r Result) {
	for _, s := range p.subscribers {
		name := s.rs.id().String()
		m.log.Warn(postponedText(p.words(), name),
			"virtual_server", s.rs.vs.id.String(), "real_server", name, resultKey, r.Summary(), "err", r.Err)
	}
}
