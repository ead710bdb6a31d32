package confparse

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Load reads the configuration at path, and what it includes, from fsys. It always returns a Config, as complete as
// the text allows; whether it may be used is for the caller to decide from the Diagnostics.
func Load(fsys fs.FS, path string, env Env) (*Config, Diagnostics) {
	if cfg, ds := loadOnce(fsys, path, env, true); cfg != nil {
		return cfg, ds
	}
	if env.Known != nil {
		env.Known = nil
		return Load(fsys, path, env)
	}
	return loadOnce(fsys, path, env, false)
}

// loadOnce is Load, decoding virtual servers as they are read or after everything has been. It returns nil when the former
// has led astray.
func loadOnce(fsys fs.FS, path string, env Env, streaming bool) (*Config, Diagnostics) {
	rep := &reporter{strict: env.Strict}
	d := newDecoder(env, rep)
	r := newReader(fsys, env, rep)
	if streaming {
		r.build.stream = newStream(d, env.Known)
	}
	tree := r.read(path)
	begun := false
	if s := r.build.stream; s != nil {
		if s.misled(rep) {
			return nil, nil
		}
		begun, d.cfg.Known = s.begun, s.learned
	}
	d.decode(tree, begun)
	d.cfg.Inputs = r.inputs
	if begun && rep.dropped > 0 {
		return nil, nil // which ones were dropped depends on the order
	}
	return d.cfg, rep.finish()
}

// Parse reads the configuration at path and returns its statements without giving them meaning.
func Parse(fsys fs.FS, path string, env Env) (*Tree, Diagnostics) {
	rep := &reporter{strict: env.Strict}
	tree := newReader(fsys, env, rep).read(path)
	return tree, rep.finish()
}

func newReader(fsys fs.FS, env Env, rep *reporter) *reader {
	return &reader{fsys: fsys, env: env, rep: rep, inputs: &Inputs{}, build: newBuilder(), random: env.Seed}
}

// read returns the tree of the configuration at path.
func (r *reader) read(path string) *Tree {
	r.readMain(path)
	if r.runaway {
		return &Tree{}
	}
	return r.build.finish(r)
}

// decoder gives statements their meaning. It holds the block it is in.
type decoder struct {
	cfg     *Config
	env     Env
	rep     *reporter
	strings map[string]string // interned

	n  *Node // the statement being decoded
	gs globalScratch
	vi *instanceScratch
	sg *SyncGroup
	vs *serverScratch // vsScratch, inside a virtual_server
	rs *realScratch
	ck *checkerScratch
	u  *URL

	vsScratch    serverScratch
	realArena    []RealServer
	checkerArena []Checker
	checkerLinks []*Checker
	httpArena    []HTTPCheck
	urlArena     []URL

	instances  map[InstanceName]*instanceScratch
	order      []*instanceScratch
	checkers   []checkerScratch // of the virtual server being decoded
	reals      []realScratch    // of the virtual server being decoded
	servers    map[VirtualServerID]*VirtualServer
	realIndex  map[RealServerID]*RealServer
	groupUse   map[string]int
	groupNodes []*Node // parallel to cfg.SyncGroups

	seenPending   map[*keyword]bool
	unsupported   int     // statements without effect so far, reported or not
	scripts       []*Node // programs that will be run
	insecure      bool    // one of them can be changed by others than root
	noAccount     bool    // script_user names nobody
	noDefaultUser bool    // there is no account to run programs as, and that has been said
	asRoot        bool    // a program was to run as root for want of another account, and so are all behind it

	ts             *TrackScript
	tp             *TrackProcess
	tf             *TrackFile
	tg             *TrackGroup
	gg             *GARPGroup
	bfd            *BFDInstance
	badNeighbor    bool
	droppedBFD     map[string]bool
	weightSet      bool
	scriptAccount  Account
	accountAt      *Node // where scriptAccount was given
	trackGroups    []*Node
	nextPreference [2]uint32 // by family, for rules without one
	inStatic       bool      // decoding static_ipaddress
	staticGroup    string    // its track_group

	disabledScripts map[string]bool
}

func newDecoder(env Env, rep *reporter) *decoder {
	d := &decoder{cfg: &Config{}, env: env, rep: rep, strings: map[string]string{},
		instances: map[InstanceName]*instanceScratch{}, groupUse: map[string]int{},
		servers: map[VirtualServerID]*VirtualServer{}, seenPending: map[*keyword]bool{},
		disabledScripts: map[string]bool{}, droppedBFD: map[string]bool{}}
	d.defaults()
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
		if !isGlobal(n.kw) && n.kw.block != inVirtualServer {
			d.statement(n)
		}
	}
	for _, n := range t.Root {
		if n.kw.block == inVirtualServer {
			d.statement(n)
		}
	}
	d.validate()
}

// globals decodes the statements of the root that set something for the whole configuration.
func (d *decoder) globals(root []*Node) {
	for _, n := range root {
		if isGlobal(n.kw) {
			d.statement(n)
		}
	}
	d.finishGlobals()
}

// body decodes the statements of a block.
func (d *decoder) body(nodes []*Node) {
	for _, n := range nodes {
		d.statement(n)
	}
}

// items decodes the items of a list.
func (d *decoder) items(n *Node) {
	for _, item := range n.Body {
		d.n = item
		n.kw.list.decode(d, item)
	}
}

// statement decodes one statement by its row of the table.
func (d *decoder) statement(n *Node) {
	kw := n.kw
	d.n = n
	if kw.deprecated != "" {
		d.report(n, n.RangeOf(n.Keyword), CodeDeprecated,
			fmt.Sprintf("%s is deprecated - please use '%s'", kw.name, kw.deprecated), "")
	}
	if kw.oldName {
		d.report(n, n.RangeOf(n.Keyword), CodeOldName, fmt.Sprintf("%s is an old name of %s", kw.name, kw.alias), "")
	}
	if kw.pending {
		d.unsupported++
	}
	if kw.pending && !d.seenPending[kw] {
		d.seenPending[kw] = true
		d.report(n, n.RangeOf(n.Keyword), CodeNotSupported,
			fmt.Sprintf("%s is accepted, but not supported yet", kw.name), "it has no effect")
	}
	v := &kw.value
	if v.kind >= integer && len(n.Args) == 0 {
		d.missing(n, v.optional)
		if kw.bad != nil {
			kw.bad(d)
		}
		return
	}
	ok := true
	switch v.kind {
	case custom:
		if kw.list != nil && kw.decode == nil {
			d.extraParameters(n)
			d.items(n)
		} else if kw.decode != nil {
			kw.decode(d, n)
		}
	case bare:
		kw.on(d)
	case boolean:
		yes := true
		if len(n.Args) > 0 {
			yes, ok = d.truth(n, n.Args[0])
		}
		if ok {
			kw.yes(d, yes)
		}
	case integer:
		var num int64
		if num, ok = plainNumber(n.Args[0].Text, v, 1); !ok {
			num, ok = d.wholeNumber(n, n.Args[0], *v)
		}
		if ok {
			kw.num(d, num)
		}
	case timer:
		var us int64
		if us, ok = plainNumber(n.Args[0].Text, v, 1e6); !ok {
			us, ok = d.fixedPoint(n, n.Args[0], *v, 6)
		}
		if ok {
			kw.dur(d, time.Duration(us)*time.Microsecond)
		}
	case word:
		kw.str(d, d.intern(n.Args[0].Text))
	case address:
		a, valid := parseAddr(stripRange(n.Args[0].Text))
		if ok = valid; ok {
			kw.ip(d, a)
		} else {
			d.report(n, n.RangeOf(n.Args[0]), CodeBadAddress,
				fmt.Sprintf("%s: '%s' is not an IP address", n.Keyword.Text, n.Args[0].Text), "")
		}
	}
	if !ok && kw.bad != nil {
		kw.bad(d)
	}
}

// missing reports a statement without its argument. keepalived stops reading there and exits.
func (d *decoder) missing(n *Node, tolerated bool) {
	code := CodeMissingArgument
	if tolerated {
		code = CodeArgumentExpected
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
	d.report(n, n.RangeOf(n.Args[0]), CodeExtraWords,
		fmt.Sprintf("Block %s has extra parameters %s ...", n.Keyword.Text, strings.Join(words, " ")), "")
}

// report adds a diagnostic about a place in the line of n.
func (d *decoder) report(n *Node, at Range, code Code, summary, detail string, related ...Place) {
	if n.expanded != nil && n.expanded.rewritten {
		related = append(related, Place{Range: Range{}, Note: "the line became: " + n.expanded.line})
	}
	related = append(related, includedFrom(n.src)...)
	line, seq := "", n.seq
	if at.File == n.src.path {
		seq = max(seq+at.Start.Line-n.line, 1)
		if code.foundAtEnd() && n.closeLn != 0 {
			seq = n.seq + n.closeLn - n.line // behind what is wrong inside the block
		}
		line = n.src.lineText(at.Start.Offset - at.Start.Col + 1)
	}
	d.rep.report(Diagnostic{Code: code, Subject: at, Summary: summary, Detail: detail, Related: related, Line: line}, seq)
}

// atEnd is about for what is found out when the block of n ends, which is the line keepalived names.
func (d *decoder) atEnd(n *Node, code Code, summary, detail string, related ...Place) {
	d.about(n, code, summary, detail, related...)
	if k := len(d.rep.list); k > 0 && d.rep.list[k-1].Summary == summary && n.closeLn != 0 {
		d.rep.list[k-1].EndLine = n.closeLn
	}
}

// about is report with n's words as the place. That a damaged block is incomplete is no second mistake, unless nothing
// else keeps the configuration from being used without the part.
func (d *decoder) about(n *Node, code Code, summary, detail string, related ...Place) {
	if n.damaged && code.incomplete() && (code.info().severity < Fatal || d.rep.fatal) {
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
