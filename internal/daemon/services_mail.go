package daemon

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/ipvs"
)

// mailSpec is how alerts about virtual and real servers are mailed.
type mailSpec struct {
	Server           string // host:port; "": not at all
	HELO, From       string
	Recipients       string // each ended by a NUL
	Timeout          time.Duration
	RouterID         string
	Servers, Quorums bool // whether those that do not say are told of
}

func mailOf(g *confparse.Global) mailSpec {
	m := &g.Mail
	if m.ServerHost == "" || len(m.Recipients) == 0 {
		return mailSpec{}
	}
	all := m.Checkers
	if all == confparse.Unset {
		all = m.Alerts
	}
	s := mailSpec{Server: net.JoinHostPort(m.ServerHost, strconv.Itoa(int(m.ServerPort))), HELO: m.HELO, From: m.From,
		Recipients: strings.Join(m.Recipients, "\x00") + "\x00", Timeout: m.Timeout, RouterID: g.RouterID,
		Servers: all.Or(true), Quorums: all.Or(false)}
	return s
}

// mailing is the Mailer of a mailSpec.
type mailing struct {
	spec   mailSpec
	mailer *notify.Mailer
	task   *task
}

// setMail makes next how alerts are mailed. What waits under another one is not sent any more.
func (t *teller) setMail(next mailSpec) {
	before := t.mail.Load()
	switch {
	case before != nil && before.spec == next, before == nil && next == (mailSpec{}):
		return
	case before != nil:
		t.mail.Store(nil)
		before.task.stop(tellStopLimit)
	}
	if next.Server == "" {
		return
	}
	from := next.From
	if from == "" {
		from = notify.DefaultSender(next.HELO)
	}
	m := notify.NewMailer(notify.MailServer{Address: next.Server, HELO: next.HELO, From: from, Timeout: next.Timeout,
		Recipients: strings.Split(strings.TrimSuffix(next.Recipients, "\x00"), "\x00")}, t.log)
	t.mail.Store(&mailing{next, m, startTask("alerts by mail", nil, func(ctx context.Context) error { return m.Run(ctx) })})
}

// alert returns the mail about an event, which is wanted if those who are concerned say so. up is what it has become.
func (s *mailSpec) alert(e ipvs.Event, up bool, wanted confparse.Switch) (m notify.Mail, ok bool) {
	about, all := "", s.Servers
	id := e.VirtualServer
	switch e.Kind {
	case ipvs.QuorumGained, ipvs.QuorumLost:
		about, m.Body, all = "Virtualserver "+id.String(), quorumText(e), s.Quorums
	default:
		rs := confparse.RealServerID{VS: id, Addr: e.Server.Addr(), Port: e.Server.Port()}
		about, m.Body = "Realserver "+rs.String()+" of virtual server "+id.String(), serverText(e)
	}
	state := "DOWN"
	if up {
		state = "UP"
	}
	m.Subject = fmt.Sprintf("[%s] %s - %s", s.RouterID, about, state)
	return m, wanted.Or(all)
}

// serverText is what a mail says of a real server.
func serverText(e ipvs.Event) string {
	switch {
	case e.Kind == ipvs.ServerGone && e.Final:
		return "=> Shutting down <="
	case e.Kind == ipvs.ServerGone:
		return "=> Removing <="
	case e.Kind == ipvs.ServerUp:
		return "=> CHECK succeeded on service <="
	}
	return "=> CHECK failed on service <="
}

// quorumText is what a mail says of a quorum.
func quorumText(e ipvs.Event) string {
	gained := e.Kind == ipvs.QuorumGained
	switch {
	case e.Final:
		return "=> Shutting down <="
	case e.Initial && gained:
		return "=> Starting with quorum up <="
	case e.Initial:
		return "=> Starting with quorum down <="
	case gained:
		return fmt.Sprintf("=> Gained quorum %d+%d=%d <= %d <=", e.Quorum, e.Hysteresis, e.Quorum+e.Hysteresis, e.Live)
	}
	return fmt.Sprintf("=> Lost quorum %d-%d=%d > %d <=", e.Quorum, e.Hysteresis, e.Quorum-e.Hysteresis, e.Live)
}
