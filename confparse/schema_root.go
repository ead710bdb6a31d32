package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// rootKeywords are the statements and blocks outside of any block that belong to no part in particular.
var rootKeywords = []keyword{
	{name: "global_defs", in: in(inRoot), block: inGlobal, decode: func(d *decoder, n *Node) { d.body(n.Body) }},
	{name: "net_namespace", in: in(inRoot), value: value{kind: word, optional: true}, refused: true,
		str: func(d *decoder, s string) {
			second := d.cfg.Global.Daemon.NetNamespace != ""
			d.first(&d.cfg.Global.Daemon.NetNamespace, s)
			d.cfg.Global.Daemon.UsePIDDir = true
			if d.env.System.Namespace != nil && !d.env.System.Namespace(s) {
				d.about(d.n, diag.CodeNoNamespace, "network namespace "+s+" does not exist", "create it with: ip netns add "+s)
			} else if !second {
				d.refuse(d.n, d.n.Range(), "net_namespace", "addresses and services belong in that network namespace; "+
					"start the daemon in it, and leave the line out: ip netns exec "+s)
			}
		}},
	{name: "net_namespace_ipvs", in: in(inRoot), refused: true, decode: func(d *decoder, n *Node) {
		g := &d.cfg.Global.Daemon
		if g.IPVSNamespaceSet {
			d.about(n, diag.CodeRepeated, "net_namespace_ipvs is already specified - ignoring", "")
			return
		}
		g.IPVSNamespace, g.IPVSNamespaceSet = d.intern(n.Arg(0)), true
		d.refuse(n, n.Range(), "net_namespace_ipvs", "services would be those of another network namespace")
	}},
	{name: "namespace_with_ipsets", in: in(inRoot), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Daemon.NamespaceWithIPSets = true }},
	{name: "instance", in: in(inRoot), value: value{kind: word, optional: true}, pending: true,
		str: func(d *decoder, s string) { d.first(&d.cfg.Global.Daemon.Instance, s) }},
	{name: "use_pid_dir", in: in(inRoot), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Daemon.UsePIDDir = true }},
	{name: "linkbeat_use_polling", in: in(inRoot), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Daemon.LinkbeatPolling = true }},
	{name: "child_wait_time", in: in(inRoot), value: wholeStrict(0, maxUint32), def: "5", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.Daemon.ChildWaitTime = time.Duration(v) * time.Second }},
	{name: "linkbeat_interfaces", in: in(inRoot), pending: true,
		list: &itemGrammar{name: "linkbeat_interface", decode: (*decoder).linkbeatInterface}},
	{name: "interface_up_down_delays", in: in(inRoot), pending: true,
		list: &itemGrammar{name: "interface_delay", decode: (*decoder).interfaceDelay}},
	{name: "static_ipaddress", in: in(inRoot), pending: true,
		list: &itemGrammar{name: "ipaddress", decode: (*decoder).staticAddress}},
	{name: "static_routes", in: in(inRoot), pending: true,
		list: &itemGrammar{name: "route", decode: (*decoder).staticRoute}},
	{name: "static_rules", in: in(inRoot), pending: true,
		list: &itemGrammar{name: "rule", decode: (*decoder).staticRule}},
	{name: "track_group", in: in(inRoot), block: inTrackGroup, pending: true, decode: (*decoder).trackGroup},
	{name: "group", in: in(inTrackGroup), list: &itemGrammar{name: "name", words: true},
		decode: (*decoder).trackGroupMembers},

	{name: "garp_group", in: in(inRoot), block: inGARPGroup, pending: true, decode: (*decoder).garpGroup},
	{name: "garp_interval", in: in(inGARPGroup), value: decimal(0, maxMicros), def: "0",
		dur: func(d *decoder, v time.Duration) { d.gg.GARPInterval = v }},
	{name: "gna_interval", in: in(inGARPGroup), value: decimal(0, maxMicros), def: "0",
		dur: func(d *decoder, v time.Duration) { d.gg.GNAInterval = v }},
	{name: "interface", in: in(inGARPGroup), value: value{kind: word},
		str: func(d *decoder, s string) { d.garpInterface(d.n, d.n.Args[0]) }},
	{name: "interfaces", in: in(inGARPGroup), list: &itemGrammar{name: "name", words: true},
		decode: (*decoder).garpInterfaces},

	{name: "SSL", in: in(inRoot), block: inSSL, pending: true, decode: (*decoder).tlsBlock},
	{name: "password", in: in(inSSL), value: value{kind: word, optional: true},
		str: func(d *decoder, s string) { d.cfg.TLS.Password = d.once(d.cfg.TLS.Password, s) }},
	{name: "ca", in: in(inSSL), value: value{kind: word, optional: true},
		str: func(d *decoder, s string) { d.cfg.TLS.CA = d.once(d.cfg.TLS.CA, s) }},
	{name: "certificate", in: in(inSSL), value: value{kind: word, optional: true},
		str: func(d *decoder, s string) { d.cfg.TLS.Certificate = d.once(d.cfg.TLS.Certificate, s) }},
	{name: "key", in: in(inSSL), value: value{kind: word, optional: true},
		str: func(d *decoder, s string) { d.cfg.TLS.Key = d.once(d.cfg.TLS.Key, s) }},
}

// first keeps the first of several values of a setting.
func (d *decoder) first(to *string, s string) {
	if *to != "" {
		d.about(d.n, diag.CodeRepeated, d.n.Keyword.Text+" is already specified - ignoring '"+s+"'", "")
		return
	}
	*to = s
}

func (d *decoder) tlsBlock(n *Node) {
	if d.cfg.TLS.IsSet {
		d.about(n, diag.CodeReplaced, "SSL block is already specified, replacing it", "", Place{Range: d.cfg.TLS.Range, Note: "the first"})
	}
	d.cfg.TLS = TLSMaterial{Range: n.RangeOf(n.Keyword), IsSet: true}
	d.body(n.Body)
}
