package daemon

import (
	"context"
	"fmt"
	"strconv"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/vrrp"
)

// herald tells of what happens to virtual routers and sync groups. It is owned by the goroutine of its run.
type herald struct {
	teller *teller
	again  chan []standing   // to be told again; one slot
	state  map[string]string // the last word told of an object
	mailed map[string]string // and mailed
}

// standing is an object with its priority now.
type standing struct {
	object   string
	priority uint8
}

func newHerald(t *teller) *herald {
	return &herald{teller: t, again: make(chan []standing, 1), state: make(map[string]string), mailed: make(map[string]string)}
}

// run tells of the changes until ctx ends, and of those that have come by then.
func (h *herald) run(ctx context.Context, changes *vrrp.Changes) {
	for ended := false; !ended; {
		select {
		case <-changes.Changed():
		case list := <-h.again:
			h.repeat(changes, list)
		case <-ctx.Done():
			ended = true
		}
		for _, c := range changes.Take() {
			h.tell(c)
		}
	}
}

func objectOf(instance confparse.InstanceName, group confparse.GroupName) string {
	if group != "" {
		return `GROUP "` + string(group) + `"`
	}
	return `INSTANCE "` + string(instance) + `"`
}

// tell tells of a change.
func (h *herald) tell(c vrrp.Change) {
	told, object := c.Told.Told(), objectOf(c.Instance, c.Group)
	switch c.Kind {
	case vrrp.LowerMaster:
		h.write(object+" LOWER", object, "MASTER_RX_LOWER_PRI", c.Priority)
		if told.LowerMaster.Exists() {
			h.teller.programs.Again(object, told.LowerMaster)
		}
		return
	case vrrp.PriorityChanged:
		if !told.Priorities.Or(h.teller.priorities.Load()) {
			return
		}
		word := "BACKUP_PRIORITY"
		if c.To == vrrp.Master {
			word = "MASTER_PRIORITY"
		}
		h.write(object+" PRIORITY", object, word, c.Priority)
		return
	}
	word, program := spoken(c, told)
	if word == "" {
		return
	}
	h.write(object, object, word, c.Priority)
	var programs []confparse.Program
	for _, p := range []confparse.Program{program, generic(c, told, word)} {
		if p.Exists() {
			programs = append(programs, p)
		}
	}
	h.teller.programs.Start(object, programs...)
	if m := h.teller.mail.Load(); m != nil {
		if alert, wanted := h.alert(&m.spec, c, word); wanted {
			m.mailer.Send(alert)
		}
	}
	if h.state[object] = word; c.To == vrrp.Init {
		delete(h.state, object)
		delete(h.mailed, object)
	}
}

// write writes a line to the pipes.
func (h *herald) write(about, object, word string, priority uint8) {
	line := object + " " + word + " " + strconv.Itoa(int(priority))
	h.teller.all.write(about, line)
	h.teller.routers.write(about, line)
}

// spoken returns the word for what has become of an object, and the program that is for that alone. A sync group that a
// reload removes is not told of.
func spoken(c vrrp.Change, told vrrp.Told) (word string, program confparse.Program) {
	switch {
	case c.To == vrrp.Master:
		return "MASTER", told.Master
	case c.To == vrrp.Backup:
		return "BACKUP", told.Backup
	case c.To == vrrp.Fault:
		return "FAULT", told.Fault
	case !c.Removed:
		return "STOP", told.Stop
	case c.Group != "":
		return "", confparse.Program{}
	case told.SaysDeleted:
		return "DELETED", told.Deleted
	}
	return "FAULT", told.Fault
}

// generic returns the program that is told of every transition, with what it is told.
func generic(c vrrp.Change, told vrrp.Told, word string) confparse.Program {
	if !told.Any.Exists() {
		return confparse.Program{}
	}
	kind, name := "INSTANCE", string(c.Instance)
	if c.Group != "" {
		kind, name = "GROUP", string(c.Group)
	}
	return told.Any.With(kind, name, word, strconv.Itoa(int(c.Priority)))
}

// alert returns the mail about a transition, which is wanted if those who are concerned say so and it is another state than
// the one mailed last.
func (h *herald) alert(s *mailSpec, c vrrp.Change, word string) (m notify.Mail, wanted bool) {
	object := objectOf(c.Instance, c.Group)
	if !c.Told.Told().Mail.Or(s.Routers) || word == "FAULT" && s.NoFaults || h.mailed[object] == word {
		return notify.Mail{}, false
	}
	h.mailed[object] = word
	about := "VRRP Instance " + string(c.Instance)
	if c.Group != "" {
		about = "VRRP Group " + string(c.Group)
	}
	return notify.Mail{About: object, Subject: fmt.Sprintf("[%s] %s - %s", s.RouterID, about, headline(word)),
		Body: bodyOf(word, c.Group != "")}, true
}

func headline(word string) string {
	switch word {
	case "STOP":
		return "Stopping"
	case "DELETED":
		return "Deleted"
	}
	return "Entering " + word + " state"
}

// bodyOf is what keepalived writes of a transition.
func bodyOf(word string, group bool) string {
	switch {
	case group && word == "STOP":
		return "=> All VRRP group instances are now stopping <="
	case group:
		return "=> All VRRP group instances are now in " + word + " state <="
	case word == "MASTER":
		return "=> VRRP Instance is now owning VRRP VIPs <="
	case word == "STOP":
		return "=> VRRP Instance is stopping <="
	case word == "DELETED":
		return "=> VRRP Deleted at reload <="
	}
	return "=> VRRP Instance is no longer owning VRRP VIPs <="
}

// tellAgain has the states of all objects that stay written to the pipes again, instances first.
func (h *herald) tellAgain(s vrrp.Status) {
	var list []standing
	for _, in := range s.Instances {
		if !in.Resigning {
			list = append(list, standing{objectOf(in.Name, ""), in.Priority})
		}
	}
	for _, g := range s.Groups {
		list = append(list, standing{objectOf("", g.Name), 0})
	}
	select {
	case <-h.again: // a later one has it all
	default:
	}
	h.again <- list
}

// repeat writes the states of the objects that have been told of, after what has come by now.
func (h *herald) repeat(changes *vrrp.Changes, list []standing) {
	for _, c := range changes.Take() {
		h.tell(c)
	}
	for _, s := range list {
		if word := h.state[s.object]; word != "" {
			h.write(s.object, s.object, word, s.priority)
		}
	}
}

// tellStates has the states written again after a reload, if that is wanted.
func (r *routers) tellStates(told toldSpec) {
	if runner := r.runner.Load(); runner != nil && told.StatesOnReload {
		r.herald.tellAgain(runner.Status())
	}
}
