package vrrp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"vigil/confparse"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// untilReached waits until a client gets an answer from an address.
func untilReached(t *testing.T, client *lantest.Node, addr string) {
	t.Helper()
	lantest.Until(t, addr+" answers", func() error { return reaches(client, addr) })
}

// TestPacketsForABackup: a backup neither answers who asks for the virtual address nor takes what is sent there.
func TestPacketsForABackup(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 3)
	client := nodes[2]
	record := client.Capture(lab)
	master, _ := vigil(t, nodes[0], isV3+"use_vmac\npriority 150\n")
	untilState(t, master, election.Master)
	backup, _ := vigil(t, nodes[1], isV3+"use_vmac\npriority 100\ndown_timer_adverts 60\n") // however late a busy machine runs the master
	obeys(t, backup, 150)
	untilReached(t, client, vip100.String())
	lantest.Until(t, "the master's answer", func() error {
		if len(arpReplies(record, "a", vip100)) == 0 {
			return errors.New("none")
		}
		return nil
	})
	if n := len(arpReplies(record, "b", vip100)); n > 0 {
		t.Errorf("the backup answered %d times", n)
	}
	// Whoever has a wrong idea of where it is finds nobody there.
	ip(t, client, "neigh", "replace", vip100.String(), "lladdr", nodes[1].Cable.MAC.String(), "dev", "eth0", "nud", "permanent")
	if reaches(client, vip100.String()) == nil {
		t.Error("the backup takes what is sent to the address")
	}
	if s := backup.Status().Instances[0]; s.State != election.Backup {
		t.Errorf("it is %s by now", s.State)
	}
}

// TestLoadSharingInterop: two virtual routers on two machines, each of them master of one; when keepalived stops we are master of
// both, and when it is back it is master of its own.
func TestLoadSharingInterop(t *testing.T) {
	p := newPeers(t)
	text := func(first, second string) string {
		one := routerText(isV3 + "priority " + first + "\n")
		return one + strings.NewReplacer("instance V ", "instance W ", "_id 51", "_id 52", "10.77.0.100", "10.77.0.101", "priority "+first, "priority "+second).Replace(one)
	}
	theirs := text("100", "150")
	peer := runKeepalived(t, p.b, theirs)
	entered(t, peer, "(W) Entering MASTER STATE")
	r, _ := runConfig(t, p.a, text("150", "100"))
	states := func(v, w election.State) {
		t.Helper()
		lantest.Until(t, v.String()+" and "+w.String(), func() error {
			if in := r.Status().Instances; in[0].State != v || in[1].State != w {
				return errors.New(in[0].State.String() + " and " + in[1].State.String())
			}
			return nil
		})
	}
	states(election.Master, election.Backup)
	if err := peer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	states(election.Master, election.Master)
	entered(t, runKeepalived(t, p.b, theirs), "(W) Entering MASTER STATE")
	states(election.Master, election.Backup)
}

// TestInTurnsWithFRR: a client is served by us alone, with a router of FRR's as our backup, by that one when its priority is raised
// above ours, and by us when it is lowered again.
func TestInTurnsWithFRR(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	for _, family := range []confparse.Family{confparse.IPv4, confparse.IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			lab, nodes := lantest.Laboratory(t, 3)
			client, vip, lines := nodes[2], vip100, ""
			if family == confparse.IPv6 {
				vip = netip.MustParseAddr("fd77::100")
				lines = "virtual_ipaddress {\nfd77::100/128\n}\n"
				for i, n := range nodes {
					ip(t, n, "addr", "add", "fd77::"+string(rune('1'+i))+"/64", "dev", "eth0", "nodad")
				}
			}
			r, _ := vigil(t, nodes[0], isV3+"priority 100\n"+lines)
			untilState(t, r, election.Master)
			untilReached(t, client, vip.String())
			peer := newFRR(t, lab, nodes[1], vip)
			peer.start(50)
			for _, turn := range []struct {
				priority, theirs string
				ours             election.State
			}{{"50", "Backup", election.Master}, {"200", "Master", election.Backup}, {"50", "Backup", election.Master}} {
				if out, err := peer.ask("vrrpd", "configure terminal", "interface eth0", "vrrp 51 priority "+turn.priority); err != nil {
					t.Fatal(err, out)
				}
				peer.until(turn.theirs)
				untilState(t, r, turn.ours)
				untilReached(t, client, vip.String())
			}
		})
	}
}

// TestInTurnsOnAVLANInterop: the same with keepalived on a VLAN, by our priority.
func TestInTurnsOnAVLANInterop(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 3)
	for i, n := range nodes {
		if _, err := n.Output(t.Context(), "ip", "link", "add", "link", "eth0", "name", "eth0.7", "type", "vlan", "id", "7"); err != nil {
			// A kernel without VLANs still has other links that are on top of one.
			ip(t, n, "link", "add", "link", "eth0", "name", "eth0.7", "type", "macvlan", "mode", "bridge")
		}
		ip(t, n, "addr", "add", "10.78.0."+string(rune('1'+i))+"/24", "dev", "eth0.7")
		ip(t, n, "link", "set", "eth0.7", "up")
	}
	client, on := nodes[2], strings.NewReplacer("interface eth0", "interface eth0.7", "10.77.0.100", "10.78.0.100")
	text := func(priority string) string { return on.Replace(routerText(isV3 + "priority " + priority + "\n")) }
	r, _ := runConfig(t, nodes[0], text("150"))
	untilState(t, r, election.Master)
	untilReached(t, client, "10.78.0.100")
	peer := runKeepalived(t, nodes[1], text("100"))
	entered(t, peer, "Entering BACKUP STATE (init)")
	untilReached(t, client, "10.78.0.100")
	apply(t, r, text("50"))
	entered(t, peer, "Entering MASTER STATE")
	untilState(t, r, election.Backup)
	untilReached(t, client, "10.78.0.100")
	apply(t, r, text("150"))
	untilState(t, r, election.Master)
	entered(t, peer, "with higher priority 150, ours 100")
	untilReached(t, client, "10.78.0.100")
}
