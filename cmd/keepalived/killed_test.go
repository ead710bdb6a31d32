package main

import (
	"strings"
	"testing"
)

// TestTablesOfAKilledRun: the table of nftables that a killed daemon has left goes at the next start, whose configuration does not
// use it, and the note of it goes at the end.
func TestTablesOfAKilledRun(t *testing.T) {
	m := newMachine(t)
	tables := func() string {
		out, err := m.output("ip", "netns", "exec", "red", "nft", "list", "tables")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	m.configure("net_namespace red\nglobal_defs {\nnftables mine\n}\nvrrp_instance W {\ninterface eth0\nvirtual_router_id 8\nno_accept\n" +
		"virtual_ipaddress {\n192.0.2.172/24\n}\n}\n")
	p := m.start("--metrics-listen=off")
	m.until("the table", func() bool { return strings.Contains(tables(), "ip6 mine") })
	p.Kill()
	m.configure("net_namespace red\n")
	p = m.start("--metrics-listen=off")
	m.until("the table to go", func() bool { return m.hasAddress("red") && !strings.Contains(tables(), " mine") })
	if err := p.Stop(t.Context()); err != nil || m.exists("keepalived") {
		left, _ := m.output("find", "/run/keepalived")
		t.Errorf("%v, left:\n%s\n%s", err, left, p.Log.Tail(20))
	}
}
