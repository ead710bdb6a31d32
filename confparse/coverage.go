package confparse

import (
	"cmp"
	"slices"
)

// Coverage is how far a keyword has come in this program.
type Coverage struct {
	Path     string // the block it stands in: (root), virtual_server/real_server, @item:route
	Keyword  string
	Default  string
	Since    string // the release after 2.2.7 that knows it first
	AliasOf  string
	Typed    bool // decoded into Config
	ActedOn  bool // has an effect
	Needless bool // has none, for nothing here corresponds to it
	ItemName bool // a word of an item, not a keyword
}

// Keywords lists the whole language: every keyword with its block, and the words of the items of lists. It is what the
// reference page and the coverage report are made from.
func Keywords() []Coverage {
	var list []Coverage
	for id := range grammar.Blocks {
		for name, word := range grammar.Blocks[id].Words {
			kw := &table[word.Index]
			list = append(list, Coverage{Path: paths[id], Keyword: name, Default: kw.def, Since: cmp.Or(kw.since, sinceBlock(blockID(id))),
				AliasOf: kw.alias, Typed: true,
				ActedOn: !kw.pending && kw.needless == "" && !pending(blockID(id)), Needless: kw.needless != ""})
		}
	}
	for _, g := range itemWordTable {
		for _, w := range g.words {
			list = append(list, Coverage{Path: g.path, Keyword: w, Since: g.since, Typed: true, ActedOn: g.actedOn, ItemName: true})
		}
	}
	slices.SortFunc(list, func(a, b Coverage) int {
		if a.Path != b.Path {
			if a.Path < b.Path {
				return -1
			}
			return 1
		}
		if a.Keyword < b.Keyword {
			return -1
		}
		return 1
	})
	return list
}

// sinceBlock is the release that knows the block first, as far as it is said at the keyword that opens it; "" = always.
func sinceBlock(id blockID) (since string) {
	for outer := range grammar.Blocks {
		for _, word := range grammar.Blocks[outer].Words {
			kw := &table[word.Index]
			switch {
			case kw.block != id || id == inRoot:
			case kw.since == "":
				return "" // also opened by one that was always there
			default:
				since = kw.since
			}
		}
	}
	return since
}

// pending reports whether everything in the block waits for the program, because the block itself does.
func pending(id blockID) bool {
	for outer := range grammar.Blocks {
		for _, word := range grammar.Blocks[outer].Words {
			if kw := &table[word.Index]; kw.block == id && id != inRoot {
				return kw.pending || pending(blockID(outer))
			}
		}
	}
	return false
}

// itemWordTable lists the words inside the items of lists and of lexical forms, whose grammars are in code.
var itemWordTable = []struct {
	path    string
	actedOn bool
	words   []string
	since   string
}{
	{"(lexical)", true, []string{"#", "!", "include", "includer", "includem", "includew", "includeb", "includea", "@ID",
		"@^ID", "$NAME=", "$NAME= (multi-line)", "$NAME", "${NAME}", "${_PWD}", "${_INSTANCE}", "${_RANDOM}", "${_ENV}",
		"${_HASH}", "${_BANG}", "~SEQ", "~SEQx", "~LST"}, ""},
	{"@item:ipaddress", true, []string{"<IPADDR>[/<PREFIXLEN>]", "dev", "scope", "brd", "broadcast", "label", "peer",
		"use_vmac", "(unknown word)"}, ""},
	{"@item:ipaddress", true, []string{"home", "-nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track",
		"preferred_lft", "track_group"}, ""},
	{"@item:route", true, []string{"[to] <TYPE>? <PREFIX>|default|any|all|default6", "inet", "inet6", "src", "as", "via",
		"gw", "from", "tos", "dsfield", "table", "protocol", "scope", "metric", "priority", "preference", "dev", "oif",
		"onlink", "encap", "expires", "mtu", "hoplimit", "advmss", "rtt", "rttvar", "reordering", "window", "cwnd",
		"ssthresh", "realms", "rto_min", "initcwnd", "initrwnd", "features", "quickack", "congctl", "pref",
		"ttl-propagate", "fastopen_no_cookie", "add", "prepend", "append", "or", "nexthop", "no_track",
		"vrf", "(unknown word)"}, ""},
	{"@item:route", true, []string{"track_group"}, ""},
	{"@item:rule", true, []string{"track_group"}, ""},
	{"@item:route/nexthop", true, []string{"via", "dev", "weight", "onlink", "encap", "realms", "as"}, ""},
	{"@item:route/encap_ip", true, []string{"id", "dst", "src", "tos", "ttl", "flags"}, ""},
	{"@item:route/encap_ip6", true, []string{"id", "dst", "src", "tc", "hoplimit", "flags"}, ""},
	{"@item:route/encap_mpls", true, []string{"<LABEL>[/<LABEL>]..."}, ""},
	{"@item:route/encap_ila", true, []string{"<LOCATOR>"}, ""},
	{"@item:rule", true, []string{"inet", "inet6", "from", "to", "table", "lookup", "not", "preference", "order",
		"priority", "tos", "dsfield", "fwmark", "realms", "suppress_prefixlength", "sup_pl", "suppress_ifgroup",
		"sup_group", "dev", "iif", "oif", "tunnel-id", "uidrange", "l3mdev", "protocol", "ipproto", "sport", "dport",
		"no_track", "goto", "nop", "[type] blackhole|prohibit|unreachable", "(unknown word)"}, ""},
	{"@item:track_interface", true, []string{"<IFNAME>", "weight"}, ""},
	{"@item:track_script", true, []string{"<NAME>", "weight"}, ""},
	{"@item:track_file", true, []string{"<NAME>", "weight"}, ""},
	{"@item:track_process", true, []string{"<NAME>", "weight"}, ""},
	{"@item:track_bfd", true, []string{"<NAME>", "weight"}, ""},
	{"@item:unicast_peer", true, []string{"<IPADDR>", "min_ttl", "max_ttl"}, ""},
	{"@item:vsg_entry", true, []string{"<IPADDR> [<PORT>]", "<IPADDR>-<N> [<PORT>]", "<IPADDR>-<IPADDR> [<PORT>]",
		"<IPADDR>/<PREFIXLEN> [<PORT>]", "fwmark"}, ""},
	{"@item:laddr", true, []string{"<IPADDR>", "<IPADDR>-<N>", "<IPADDR>-<IPADDR>", "<IPADDR>/<PREFIXLEN>"}, ours},
	{"@item:linkbeat_interface", true, []string{"<IFNAME> [MII|ETHTOOL|IOCTL]"}, ""},
	{"@item:interface_delay", true, []string{"<IFNAME> <DOWN> [<UP>]"}, ""},
	{"@item:name", true, []string{"<NAME>"}, ""},
	{"@item:script", true, []string{"<SCRIPT>", "<USER>", "[:]<GROUP>"}, ""},
	{"@item:lvs_method", true, []string{"NAT", "DR", "TUN", "type", "port", "nocsum", "csum", "remcsum"}, ""},
	{"@item:lvs_method", true, []string{"FNAT"}, ours},
}
