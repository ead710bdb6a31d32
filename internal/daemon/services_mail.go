package daemon

import (
	"fmt"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/ipvs"
)

// alert returns the mail about an event, which is wanted if those who are concerned say so. up is what it has become.
func (s *mailSpec) alert(e ipvs.Event, up bool, wanted confparse.Switch) (m notify.Mail, ok bool) {
	about, all := "", s.Servers
	id := e.VirtualServer
	switch e.Kind {
	case ipvs.QuorumGained, ipvs.QuorumLost:
		about, m.Body, all = "Virtualserver "+id.String(), quorumText(e), s.Quorums
	case ipvs.PanicBegan, ipvs.PanicEnded:
		about, m.Body = "Virtualserver "+id.String(), panicText(e)
	default:
		rs := confparse.RealServerID{VS: id, Addr: e.Server.Addr(), Port: e.Server.Port()}
		about, m.Body = "Realserver "+rs.String()+" of virtual server "+id.String(), serverText(e)
	}
	state := "DOWN"
	if up {
		state = "UP"
	}
	m.Subject = fmt.Sprintf("[%s] %s - %s", s.RouterID, about, state)
	return m, wanted.Or(all) && s.tells(e)
}

// tells reports whether an event is worth a mail: of a check that has not changed its server unless no_checker_emails is set, and
// of a server that is as it is from the start if a check has said so.
func (s *mailSpec) tells(e ipvs.Event) bool {
	switch e.Kind {
	case ipvs.CheckDone:
		return !s.NoCheckers
	case ipvs.ServerUp, ipvs.ServerDown:
		return !e.Initial || e.Alert != ""
	}
	return true
}

// panicText is what a mail says of a panic_threshold.
func panicText(e ipvs.Event) string {
	if e.Kind == ipvs.PanicEnded {
		return "=> No server that fails is kept in any more <="
	}
	return fmt.Sprintf("=> Too many servers fail: %d are out, and no more are taken out <=", e.Live)
}

// serverText is what a mail says of a real server.
func serverText(e ipvs.Event) string {
	switch {
	case e.Kind == ipvs.ServerGone && e.Stops:
		return "=> Shutting down <="
	case e.Kind == ipvs.ServerGone:
		return "=> Removing <="
	case e.Alert != "":
		return "=> " + e.Alert + " <="
	case e.Kind == ipvs.ServerUp:
		return "=> CHECK succeeded on service <="
	}
	return "=> CHECK failed on service <="
}

// quorumText is what a mail says of a quorum.
func quorumText(e ipvs.Event) string {
	gained := e.Kind == ipvs.QuorumGained
	switch {
	case e.Stops:
		return "=> Shutting down <="
	case gained:
		text := "Gained quorum"
		if e.Initial {
			text = "Starting with quorum up"
		}
		return fmt.Sprintf("=> %s %d+%d=%d <= %d <=", text, e.Quorum, e.Hysteresis, e.Quorum+e.Hysteresis, e.Live)
	}
	text := "Lost quorum"
	if e.Initial {
		text = "Starting with quorum down"
	}
	return fmt.Sprintf("=> %s %d-%d=%d > %d <=", text, e.Quorum, e.Hysteresis, e.Quorum-e.Hysteresis, e.Live)
}
