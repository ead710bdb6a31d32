package dump

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// State is everything that keepalived.data tells of.
type State struct {
	Globals
	Routers  []Router
	Groups   []Group
	Scripts  []Script
	Files    []File
	Trackers []vrrp.TrackerStatus
}

// Group is a sync group and its members.
type Group struct {
	election.GroupStatus
	Members []confparse.InstanceName
}

// Script is a vrrp_script as it is configured.
type Script struct {
	Name              string
	Argv              []string
	Interval, Timeout time.Duration
	Rise, Fall        int
	UID, GID          uint32
}

// File is a track_file as it is configured.
type File struct{ Name, Path string }

// Data is the text of keepalived.data: a heading for each kind of object, and of each object a line for whatever it has.
// Programs look for a line by its indentation and its beginning.
func Data(s State) string {
	w := new(writer)
	w.globals(s.Globals)
	w.heading("VRRP Topology")
	for i := range s.Routers {
		w.router(&s.Routers[i], s)
	}
	if len(s.Groups) > 0 {
		w.heading("VRRP Sync groups")
	}
	for _, g := range s.Groups {
		w.line(1, "VRRP Sync Group = %s, %s", g.Name, g.State)
		w.line(3, "VRRP member instances :")
		for _, m := range g.Members {
			w.line(5, "%s", m)
		}
	}
	w.trackers(s)
	return w.b.String()
}

type writer struct{ b strings.Builder }

func (w *writer) heading(name string) { fmt.Fprintf(&w.b, "------< %s >------\n", name) }

func (w *writer) line(indent int, format string, args ...any) {
	w.b.WriteString(strings.Repeat(" ", indent))
	fmt.Fprintf(&w.b, format+"\n", args...)
}

// list writes a heading and its items, if there are any.
func (w *writer) list(heading string, items []string) {
	if len(items) == 0 {
		return
	}
	w.line(3, "%s", heading)
	for _, item := range items {
		w.line(5, "%s", item)
	}
}

func (w *writer) router(r *Router, s State) {
	spec := &r.Spec
	w.line(1, "VRRP Instance = %s", r.Name)
	w.line(3, "VRRP Version = %d", r.Version)
	for _, g := range s.Groups {
		for _, m := range g.Members {
			if m == r.Name {
				w.line(3, "Sync group = %s", g.Name)
			}
		}
	}
	w.line(3, "State = %s", r.State)
	if r.State == vrrp.Backup && r.MasterAddress.IsValid() {
		w.line(3, "Master router = %s", r.MasterAddress)
		w.line(3, "Master priority = %d", r.MasterPriority)
	}
	w.line(3, "Wantstate = %s", r.Want)
	w.line(3, "Last transition = %d.%06d (%s)", r.LastTransition.Unix(), r.LastTransition.Nanosecond()/1000,
		r.LastTransition.Local().Format("Mon Jan _2 15:04:05.000000 2006"))
	if spec.VMAC.Name != "" {
		w.line(3, "Interface = %s, vmac on %s, xmit %s interface", spec.VMAC.Name, spec.Link, map[bool]string{true: "base", false: "VMAC"}[spec.TransmitBase])
	} else {
		w.line(3, "Interface = %s", cmp.Or(r.Interface, "not configured"))
	}
	if r.Source.IsValid() {
		w.line(3, "Using src_ip = %s%s", r.Source, map[bool]string{true: " (from configuration)"}[spec.Source.IsValid()])
	}
	if spec.Group.IsValid() {
		w.line(3, "Multicast address %s", spec.Group)
	}
	w.garp(&spec.GARP)
	w.line(3, "Down timer adverts = %d", spec.DownTimerAdverts)
	w.line(3, "Send advert after receive lower priority advert = %v", !spec.LowerPriorityNoAdvert)
	w.line(3, "Send advert after receive higher priority advert = %v", spec.HigherPrioritySendAdvert)
	w.line(3, "Virtual Router ID = %d", r.VRID)
	w.line(3, "Priority = %d", r.BasePriority)
	w.line(3, "Effective priority = %d", r.Priority)
	if d := r.AdvertInterval; d%time.Second == 0 {
		w.line(3, "Advert interval = %d sec", d/time.Second)
	} else {
		w.line(3, "Advert interval = %d milli-sec", d/time.Millisecond)
	}
	w.line(3, "Accept = %s", enabled(!spec.NoAccept))
	w.line(3, "Preempt = %s", enabled(!spec.NoPreempt))
	if spec.PreemptDelay > 0 {
		w.line(3, "Preempt delay = %d secs", spec.PreemptDelay/time.Second)
	}
	w.line(3, "Promote_secondaries = %s", enabled(spec.Promote))
	if kind := map[uint8]string{1: "SIMPLE_PASSWORD", 2: "IPSEC_AH"}[uint8(spec.AuthType)]; kind != "" {
		w.line(3, "Authentication type = %s", kind)
		w.line(3, "Password = ********")
	}
	w.line(3, "Virtual IP (%d):", len(spec.Addresses))
	for _, a := range addresses(spec.Addresses, r.AddressesPresent) {
		w.line(5, "%s", a)
	}
	w.list("Virtual IP Excluded :", addresses(spec.Excluded, r.AddressesPresent))
	w.list("Unicast Peer :", texts(spec.Peers))
	w.list("Virtual Routes :", texts(spec.Routes))
	w.list("Virtual Rules :", texts(spec.Rules))
	w.followed(spec.Trackers)
	w.line(3, "Using smtp notification = %s", map[bool]string{true: "yes", false: "no"}[r.Mailed])
	w.programs(spec.Told.Told())
}

func (w *writer) garp(g *confparse.GARP) {
	w.line(3, "Gratuitous ARP delay = %d", g.MasterDelay/time.Second)
	w.line(3, "Gratuitous ARP repeat = %d", g.MasterRepeat)
	w.line(3, "Gratuitous ARP refresh = %d", g.MasterRefresh/time.Second)
	w.line(3, "Gratuitous ARP refresh repeat = %d", g.MasterRefreshRepeat)
	w.line(3, "Gratuitous ARP lower priority delay = %d", g.LowerPrioDelay/time.Second)
	w.line(3, "Gratuitous ARP lower priority repeat = %d", g.LowerPrioRepeat)
}

// followed lists what a router follows, by kind.
func (w *writer) followed(trackers []election.TrackSpec) {
	for _, of := range []struct {
		kind    track.Kind
		heading string
		comma   string
	}{{track.Interface, "Tracked interfaces :", ""}, {track.Script, "Tracked scripts :", ""}, {track.File, "Tracked files :", ","},
		{track.Process, "Tracked processes :", ""}, {track.BFD, "Tracked BFDs :", ""}} {
		var items []string
		for _, t := range trackers {
			if t.ID.Kind == of.kind {
				items = append(items, fmt.Sprintf("%s%s weight %d%s", t.ID.Name, of.comma, t.Weight, map[bool]string{true: " reverse"}[t.Reverse]))
			}
		}
		w.list(of.heading, items)
	}
}

func (w *writer) programs(t election.Told) {
	for _, p := range []struct {
		what    string
		program confparse.Program
	}{{"Backup state transition", t.Backup}, {"Master state transition", t.Master}, {"Fault state transition", t.Fault}, {"State stop", t.Stop},
		{"Deleted", t.Deleted}, {"Generic state transition", t.Any}, {"Master rx lower priority", t.LowerMaster}} {
		if p.program.Exists() {
			w.line(3, "%s script = %s, uid:gid %d:%d", p.what, command(p.program), p.program.As.UID, p.program.As.GID)
		}
	}
}

// trackers writes the scripts and the files that are tracked, with what they say.
func (w *writer) trackers(s State) {
	says := make(map[track.ID]vrrp.TrackerStatus, len(s.Trackers))
	for _, t := range s.Trackers {
		says[t.ID] = t
	}
	if len(s.Scripts) > 0 {
		w.heading("VRRP Scripts")
	}
	for _, x := range s.Scripts {
		t := says[track.ID{Kind: track.Script, Name: x.Name}]
		w.line(1, "VRRP Script = %s", x.Name)
		w.line(3, "Command = %s", quotedWords(x.Argv))
		w.line(3, "Interval = %d sec", x.Interval/time.Second)
		w.line(3, "Timeout = %d sec", x.Timeout/time.Second)
		w.line(3, "Rise = %d", x.Rise)
		w.line(3, "Fall = %d", x.Fall)
		w.line(3, "Status = %s", map[bool]string{true: "GOOD", false: "BAD"}[t.Known && t.Value != track.Down])
		w.line(3, "Script uid:gid = %d:%d", x.UID, x.GID)
		w.effects(t)
		w.line(3, "State = %s", t.Run)
	}
	if len(s.Files) > 0 {
		w.heading("VRRP Track files")
	}
	for _, x := range s.Files {
		t := says[track.ID{Kind: track.File, Name: x.Name}]
		w.line(1, "Track file = %s", x.Name)
		w.line(3, "File = %s", x.Path)
		w.line(3, "Status = %d", t.Value)
		w.effects(t)
	}
}

func (w *writer) effects(t vrrp.TrackerStatus) {
	var items []string
	for _, e := range t.Effects {
		items = append(items, fmt.Sprintf("%s, weight %d%s", e.Instance, e.Weight, map[bool]string{true: " reverse"}[e.Reverse]))
	}
	w.list("Tracking instances :", items)
}

func enabled(v bool) string {
	if v {
		return "enabled"
	}
	return "disabled"
}

// texts is each of list in words.
func texts[T any](list []T) []string {
	var words []string
	for _, x := range list {
		words = append(words, fmt.Sprint(x))
	}
	return words
}
