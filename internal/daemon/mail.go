package daemon

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/notify"
)

// mailSpec is how alerts are mailed.
type mailSpec struct {
	Server           string // host:port; "": not at all
	HELO, From       string
	Recipients       string // each ended by a NUL
	Timeout          time.Duration
	RouterID         string
	Servers, Quorums bool // whether those that do not say are told of
	Routers          bool // virtual routers and sync groups
	NoFaults         bool // no_email_faults
	NoCheckers       bool // no_checker_emails
}

func mailOf(g *confparse.Global) mailSpec {
	m := &g.Mail
	if m.ServerHost == "" || len(m.Recipients) == 0 {
		return mailSpec{}
	}
	all, routers := m.Checkers, m.VRRP
	if all == confparse.Unset {
		all = m.Alerts
	}
	if routers == confparse.Unset {
		routers = m.Alerts
	}
	s := mailSpec{Server: net.JoinHostPort(m.ServerHost, strconv.Itoa(int(m.ServerPort))), HELO: m.HELO, From: m.From,
		Recipients: strings.Join(m.Recipients, "\x00") + "\x00", Timeout: m.Timeout, RouterID: g.RouterID,
		Servers: all.Or(true), Quorums: all.Or(false), Routers: routers.Or(false), NoFaults: m.NoFaults, NoCheckers: m.NoCheckers}
	return s
}

// mailing is the Mailer of a mailSpec.
type mailing struct {
	spec   mailSpec
	mailer *notify.Mailer
	task   *task
}

// setMail makes next how alerts are mailed. What waits under another one has a second to be sent, and nobody waits for that.
func (t *teller) setMail(next mailSpec) {
	before := t.mail.Load()
	switch {
	case before != nil && before.spec == next, before == nil && next == (mailSpec{}):
		return
	case before != nil:
		t.mail.Store(nil)
		before.task.cancel()
		t.parted = append(slices.DeleteFunc(t.parted, (*task).over), before.task)
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
