package healthcheck

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
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

// logVerdict tells, once for each real server judged by p, what the check came to by r.
func (m *Manager) logVerdict(p *probe, o observed, r Result) {
	retry := p.spec.policy().retry
	for _, s := range p.subscribers {
		m.logServer(s.rs, func(name, vs string) string {
			return verdictText(p.words(), told{verdict: o.verdict, retries: o.retries, retry: retry, server: name, vs: vs,
				spec: p.spec, result: r})
		}, resultAttrs(r)...)
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
		m.logServer(s.rs, func(name, _ string) string { return p.words().step(name, r.Reason, r.Step) })
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
			"virtual_server", s.rs.vs.id.String(), "real_server", name, "err", r.Err)
	}
}
