package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// TrackInterface is one line of track_interface.
type TrackInterface struct {
	Range     Range
	Interface string
	Weight    int // -253..253; 0 = down means FAULT
	Reverse   bool
}

// Tracked is one line of track_script, track_file, track_process or track_bfd.
type Tracked struct {
	Range   Range
	Name    string
	Weight  int // the definition's unless given here
	Reverse bool
}

// Tracking is what an instance or a group watches besides interfaces.
type Tracking struct {
	Scripts   []Tracked
	Files     []Tracked
	Processes []Tracked
	BFD       []Tracked
}

// trackKeywords are the lists that refer to what can be tracked.
var trackKeywords = []keyword{
	{name: "track_interface", in: in(inSyncGroup), pending: true, list: &itemGrammar{name: "track_interface",
		decode: func(d *decoder, n *Node) {
			if t, ok := d.trackedInterface(n, d.sg.TrackInterfaces); ok {
				d.sg.TrackInterfaces = append(d.sg.TrackInterfaces, t)
			}
		}}},
	{name: "track_script", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_script", decode: func(d *decoder, n *Node) {
			d.tracked(n, "script", 254, &d.tracking().Scripts)
		}}},
	{name: "track_file", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_file", decode: func(d *decoder, n *Node) {
			d.tracked(n, "file", 254, &d.tracking().Files)
		}}},
	{name: "track_process", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_process", decode: func(d *decoder, n *Node) {
			d.tracked(n, "process", 254, &d.tracking().Processes)
		}}},
	{name: "track_bfd", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_bfd", decode: func(d *decoder, n *Node) {
			d.tracked(n, "bfd", 253, &d.tracking().BFD)
		}}},
}

// trackInterface decodes "IF [weight N [reverse]]".
func (d *decoder) trackInterface(n *Node) {
	if t, ok := d.trackedInterface(n, d.vi.TrackInterfaces); ok {
		d.vi.TrackInterfaces = append(d.vi.TrackInterfaces, t)
	}
}

func (d *decoder) trackedInterface(n *Node, list []TrackInterface) (TrackInterface, bool) {
	t := TrackInterface{Range: n.RangeOf(n.Keyword), Interface: d.intern(n.Keyword.Text)}
	if !d.interfaceName(t.Interface) {
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

// tracking returns the lists of the block being decoded.
func (d *decoder) tracking() *Tracking {
	if d.vi != nil {
		return &d.vi.Tracking
	}
	return &d.sg.Tracking
}

// owner is the name of the block being decoded, for messages.
func (d *decoder) owner() string {
	switch {
	case d.vi != nil:
		return string(d.vi.Name)
	case d.sg != nil:
		return string(d.sg.Name)
	}
	return ""
}

// tracked decodes an item "NAME [weight N [reverse|noreverse]]". What it names must be defined above.
func (d *decoder) tracked(n *Node, kind string, limit int64, list *[]Tracked) {
	t := Tracked{Range: n.RangeOf(n.Keyword), Name: d.intern(n.Keyword.Text)}
	var ok bool
	var near []string
	switch kind {
	case "script":
		for _, s := range d.cfg.Scripts {
			near = append(near, s.Name)
			if s.Name == t.Name {
				ok, t.Weight, t.Reverse = true, s.Weight, s.Reverse
			}
		}
	case "file":
		for _, s := range d.cfg.Files {
			near = append(near, s.Name)
			if s.Name == t.Name {
				ok, t.Weight, t.Reverse = true, s.Weight, s.Reverse
			}
		}
	case "process":
		for _, s := range d.cfg.Processes {
			near = append(near, s.Name)
			if s.Name == t.Name {
				ok, t.Weight, t.Reverse = true, s.Weight, s.Reverse
			}
		}
	case "bfd":
		for _, s := range d.cfg.BFD {
			near = append(near, s.Name)
			if s.Name == t.Name && s.VRRP {
				ok, t.Weight, t.Reverse = true, s.Weight, s.Reverse
			}
		}
	}
	if !ok && kind == "bfd" && d.droppedBFD[t.Name] {
		return // reported at its definition
	}
	if !ok {
		detail := "it must be defined above its use"
		if len(near) > 0 {
			detail = nearest(t.Name, near)
		}
		d.report(n, t.Range, diag.CodeUnknownTracker, fmt.Sprintf("(%s) track %s %s not found, ignoring...", d.owner(), kind,
			t.Name), detail)
		return
	}
	for _, old := range *list {
		if old.Name == t.Name {
			d.report(n, t.Range, diag.CodeDuplicateTrack, fmt.Sprintf("(%s) duplicate track_%s %s - ignoring", d.owner(), kind,
				t.Name), "", Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	w, fine := d.trackWeight(n, limit, kind == "script", true)
	if !fine {
		return
	}
	if w.set {
		t.Weight = int(w.weight)
		t.Reverse = w.reverse
	}
	*list = append(*list, t)
}

// definitionWeight decodes "weight N [reverse]" of a tracker. With once, a second one is ignored.
func (d *decoder) definitionWeight(n *Node, limit int64, weight *int, reverse *bool, once bool) {
	if len(n.Args) == 0 {
		d.missing(n, once)
		return
	}
	if once && d.weightSet {
		d.about(n, diag.CodeRepeated, "weight has already been specified - ignoring", "")
		return
	}
	v, ok := d.wholeNumber(n, n.Args[0], whole(-limit, limit))
	if !ok {
		return
	}
	*weight, d.weightSet = int(v), true
	switch n.Arg(1) {
	case "":
	case "reverse":
		*reverse = true
	default:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownWord, "unknown weight option '"+n.Arg(1)+"'",
			"only reverse is known")
	}
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

func (p *printer) tracking(t *Tracking) {
	for _, l := range []struct {
		name string
		list []Tracked
	}{{"track_script", t.Scripts}, {"track_file", t.Files}, {"track_process", t.Processes}, {"track_bfd", t.BFD}} {
		if len(l.list) == 0 {
			continue
		}
		p.open(l.name)
		for _, x := range l.list {
			direction := "noreverse"
			if x.Reverse {
				direction = "reverse"
			}
			p.line(quoted(x.Name), "weight", x.Weight, direction)
		}
		p.close()
	}
}
