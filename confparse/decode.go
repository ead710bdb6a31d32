package confparse

import (
	"fmt"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// decoder gives statements their meaning. What it is decoding just now is in the site that each row is handed.
type decoder struct {
	cfg     *Config
	env     Env
	table   []keyword
	rep     *diag.Reporter
	strings map[string]string // interned

	gs instanceDefaults

	vsScratch    serverScratch
	realArena    []RealServer
	checkerArena []Checker
	checkerLinks []*Checker
	httpArena    []HTTPCheck
	urlArena     []URL

	instances map[InstanceName]*instanceScratch
	order     []*instanceScratch
	groups    []*groupScratch
	checkers  []checkerScratch // of the virtual server being decoded
	reals     []realScratch    // of the virtual server being decoded
	servers   map[VirtualServerID]*VirtualServer
	realIndex map[RealServerID]*RealServer
	groupUse  map[string]int

	seenPending   map[*keyword]bool
	unsupported   int     // statements without effect so far, reported or not
	scripts       []*Node // programs that will be run
	insecure      bool    // one of them can be changed by others than root
	noAccount     bool    // script_user names nobody
	noDefaultUser bool    // there is no account to run programs as, and that has been said
	asRoot        bool    // a program was to run as root for want of another account, and so are all behind it

	names map[string]map[string]uint32 // of the machine, by the file of iproute2

	droppedBFD     map[string]bool
	trackGroups    []*Node
	nextPreference [2]uint32 // by family, for rules without one

	disabledScripts map[string]bool
}

func newDecoder(env Env, rep *diag.Reporter) *decoder {
	d := &decoder{cfg: &Config{}, env: env, rep: rep, table: table, strings: map[string]string{},
		instances: map[InstanceName]*instanceScratch{}, groupUse: map[string]int{},
		servers: map[VirtualServerID]*VirtualServer{}, seenPending: map[*keyword]bool{},
		disabledScripts: map[string]bool{}, droppedBFD: map[string]bool{}}
	rootBlock.defaults(d.cfg)
	return d
}

// decode gives the statements of t their meaning. As in keepalived, global_defs and the scalars of the root count for
// everything, wherever they stand, and virtual servers may name groups that come later. begun says that the global
// settings have been decoded, see stream.
func (d *decoder) decode(t *Tree, begun bool) {
	if !begun {
		d.globals(t.Root)
	}
	for _, n := range t.Root {
		if !n.Row.Global && d.row(n).block != inVirtualServer {
			d.statement(site{n, d.cfg})
		}
	}
	for _, n := range t.Root {
		if d.row(n).block == inVirtualServer {
			d.statement(site{n, d.cfg})
		}
	}
	d.settle()
}

// globals decodes the statements of the root that set something for the whole configuration.
func (d *decoder) globals(root []*Node) {
	for _, n := range root {
		if n.Row.Global {
			d.statement(site{n, d.cfg})
		}
	}
	d.finishGlobals()
}

// row returns the row of a statement, which must not be an item of a list.
func (d *decoder) row(n *Node) *keyword { return &d.table[n.Row.Index] }

// items decodes the items of a list.
func (d *decoder) items(at site) {
	list := d.row(at.n).list
	for _, item := range at.n.Body {
		list.decode(d, site{item, at.block})
	}
}

// site is what is being decoded: a statement, or an item of a list, and the block that it stands in.
type site struct {
	n     *Node
	block any // *T in a blockOf[T]; the Config outside of all blocks
}

// statement decodes one statement by its row of the table.
func (d *decoder) statement(at site) {
	n := at.n
	kw := d.row(n)
	if kw.deprecated != "" {
		d.report(n, n.RangeOf(n.Keyword), diag.CodeDeprecated,
			fmt.Sprintf("%s is deprecated - please use '%s'", kw.name, kw.deprecated), "")
	}
	if kw.oldName {
		d.report(n, n.RangeOf(n.Keyword), diag.CodeOldName, fmt.Sprintf("%s is an old name of %s", kw.name, kw.alias), "")
	}
	if kw.pending || kw.needless != "" {
		d.unsupported++
	}
	if kw.pending && !d.seenPending[kw] {
		d.seenPending[kw] = true
		d.report(n, n.RangeOf(n.Keyword), diag.CodeNotSupported,
			fmt.Sprintf("%s is accepted, but not supported yet", kw.name), "it has no effect")
	}
	if kw.needless != "" && !d.seenPending[kw] {
		d.seenPending[kw] = true
		d.report(n, n.RangeOf(n.Keyword), diag.CodeNeedless, kw.name+" is accepted, and there is nothing for it to act on", kw.needless)
	}
	v := &kw.value
	if v.kind >= integer && len(n.Args) == 0 {
		d.missing(n, v.optional)
		if kw.bad != nil {
			kw.bad(d, at)
		}
		return
	}
	ok := true
	switch v.kind {
	case custom:
		if kw.list != nil && kw.decode == nil {
			d.extraParameters(n)
			d.items(at)
		} else if kw.decode != nil {
			kw.decode(d, at)
		}
	case bare:
		kw.on(d, at)
	case boolean:
		yes := true
		if len(n.Args) > 0 {
			yes, ok = d.truth(n, n.Args[0])
		}
		if ok {
			kw.yes(d, at, yes)
		}
	case integer:
		var num int64
		if num, ok = plainNumber(n.Args[0].Text, v, 1); !ok {
			num, ok = d.wholeNumber(n, n.Args[0], *v)
		}
		if ok {
			kw.num(d, at, num)
		}
	case timer:
		var us int64
		if us, ok = plainNumber(n.Args[0].Text, v, 1e6); !ok {
			us, ok = d.fixedPoint(n, n.Args[0], *v, 6)
		}
		if ok {
			kw.dur(d, at, time.Duration(us)*time.Microsecond)
		}
	case word:
		kw.str(d, at, d.intern(n.Args[0].Text))
	case address:
		a, valid := parseAddr(stripRange(n.Args[0].Text))
		if ok = valid; ok {
			kw.ip(d, at, a)
		} else {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("%s: '%s' is not an IP address", n.Keyword.Text, n.Args[0].Text), "")
		}
	}
	if !ok && kw.bad != nil {
		kw.bad(d, at)
	}
}

// missing reports a statement without its argument. keepalived stops reading there and exits.
func (d *decoder) missing(n *Node, tolerated bool) {
	code := diag.CodeMissingArgument
	if tolerated {
		code = diag.CodeArgumentExpected
	}
	d.report(n, n.RangeOf(n.Keyword), code, fmt.Sprintf("*** Configuration line starting `%s` is missing a parameter "+
		"after keyword `%s` at word position 2", n.Keyword.Text, n.Keyword.Text), "")
}

// extraParameters reports words between a list's keyword and its brace.
func (d *decoder) extraParameters(n *Node) {
	if len(n.Args) == 0 {
		return
	}
	var words []string
	for _, a := range n.Args {
		words = append(words, a.Text)
	}
	d.report(n, n.RangeOf(n.Args[0]), diag.CodeExtraWords,
		fmt.Sprintf("Block %s has extra parameters %s ...", n.Keyword.Text, strings.Join(words, " ")), "")
}

// report adds a diagnostic about a place in the line of n.
func (d *decoder) report(n *Node, at Range, code diag.Code, summary, detail string, related ...Place) {
	n.Report(d.rep, Diagnostic{Code: code, Subject: at, Summary: summary, Detail: detail, Related: related})
}

// atEnd is about for what is found out when the block of n ends, which is the line keepalived names.
func (d *decoder) atEnd(n *Node, code Code, summary, detail string, related ...Place) {
	d.untilEnd(n, n, code, summary, detail, related...)
}

// about is report with n's words as the place. That a damaged block is incomplete is no second mistake, unless nothing
// else keeps the configuration from being used without the part.
func (d *decoder) about(n *Node, code Code, summary, detail string, related ...Place) {
	if n.Damaged() && code.Incomplete() && (code.Severity() < Fatal || d.rep.Fatal()) {
		return
	}
	d.report(n, n.Range(), code, summary, detail, related...)
}

// intern returns s in a form that does not keep the text of the file alive, the same for equal strings.
func (d *decoder) intern(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := d.strings[s]; ok {
		return t
	}
	t := strings.Clone(s)
	d.strings[t] = t
	return t
}

// opt is a setting that may have been given.
type opt[T any] struct {
	v   T
	set bool
}

func (o *opt[T]) put(v T) { o.v, o.set = v, true }

func (o opt[T]) or(def T) T {
	if o.set {
		return o.v
	}
	return def
}

// inherit gives o the value of outer unless it has one.
func (o *opt[T]) inherit(outer opt[T]) {
	if !o.set {
		*o = outer
	}
}
