package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// processRootRows are the statements outside of any block about the program itself.
var processRootRows = blockOf[Config]{
	netNamespace,
	ipvsNamespace,
	flagRow("namespace_with_ipsets", func(c *Config) *bool { return &c.Global.Daemon.NamespaceWithIPSets }).
		needless("no set of addresses is kept in the kernel"),
	firstWordRow("instance", optionalWord, func(c *Config) *string { return &c.Global.Daemon.Instance }),
	flagRow("use_pid_dir", func(c *Config) *bool { return &c.Global.Daemon.UsePIDDir }),
	flagRow("linkbeat_use_polling", func(c *Config) *bool { return &c.Global.Daemon.LinkbeatPolling }),
	secondsRow("child_wait_time", wholeStrict(0, maxUint32), 5*time.Second,
		func(c *Config) *time.Duration { return &c.Global.Daemon.ChildWaitTime }).
		needless("there are no other processes to wait for; every part ends in a time of its own"),
}

var netNamespace = row[Config]{
	keyword: keyword{name: "net_namespace", value: optionalWord, str: func(d *decoder, at site, s string) {
		g := &here[Config](at).Global.Daemon
		d.first(at.n, &g.NetNamespace, s)
		g.UsePIDDir = true
		switch exists := d.env.System.Namespace; {
		case exists == nil: // the program is where it belongs
		case s == "":
			d.about(at.n, diag.CodeNoNamespace, "a network namespace without a name does not exist",
				"leave the line out to stay in the namespace in which the program is started")
		case !exists(s):
			d.about(at.n, diag.CodeNoNamespace, "network namespace "+s+" does not exist", "create it with: ip netns add "+s)
		}
	}},
	print: func(p *printer, c *Config) { p.text("net_namespace", c.Global.Daemon.NetNamespace) },
}

var ipvsNamespace = row[Config]{
	keyword: keyword{name: "net_namespace_ipvs", decode: func(d *decoder, at site) {
		n := at.n
		g := &here[Config](at).Global.Daemon
		if g.IPVSNamespaceSet {
			d.about(n, diag.CodeRepeated, "net_namespace_ipvs is already specified - ignoring", "")
			return
		}
		g.IPVSNamespace, g.IPVSNamespaceSet = d.intern(n.Arg(0)), true
	}},
	print: func(p *printer, c *Config) {
		if c.Global.Daemon.IPVSNamespaceSet {
			p.line("net_namespace_ipvs", c.Global.Daemon.IPVSNamespace)
		}
	},
}
