package confparse

import (
	"fmt"
	"net/netip"

	"vigil/confparse/diag"
)

// stripRange drops the range or mask that keepalived tolerates behind a single address.
func stripRange(s string) string {
	for i := range len(s) {
		if s[i] == '/' || s[i] == '-' {
			return s[:i]
		}
	}
	return s
}

// serverAddress reads "ADDRESS [PORT]" from the words of n.
func (d *decoder) serverAddress(n *Node, args []Token, what string) (a netip.Addr, port uint16, ok bool) {
	a, valid := parseAddr(stripRange(args[0].Text))
	if !valid {
		shown := args[0].Text
		if len(args) > 1 {
			shown += "/" + args[1].Text
		}
		d.report(n, n.RangeOf(args[0]), diag.CodeBadServerAddress,
			fmt.Sprintf("Invalid %s IP address/port %s - skipping", what, shown), "")
		return a, 0, false
	}
	if len(args) > 1 {
		p, good := parsePort(args[1])
		if !good {
			d.report(n, n.RangeOf(args[1]), diag.CodeBadServerAddress, fmt.Sprintf(
				"Invalid %s IP address/port %s/%s - skipping", what, args[0].Text, args[1].Text),
				"a port is 1 to 65535; 0, or none, stands for all")
			return a, 0, false
		}
		port = p
	}
	return a, port, true
}
