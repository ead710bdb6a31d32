package confparse

import (
	"fmt"
	"maps"
	"slices"

	"vigil/confparse/diag"
)

// TrackInterface is one line of track_interface.
type TrackInterface struct {
	Range     Range
	Interface string
	Weight    int // -253..253; 0 = down means FAULT
	Reverse   bool
}

// Tracked is one line of track_script, track_file, track_process or track_bfd, or a track_virtual_server.
type Tracked struct {
	Range   Range
	Name    string // of a virtual server as VirtualServerID.TrackName has it
	Weight  int    // the definition's unless given here
	Reverse bool
}

// Tracking is what an instance or a group watches besides interfaces.
type Tracking struct {
	Scripts   []Tracked
	Files     []Tracked
	Processes []Tracked
	BFD       []Tracked
	Servers   []Tracked
}

// trackInterfaces is the list of interfaces that an instance or a group watches.
func trackInterfaces[T any](of func(*T) *[]TrackInterface) row[T] {
	return listRow("track_interface", "track_interface", func(d *decoder, n *Node, t *T) {
		if link, ok := d.trackedInterface(n, *of(t)); ok {
			*of(t) = append(*of(t), link)
		}
	}, func(p *printer, t *T) { p.trackInterfaces(*of(t)) })
}

// trackingRows are the lists of vrrp_instance and vrrp_sync_group of what can be tracked besides interfaces.
var trackingRows = blockOf[watcher]{
	trackList("script", 254, func(c *Config) []definition {
		return trackersOf(c.Scripts, func(t *TrackScript) definition { return definition{t.Name, t.Weight, t.Reverse, true} })
	}, func(t *Tracking) *[]Tracked { return &t.Scripts }),
	trackList("file", 254, func(c *Config) []definition {
		return trackersOf(c.Files, func(t *TrackFile) definition { return definition{t.Name, t.Weight, t.Reverse, true} })
	}, func(t *Tracking) *[]Tracked { return &t.Files }),
	trackList("process", 254, func(c *Config) []definition {
		return trackersOf(c.Processes, func(t *TrackProcess) definition { return definition{t.Name, t.Weight, t.Reverse, true} })
	}, func(t *Tracking) *[]Tracked { return &t.Processes }),
	trackList("bfd", 253, func(c *Config) []definition {
		return trackersOf(c.BFD, func(t *BFDInstance) definition { return definition{t.Name, t.Weight, t.Reverse, t.VRRP} })
	}, func(t *Tracking) *[]Tracked { return &t.BFD }),
	trackServer,
}

// definition is what a track list needs of the tracker that it names.
type definition struct {
	name    string
	weight  int
	reverse bool
	usable  bool // by instances and groups
}

func trackersOf[T any](list []*T, as func(*T) definition) []definition {
	all := make([]definition, len(list))
	for i, t := range list {
		all[i] = as(t)
	}
	return all
}

func (t *TrackScript) definedName() string  { return t.Name }
func (t *TrackProcess) definedName() string { return t.Name }
func (t *TrackFile) definedName() string    { return t.Name }

// InForce returns those definitions of scripts, processes or files that count, in the order of their names: of several of one name the
// last, as for the weights of those who refer to it.
func InForce[T interface{ definedName() string }](list []T) (kept []T) {
	last := make(map[string]T, len(list))
	for _, t := range list {
		last[t.definedName()] = t
	}
	for _, name := range slices.Sorted(maps.Keys(last)) {
		kept = append(kept, last[name])
	}
	return kept
}

// trackList is the list of the trackers of one kind.
func trackList(kind string, limit int64, defined func(*Config) []definition, of func(*Tracking) *[]Tracked) row[watcher] {
	name := "track_" + kind
	return listRow(name, name, func(d *decoder, n *Node, w *watcher) {
		list := of(w.tracking)
		if t, ok := d.tracked(n, w.name, kind, limit, defined(d.cfg), *list); ok {
			*list = append(*list, t)
		}
	}, func(p *printer, w *watcher) { p.tracked(name, *of(w.tracking)) })
}

func (d *decoder) trackedInterface(n *Node, list []TrackInterface) (TrackInterface, bool) {
	t := TrackInterface{Range: n.RangeOf(n.Keyword), Interface: d.intern(n.Keyword.Text)}
	if !d.interfaceName(n, t.Interface) {
		return t, false
	}
	for _, old := range list {
		if old.Interface == t.Interface {
			d.report(n, t.Range, diag.CodeDuplicateTrack, fmt.Sprintf("interface %s is tracked twice", t.Interface), "",
				Place{Range: old.Range, Note: "first given here"})
			return t, false
		}
	}
	w, ok := d.trackWeight(n, 254, true, false)
	t.Weight, t.Reverse = int(w.weight), w.reverse
	return t, ok
}

// trackedWeight is the end of an item of a track_* list.
type trackedWeight struct {
	weight  int64
	set     bool
	reverse bool
}

// trackWeight decodes "[weight N [reverse]]" after the name of an item; with override, noreverse too. With reduce, 254
// becomes 253. It returns false to drop the item.
func (d *decoder) trackWeight(n *Node, limit int64, reduce, override bool) (w trackedWeight, ok bool) {
	if len(n.Args) == 0 {
		return w, true
	}
	if n.Arg(0) != "weight" {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownItemWord,
			fmt.Sprintf("unknown option '%s' for tracked %s - ignoring", n.Arg(0), n.Keyword.Text), "use weight N")
		return w, false
	}
	if len(n.Args) == 1 {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeArgumentExpected,
			fmt.Sprintf("weight without value specified for tracked %s - ignoring", n.Keyword.Text), "")
		return w, false
	}
	if v, valid := d.wholeNumber(n, n.Args[1], whole(-limit, limit)); valid {
		if reduce && (v == 254 || v == -254) {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeRaised, fmt.Sprintf("weight %d is reduced to %d", v, v/254*253),
				"the range is -253 to 253")
			v = v / 254 * 253
		}
		w.weight, w.set = v, true
	}
	if len(n.Args) > 2 {
		if n.Arg(2) != "reverse" && !(override && n.Arg(2) == "noreverse") {
			d.report(n, n.RangeOf(n.Args[2]), diag.CodeUnknownItemWord,
				fmt.Sprintf("unknown option '%s' for tracked %s - ignoring", n.Arg(2), n.Keyword.Text), "")
			return w, false
		}
		w.reverse = n.Arg(2) == "reverse"
	}
	return w, true
}

// tracked decodes an item "NAME [weight N [reverse|noreverse]]" of owner's list. What it names must be defined above.
func (d *decoder) tracked(n *Node, owner, kind string, limit int64, defined []definition, list []Tracked) (Tracked, bool) {
	t := Tracked{Range: n.RangeOf(n.Keyword), Name: d.intern(n.Keyword.Text)}
	found := false
	for _, x := range defined {
		if x.name == t.Name && x.usable {
			found, t.Weight, t.Reverse = true, x.weight, x.reverse
		}
	}
	if !found {
		if kind != "bfd" || !d.droppedBFD[t.Name] { // else it is reported at its definition
			d.unknownTracker(n, owner, kind, defined)
		}
		return t, false
	}
	for _, old := range list {
		if old.Name == t.Name {
			d.report(n, t.Range, diag.CodeDuplicateTrack, fmt.Sprintf("(%s) duplicate track_%s %s - ignoring", owner, kind,
				t.Name), "", Place{Range: old.Range, Note: "first given here"})
			return t, false
		}
	}
	w, ok := d.trackWeight(n, limit, kind == "script", true)
	if w.set {
		t.Weight, t.Reverse = int(w.weight), w.reverse
	}
	return t, ok
}

func (d *decoder) unknownTracker(n *Node, owner, kind string, defined []definition) {
	detail := "it must be defined above its use"
	if len(defined) > 0 {
		var names []string
		for _, x := range defined {
			names = append(names, x.name)
		}
		detail = nearest(n.Keyword.Text, names)
	}
	d.report(n, n.RangeOf(n.Keyword), diag.CodeUnknownTracker, fmt.Sprintf("(%s) track %s %s not found, ignoring...", owner, kind,
		n.Keyword.Text), detail)
}

// weightRow is "weight N [reverse]" of a tracker, N from -limit to limit. written remembers that there is one, and makes
// a second one count for nothing; when it is nil, the last one counts.
func weightRow[T any](limit int64, def int, weight func(*T) *int, reverse, written func(*T) *bool) row[T] {
	r := ownRow("weight", fmt.Sprint(def), func(d *decoder, n *Node, t *T) {
		switch {
		case len(n.Args) == 0:
			d.missing(n, written != nil)
		case written != nil && *written(t):
			d.about(n, diag.CodeRepeated, "weight has already been specified - ignoring", "")
		case d.definitionWeight(n, limit, weight(t), reverse(t)) && written != nil:
			*written(t) = true
		}
	}, func(p *printer, t *T) { p.line(weightWords("weight", *weight(t), *reverse(t))) })
	r.reset = func(t *T) { *weight(t) = def }
	return r
}

func weightWords(name string, weight int, reverse bool) string {
	if reverse {
		return fmt.Sprintf("%s %d reverse", name, weight)
	}
	return fmt.Sprintf("%s %d", name, weight)
}

// definitionWeight decodes "N [reverse]" of a tracker, and returns false when there is no such number.
func (d *decoder) definitionWeight(n *Node, limit int64, weight *int, reverse *bool) bool {
	v, ok := d.wholeNumber(n, n.Args[0], whole(-limit, limit))
	if !ok {
		return false
	}
	*weight = int(v)
	switch n.Arg(1) {
	case "":
	case "reverse":
		*reverse = true
	default:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownWord, "unknown weight option '"+n.Arg(1)+"'",
			"only reverse is known")
	}
	return true
}

func (p *printer) trackInterfaces(list []TrackInterface) {
	if len(list) == 0 {
		return
	}
	p.open("track_interface")
	for _, t := range list {
		words := []any{quoted(t.Interface)}
		if t.Weight != 0 || t.Reverse {
			words = append(words, "weight", t.Weight)
		}
		if t.Reverse {
			words = append(words, "reverse")
		}
		p.line(words...)
	}
	p.close()
}

func (p *printer) tracked(name string, list []Tracked) {
	if len(list) == 0 {
		return
	}
	p.open(name)
	for _, x := range list {
		direction := "noreverse"
		if x.Reverse {
			direction = "reverse"
		}
		p.line(quoted(x.Name), "weight", x.Weight, direction)
	}
	p.close()
}
