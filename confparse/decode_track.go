package confparse

import (
	"fmt"
	"slices"
	"time"

	"vigil/confparse/diag"
)

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

// blockAccount decodes a "user USER [GROUP]" line of a block.
func (d *decoder) blockAccount(n *Node, to *Account, tolerated bool) {
	if len(n.Args) == 0 {
		d.missing(n, tolerated)
		return
	}
	words := make([]string, 0, len(n.Args))
	for _, a := range n.Args {
		words = append(words, a.Text)
	}
	*to = d.account(words)
}

// needName reports a block without the name it must have.
func (d *decoder) needName(n *Node) bool {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return false
	}
	if len(n.Args) > 1 {
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeSecondName, fmt.Sprintf("%s is named '%s'; what follows is not used",
			n.Keyword.Text, n.Arg(0)), "a name with blanks must be quoted")
	}
	return true
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

func (d *decoder) trackGroup(n *Node) {
	var first *Node
	for _, g := range d.trackGroups {
		if g.Arg(0) == n.Arg(0) {
			first = g
		}
	}
	if !d.named(n, first) {
		return
	}
	d.tg = &TrackGroup{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}
	d.body(n.Body)
	tg := d.tg
	d.tg = nil
	if len(tg.Members) == 0 {
		d.about(n, diag.CodeEmptyGroup, fmt.Sprintf("track_group %s has no members - removing", tg.Name), "")
		return
	}
	d.trackGroups = append(d.trackGroups, n)
	d.cfg.TrackGroups = append(d.cfg.TrackGroups, tg)
}

func (d *decoder) trackGroupMembers(n *Node) {
	d.extraParameters(n)
	if len(d.tg.Members) > 0 {
		d.about(n, diag.CodeRepeated, "track_group "+d.tg.Name+" already has a list of members - ignoring", "")
		return
	}
	for _, item := range n.Body {
		for _, w := range d.listWords(item) {
			d.tg.Members = append(d.tg.Members, InstanceName(w))
		}
	}
}

// knownTrackGroup checks the name of a track_group option.
func (d *decoder) knownTrackGroup(n *Node, t Token) string {
	for _, g := range d.cfg.TrackGroups {
		if g.Name == t.Text {
			return g.Name
		}
	}
	d.report(n, n.RangeOf(t), diag.CodeUnknownTracker, "track_group "+t.Text+" not found", "it must be defined above its use")
	return ""
}

func (d *decoder) garpGroup(n *Node) {
	d.gg = &GARPGroup{Range: n.RangeOf(n.Keyword)}
	d.body(n.Body)
	gg := d.gg
	d.gg = nil
	if gg.GARPInterval == 0 && gg.GNAInterval == 0 {
		d.atEnd(n, diag.CodeEmptyGroup, "garp group does not have any delay set - removing", "")
		return
	}
	d.cfg.GARPGroups = append(d.cfg.GARPGroups, gg)
}

func (d *decoder) garpInterface(n *Node, t Token) {
	if !d.interfaceName(t.Text) {
		return
	}
	for _, g := range append(d.cfg.GARPGroups, d.gg) {
		if slices.Contains(g.Interfaces, t.Text) {
			d.report(n, n.RangeOf(t), diag.CodeDuplicateTrack, "garp_group already specified for "+t.Text+" - ignoring", "",
				Place{Range: g.Range, Note: "first given here"})
			return
		}
	}
	d.gg.Interfaces = append(d.gg.Interfaces, d.intern(t.Text))
}

func (d *decoder) garpInterfaces(n *Node) {
	d.extraParameters(n)
	if len(n.Body) == 0 {
		d.about(n, diag.CodeEmptyList, "No interfaces specified in interfaces block", "")
	}
	before := len(d.gg.Interfaces)
	for _, item := range n.Body {
		d.n = item
		d.garpInterface(item, item.Keyword)
		for _, a := range item.Args {
			d.garpInterface(item, a)
		}
	}
	d.gg.Shared = d.gg.Shared || len(d.gg.Interfaces) > before
}

// linkbeatInterface decodes "IF [MII|ETHTOOL|IOCTL]".
func (d *decoder) linkbeatInterface(n *Node) {
	l := LinkbeatInterface{Range: n.RangeOf(n.Keyword), Interface: d.intern(n.Keyword.Text)}
	if !d.knownInterface(n) {
		return
	}
	switch n.Arg(0) {
	case "", "MII", "ETHTOOL", "IOCTL":
		l.Method = d.intern(n.Arg(0))
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown linkbeat type "+n.Arg(0), "use MII, ETHTOOL or IOCTL")
	}
	if len(n.Args) > 1 {
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeExtraWords, "extra characters "+n.Arg(1)+" in linkbeat interface", "")
	}
	d.cfg.Linkbeat = append(d.cfg.Linkbeat, l)
}

// knownInterface checks the interface an item of the root begins with; keepalived counts an unknown one as fatal.
func (d *decoder) knownInterface(n *Node) bool {
	if d.env.System.Interface != nil && !d.env.System.Interface(n.Keyword.Text) {
		d.report(n, n.RangeOf(n.Keyword), diag.CodeDelayInterface, "Unknown interface "+n.Keyword.Text+" specified", "")
		return false
	}
	return true
}

// interfaceDelay decodes "IF DOWN [UP]".
func (d *decoder) interfaceDelay(n *Node) {
	t := InterfaceDelay{Range: n.RangeOf(n.Keyword), Interface: d.intern(n.Keyword.Text)}
	if !d.knownInterface(n) {
		return
	}
	for i, to := range []*time.Duration{&t.Down, &t.Up} {
		if i >= len(n.Args) {
			break
		}
		v, ok := d.seconds(n, n.Args[i], value{kind: timer, max: 255_000_000, lenient: true})
		if !ok {
			return
		}
		*to = v
	}
	d.cfg.InterfaceDelays = append(d.cfg.InterfaceDelays, t)
}
