package confparse

import (
	"net/netip"
	"time"

	"vigil/confparse/syntax"
)

// blockID is a kind of block.
type blockID = syntax.BlockID

// The blocks that have keywords of their own.
const (
	inRoot blockID = iota
	inGlobal
	inInstance
	inAuthentication
	inAuthHMAC
	inSyncGroup
	inScript
	inTrackProcess
	inTrackFile
	inTrackGroup
	inGARPGroup
	inBFD
	inSSL
	inVirtualServer
	inRealServer
	inTCPCheck
	inHTTPGet
	inHTTPURL
	inSSLGet
	inSSLURL
	inSMTPCheck
	inSMTPHost
	inDNSCheck
	inMiscCheck
	inUDPCheck
	inPingCheck
	inFileCheck
	inBFDCheck
	inGRPCCheck
	blockCount
)

// blockSet is a set of blocks.
type blockSet = syntax.BlockSet

// in returns the set of the given blocks.
func in(ids ...blockID) blockSet { return syntax.In(ids...) }

// valueKind is the shape of a keyword's arguments.
type valueKind uint8

const (
	custom  valueKind = iota // decode looks at the words itself
	bare                     // none; any that are there are ignored
	boolean                  // [on|off|true|false|yes|no], on when bare
	integer                  // a whole number
	timer                    // decimal seconds with up to six decimals
	word                     // one word
	address                  // an IP address
)

// value is the shape and range of a keyword's argument.
type value struct {
	kind     valueKind
	min, max int64 // integer: as they are; timer: microseconds
	lenient  bool  // outside -t, trailing junk only costs a warning
	port     bool  // a wrong one must not be passed over: it would check, or use, something else
	optional bool  // a missing argument is a warning, where it otherwise ends keepalived
	unit     string
}

func whole(lo, hi int64) value       { return value{kind: integer, min: lo, max: hi, lenient: true} }
func wholeStrict(lo, hi int64) value { return value{kind: integer, min: lo, max: hi} }
func portNumber() value              { return value{kind: integer, min: 1, max: 65535, lenient: true, port: true} }
func secs(lo, hi int64) value {
	return value{kind: integer, min: lo, max: hi, lenient: true, unit: "s"}
}
func decimal(lo, hi int64) value {
	return value{kind: timer, min: lo, max: hi, lenient: true, unit: "s"}
}
func (v value) withoutFatal() value { v.optional = true; return v }

const (
	maxUint32 = 1<<32 - 1
	maxInt32  = 1<<31 - 1
	minInt32  = -1 << 31
	maxMicros = 4_294_967_295 // 4294.967295 s
)

// keyword is a row of the table: what a word is, where it may stand, what its argument looks like and what it sets.
// Decoding, suggestions, the reference page and the coverage listing all come from it.
type keyword struct {
	name  string
	in    blockSet
	value value
	def   string // the default, as documented

	block blockID      // the block it opens, or 0
	list  *itemGrammar // the list it opens, or nil

	since      string // the release after 2.2.7 that knows it first, or ""
	alias      string // the keyword it is another spelling of, or ""
	deprecated string // what to write instead, when its use is reported
	oldName    bool   // the use of an alias is noted, but is no problem
	pending    bool   // parsed and kept, but the program does not act on it yet
	needless   string // why nothing here corresponds to it, or ""
	refers     bool   // in a virtual_server: depends on other blocks, or on which program was looked at first

	// What it sets; the one that fits value.kind, or decode.
	on     func(*decoder, site)
	yes    func(*decoder, site, bool)
	num    func(*decoder, site, int64)
	dur    func(*decoder, site, time.Duration)
	str    func(*decoder, site, string)
	ip     func(*decoder, site, netip.Addr)
	decode func(*decoder, site)
	// bad is called after a bad value has been reported, for rows whose default is not "as if not there".
	bad    func(*decoder, site)
	checks bool // changes what plain includes enforce from here on
}

// itemGrammar is the form of the items of a list block.
type itemGrammar struct {
	name   string
	words  bool // a plain list of words, any number on a line
	decode func(*decoder, site)
}

// table holds every row of the language.
var table = keywords()

// grammar is what reading must know of the table, and paths the blocks' names from the root.
var grammar, paths = index(table)

// wordOf returns what reading must know of the row at index i.
func (k *keyword) wordOf(i int, blocks []syntax.Block) *syntax.Keyword {
	w := &syntax.Keyword{Name: k.name, Index: int32(i), In: k.in, Alias: k.alias, Refers: k.refers, Checks: k.checks,
		Bare:   k.value.kind == bare,
		Global: k.block == inGlobal || k.block == 0 && k.list == nil}
	if k.block != 0 {
		w.Block = &blocks[k.block]
	}
	switch {
	case k.list != nil && k.list.words:
		w.Items = syntax.ItemWords
	case k.list != nil:
		w.Items = syntax.ItemLines
	}
	return w
}

// keywords returns the whole table.
func keywords() []keyword {
	var all []keyword
	for _, part := range [][]keyword{rootBlock.keywords(in(inRoot)), globalBlock.keywords(in(inGlobal)), tlsBlock.keywords(in(inSSL)),
		instanceBlock.keywords(in(inInstance)), syncGroupBlock.keywords(in(inSyncGroup)),
		trackingRows.keywords(in(inInstance, inSyncGroup)), notifyRows.keywords(in(inInstance, inSyncGroup)),
		authenticationBlock.keywords(in(inAuthentication)), hmacBlock.keywords(in(inAuthHMAC)),
		virtualServerBlock.keywords(in(inVirtualServer)), realServerBlock.keywords(in(inRealServer)),
		checkerAlpha.keywords(timedCheckers | in(inBFDCheck)), connectRows.keywords(socketCheckers),
		timedRows.keywords(timedCheckers), httpRows.keywords(in(inHTTPGet, inSSLGet)), tlsCheckRows.keywords(in(inSSLGet)),
		plainURLs.keywords(in(inHTTPGet)), tlsURLs.keywords(in(inSSLGet)), urlRows.keywords(in(inHTTPURL, inSSLURL)), requestRows.keywords(in(inHTTPURL, inSSLURL)),
		tlsURLRows.keywords(in(inSSLURL)), regexRows.keywords(in(inHTTPURL, inSSLURL)), smtpRows.keywords(in(inSMTPCheck)),
		dnsRows.keywords(in(inDNSCheck)), grpcRows.keywords(in(inGRPCCheck)), miscRows.keywords(in(inMiscCheck)), udpRows.keywords(in(inUDPCheck)),
		fileCheckRows.keywords(in(inFileCheck)), bfdCheckRows.keywords(in(inBFDCheck)),
		scriptBlock.keywords(in(inScript)), processBlock.keywords(in(inTrackProcess)), fileBlock.keywords(in(inTrackFile)),
		bfdBlock.keywords(in(inBFD)), trackGroupBlock.keywords(in(inTrackGroup)), garpGroupBlock.keywords(in(inGARPGroup))} {
		all = append(all, part...)
	}
	return all
}

func index(table []keyword) (syntax.Grammar, []string) {
	bs := make([]syntax.Block, blockCount)
	parent := [blockCount]blockID{}
	for i := range table {
		if id := table[i].block; id != 0 && bs[id].Name == "" {
			bs[id].Name = table[i].name
			for p := blockID(0); p < blockCount; p++ {
				if table[i].in.Has(p) {
					parent[id] = p
					break
				}
			}
		}
	}
	bs[inRoot].Name = "the root"
	paths := make([]string, blockCount)
	paths[inRoot] = "(root)"
	for id := inGlobal; id < blockCount; id++ {
		bs[id].ID = id
		paths[id] = bs[id].Name
		for p := parent[id]; p != inRoot; p = parent[p] {
			paths[id] = bs[p].Name + "/" + paths[id]
		}
	}
	for i := range table {
		word := table[i].wordOf(i, bs)
		for id := blockID(0); id < blockCount; id++ {
			if !word.In.Has(id) {
				continue
			}
			if bs[id].Words == nil {
				bs[id].Words = make(map[string]*syntax.Keyword, 64)
			}
			if bs[id].Words[word.Name] != nil {
				panic("confparse: keyword " + word.Name + " is twice in " + paths[id])
			}
			bs[id].Words[word.Name] = word
		}
	}
	return syntax.Grammar{Blocks: bs, Rows: len(table)}, paths
}
