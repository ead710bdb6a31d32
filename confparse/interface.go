package confparse

import (
	"fmt"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// InterfaceDelay is one line of interface_up_down_delays.
type InterfaceDelay struct {
	Range     Range
	Interface string
	Down, Up  time.Duration
}

// LinkbeatInterface is one line of linkbeat_interfaces.
type LinkbeatInterface struct {
	Range     Range
	Interface string
	Method    string // MII, ETHTOOL, IOCTL or "" for whatever works
}

// maxInterfaceName is IFNAMSIZ without its terminator.
const maxInterfaceName = 15

// linkName checks that a word can be the name of an interface, whether there is one or not.
func (d *decoder) linkName(n *Node, s string) bool {
	if len(s) <= maxInterfaceName && !strings.ContainsAny(s, "/ \t") && s != "" {
		return true
	}
	d.report(n, n.RangeOf(d.wordOf(n, s)), diag.CodeBadInterfaceName, fmt.Sprintf("Interface name '%s' too long - ignoring", s),
		fmt.Sprintf("the name of an interface has at most %d characters", maxInterfaceName))
	return false
}

// wordOf returns the argument of n that reads s, or else its keyword.
func (d *decoder) wordOf(n *Node, s string) Token {
	for _, a := range n.Args {
		if a.Text == s {
			return a
		}
	}
	return n.Keyword
}

// interfaceName checks a word that must be the name of an interface of this machine.
func (d *decoder) interfaceName(n *Node, s string) bool {
	return d.interfaceNamed(n, s, diag.CodeNoInterface)
}

// interfaceNamed is interfaceName with the code to report an interface by that does not exist.
func (d *decoder) interfaceNamed(n *Node, s string, code Code) bool {
	t := d.wordOf(n, s)
	if !d.linkName(n, s) {
		return false
	}
	if d.env.System.Interface != nil && !d.env.System.Interface(s) {
		if d.cfg.Global.DynamicInterfaces {
			code = diag.CodeNoInterfaceYet
		}
		d.report(n, n.RangeOf(t), code, fmt.Sprintf("WARNING - interface %s doesn't exist", s), "")
	}
	return true
}

var linkbeatRow = listRow("linkbeat_interfaces", "linkbeat_interface", (*decoder).linkbeatInterface,
	func(p *printer, c *Config) {
		if len(c.Linkbeat) == 0 {
			return
		}
		p.open("linkbeat_interfaces")
		for _, l := range c.Linkbeat {
			p.line(strings.TrimSpace(quoted(l.Interface) + " " + l.Method))
		}
		p.close()
	})

var interfaceDelaysRow = listRow("interface_up_down_delays", "interface_delay", (*decoder).interfaceDelay,
	func(p *printer, c *Config) {
		if len(c.InterfaceDelays) == 0 {
			return
		}
		p.open("interface_up_down_delays")
		for _, d := range c.InterfaceDelays {
			p.line(quoted(d.Interface), d.Down, d.Up)
		}
		p.close()
	})

// linkbeatInterface decodes "IF [MII|ETHTOOL|IOCTL]".
func (d *decoder) linkbeatInterface(n *Node, c *Config) {
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
	c.Linkbeat = append(c.Linkbeat, l)
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
func (d *decoder) interfaceDelay(n *Node, c *Config) {
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
	if len(n.Args) == 1 {
		t.Up = t.Down
	}
	for i, old := range c.InterfaceDelays { // the last one counts
		if old.Interface == t.Interface {
			c.InterfaceDelays[i] = t
			return
		}
	}
	c.InterfaceDelays = append(c.InterfaceDelays, t)
}
