package daemon

import (
	"bufio"
	"net"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/pool"
)

func quorumEvent(kind pool.NoteKind, change func(*pool.Note)) ipvs.Event {
	n := pool.Note{Kind: kind, Quorum: 3, Hysteresis: 1, Live: 5}
	if change != nil {
		change(&n)
	}
	return ipvs.Event{VirtualServer: toldVS, Note: n}
}

func TestAlerts(t *testing.T) {
	const rs, vs = "[lb1] Realserver [198.51.100.1]:tcp:8080 of virtual server [192.0.2.1]:tcp:80", "[lb1] Virtualserver [192.0.2.1]:tcp:80"
	initial, final := func(n *pool.Note) { n.Initial = true }, func(n *pool.Note) { n.Final, n.Stops = true, true }
	last := serverEvent(pool.ServerGone, true, pool.Notify{})
	last.Final, last.Stops = true, true
	removed := serverEvent(pool.ServerGone, true, pool.Notify{})
	removed.Final = true
	check := func(kind pool.NoteKind, up bool, text string) ipvs.Event {
		e := serverEvent(kind, up, pool.Notify{})
		e.Alert = text
		return e
	}
	s := mailSpec{RouterID: "lb1"}
	for _, c := range []struct {
		event         ipvs.Event
		subject, body string
	}{
		{serverEvent(pool.ServerUp, true, pool.Notify{}), rs + " - UP", "=> CHECK succeeded on service <="},
		{serverEvent(pool.ServerDown, false, pool.Notify{}), rs + " - DOWN", "=> CHECK failed on service <="},
		{check(pool.ServerDown, false, "TCP CHECK failed on service"), rs + " - DOWN", "=> TCP CHECK failed on service <="},
		{check(pool.CheckDone, false, "TCP CHECK succeed on service"), rs + " - DOWN", "=> TCP CHECK succeed on service <="},
		{check(pool.CheckDone, true, "MISC CHECK succeeded on service"), rs + " - UP", "=> MISC CHECK succeeded on service <="},
		{serverEvent(pool.ServerGone, true, pool.Notify{}), rs + " - DOWN", "=> Removing <="},
		{last, rs + " - DOWN", "=> Shutting down <="},
		{removed, rs + " - DOWN", "=> Removing <="},
		{quorumEvent(pool.QuorumLost, func(n *pool.Note) { n.Final, n.Live = true, 0 }), vs + " - DOWN", "=> Lost quorum 3-1=2 > 0 <="},
		{panicEvent(pool.PanicBegan, true), vs + " - UP", "=> Too many servers fail: 5 are out, and no more are taken out <="},
		{panicEvent(pool.PanicEnded, false), vs + " - DOWN", "=> No server that fails is kept in any more <="},
		{quorumEvent(pool.QuorumGained, nil), vs + " - UP", "=> Gained quorum 3+1=4 <= 5 <="},
		{quorumEvent(pool.QuorumLost, nil), vs + " - DOWN", "=> Lost quorum 3-1=2 > 5 <="},
		{quorumEvent(pool.QuorumGained, initial), vs + " - UP", "=> Starting with quorum up 3+1=4 <= 5 <="},
		{quorumEvent(pool.QuorumLost, initial), vs + " - DOWN", "=> Starting with quorum down 3-1=2 > 5 <="},
		{quorumEvent(pool.QuorumLost, final), vs + " - DOWN", "=> Shutting down <="},
	} {
		_, _, up := told(c.event)
		if m, _ := s.alert(c.event, up, confparse.Unset); m.Subject != c.subject || m.Body != c.body {
			t.Errorf("%q, %q; want %q, %q", m.Subject, m.Body, c.subject, c.body)
		}
	}
}

// panicEvent is one of a panic_threshold, of five servers.
func panicEvent(kind pool.NoteKind, quorum bool) ipvs.Event {
	return ipvs.Event{VirtualServer: toldVS, Note: pool.Note{Kind: kind, Live: 5, Up: quorum}}
}

// A panic is mailed to whoever is mailed of servers, and no line or program is told of it.
func TestAlertOfAPanic(t *testing.T) {
	s := mailOf(&confparse.Global{Mail: confparse.Mail{ServerHost: "192.0.2.5", ServerPort: 25, Recipients: []string{"a"}, NoCheckers: true}})
	e := panicEvent(pool.PanicBegan, true)
	_, usual := s.alert(e, true, confparse.Unset)
	_, off := s.alert(e, true, confparse.Off)
	if line, object, _ := told(e); line != "" || object != "VS [192.0.2.1]:tcp:80" || !usual || off {
		t.Errorf("line %q about %q, mailed %v, mailed although it is off %v", line, object, usual, off)
	}
}

// Whether a mail is sent: smtp_alert of the server, smtp_alert_checker, smtp_alert; else of servers and not of quorums.
func TestAlertsThatAreWanted(t *testing.T) {
	server, quorum := serverEvent(pool.ServerUp, true, pool.Notify{}), quorumEvent(pool.QuorumGained, nil)
	for _, c := range []struct {
		checkers, all, own confparse.Switch
		servers, quorums   bool
	}{
		{confparse.Unset, confparse.Unset, confparse.Unset, true, false},
		{confparse.Unset, confparse.On, confparse.Unset, true, true},
		{confparse.Off, confparse.On, confparse.Unset, false, false},
		{confparse.Off, confparse.Off, confparse.On, true, true},
		{confparse.On, confparse.On, confparse.Off, false, false},
	} {
		s := mailOf(&confparse.Global{Mail: confparse.Mail{ServerHost: "192.0.2.5", ServerPort: 25, Recipients: []string{"a"},
			Alerts: c.all, Checkers: c.checkers}})
		_, servers := s.alert(server, true, c.own)
		if _, quorums := s.alert(quorum, true, c.own); servers != c.servers || quorums != c.quorums {
			t.Errorf("%+v: servers %v, quorums %v", c, servers, quorums)
		}
	}
}

// Which events about servers are worth a mail: of checks that leave their server as it is not with no_checker_emails, of servers that
// are as they are from the start only where a check has said so.
func TestAlertsOfChecks(t *testing.T) {
	event := func(kind pool.NoteKind, initial bool, text string) ipvs.Event {
		e := serverEvent(kind, true, pool.Notify{})
		e.Initial, e.Alert = initial, text
		return e
	}
	for _, c := range []struct {
		event       ipvs.Event
		all, little bool // without and with no_checker_emails
	}{
		{event(pool.CheckDone, false, "x"), true, false},
		{event(pool.ServerDown, false, "x"), true, true},
		{event(pool.ServerUp, false, ""), true, true},
		{event(pool.ServerUp, true, ""), false, false},
		{event(pool.ServerDown, true, ""), false, false},
		{event(pool.ServerDown, true, "x"), true, true},
		{event(pool.ServerGone, false, ""), true, true},
	} {
		for none, want := range map[bool]bool{false: c.all, true: c.little} {
			s := mailOf(&confparse.Global{Mail: confparse.Mail{ServerHost: "192.0.2.5", ServerPort: 25, Recipients: []string{"a"},
				NoCheckers: none}})
			if _, got := s.alert(c.event, true, confparse.Unset); got != want {
				t.Errorf("%+v, no_checker_emails %v: %v, want %v", c.event.Note, none, got, want)
			}
			if _, got := s.alert(c.event, true, confparse.Off); got {
				t.Errorf("%+v: mailed although smtp_alert is off", c.event.Note)
			}
		}
	}
}

// A teller mails what it is told of, from the first configuration that says where to.
func TestTellerMails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tell := telling(t)
	defer tell.close()
	tell.tell(serverEvent(pool.ServerDown, false, pool.Notify{})) // to nobody
	spec := mailSpec{Server: l.Addr().String(), HELO: "lb1", Recipients: "a\x00b\x00", Timeout: time.Minute, Servers: true}
	tell.setMail(spec)
	first := tell.mail.Load()
	if tell.setMail(spec); tell.mail.Load() != first {
		t.Error("the same is made anew")
	}
	tell.tell(quorumEvent(pool.QuorumGained, nil)) // which nobody wants
	tell.tell(serverEvent(pool.ServerUp, true, pool.Notify{}))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("220 ready\r\n"))
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "HELO lb1\r\n" {
		t.Errorf("%q, %v", line, err)
	}
}
