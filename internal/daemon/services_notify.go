package daemon

import (
	"vigil/confparse"
	"vigil/ipvs"
)

// tell tells of what has happened to virtual and real servers: first the pipes, then the program that is meant for it.
func (t *teller) tell(e ipvs.Event) {
	line, object, up := told(e)
	if object == "" {
		return
	}
	if line != "" {
		t.all.write(object, line)
		t.services.write(object, line)
	}
	to := e.Notify.Told()
	if m := t.mail.Load(); m != nil {
		if alert, wanted := m.spec.alert(e, up, to.Mail); wanted {
			alert.About = object
			m.mailer.Send(alert)
		}
	}
	if line == "" {
		return
	}
	program := to.Down
	if up {
		program = to.Up
	}
	if program.Exists() {
		t.programs.Start(object, program)
	}
}

// told is the line of an event, what it is about and whether that is up. There is no line for what is only mailed, and no object
// for what only the log tells of.
func told(e ipvs.Event) (line, object string, up bool) {
	id := e.VirtualServer
	switch e.Kind {
	case ipvs.ServerUp, ipvs.ServerDown, ipvs.ServerGone, ipvs.CheckDone:
		if e.Kind == ipvs.ServerGone && !e.Up {
			return "", "", false // of one that was down that has been told
		}
		rs := confparse.RealServerID{VS: id, Addr: e.Server.Addr(), Port: e.Server.Port()}
		object, up = "RS "+rs.String()+" "+id.String(), e.Kind == ipvs.ServerUp
		if e.Kind == ipvs.CheckDone {
			return "", object, e.Up
		}
	case ipvs.QuorumGained, ipvs.QuorumLost:
		object, up = "VS "+id.String(), e.Kind == ipvs.QuorumGained
	case ipvs.PanicBegan, ipvs.PanicEnded:
		return "", "VS " + id.String(), e.Up
	default:
		return "", "", false
	}
	if up {
		return object + " UP", object, true
	}
	return object + " DOWN", object, false
}
