package integration

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// bfdSession is a session with a neighbour. Its detection time, 5 s, is one that a busy machine keeps.
func bfdSession(neighbour string) string {
	return "bfd_instance path {\nneighbor_ip " + neighbour + "\nmin_rx 100\nmin_tx 100\nmultiplier 50\n}\n"
}

// said waits until the program has said something again, after a moment.
func (l *checkLab) said(d *labkit.Director, text string, since time.Time) {
	l.t.Helper()
	l.must(testlan.Until(wait(l.t), text, func() error {
		for _, log := range d.Log {
			if _, found := log.Find(text, since); found {
				return nil
			}
		}
		return errors.New(d.Log[len(d.Log)-1].Tail(10))
	}))
}

// neighbour is Debian's keepalived with the other end of the session, on the host of the servers.
func (l *checkLab) neighbour() *labkit.Director {
	l.t.Helper()
	d, err := labkit.NewDirector(l.lab, l.servers, labkit.Keepalived())
	l.must(err)
	l.must(d.Configure(bfdSession("10.0.0.1")))
	return d
}

// TestBFDCheckInTheKernel: servers whose BFD_CHECK follows a session come into the kernel's table and go with it, with or
// without alpha, by either program; and a reload takes none of them out.
func TestBFDCheckInTheKernel(t *testing.T) {
	testlan.RequireIPVS(t)
	for _, name := range []string{"keepalived", "vigil"} {
		l := newCheckLab(t)
		config := bfdSession("10.0.0.2") + "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n" +
			"real_server 10.1.0.1 80 {\nBFD_CHECK {\nname path\n}\n}\n" +
			"real_server 10.1.0.2 80 {\nBFD_CHECK {\nname path\nalpha\n}\n}\nreal_server 10.1.0.3 80 {\n}\n}\n"
		d := l.start(program(t, name), config)
		without, all := []string{"10.1.0.3"}, []string{"10.1.0.1", "10.1.0.2", "10.1.0.3"}
		l.said(d, "Received BFD event: instance path is in state Down", time.Time{})
		l.waitPool(without, d.Running)
		peer := l.neighbour()
		l.must(peer.Start())
		l.waitPool(all, d.Running)
		for _, server := range all[:2] {
			l.said(d, "BFD check of [path] RS(["+server+"]:tcp:80) is UP", time.Time{})
		}
		l.must(l.cable.Cut())
		l.waitPool(without, d.Running)
		l.said(d, "BFD check of [path] RS([10.1.0.1]:tcp:80) is DOWN", time.Time{})
		l.must(l.cable.Mend())
		l.waitPool(all, d.Running)

		writes, err := l.director.WatchKernelWrites()
		l.must(err)
		t.Cleanup(writes.Close)
		l.must(d.Configure(strings.Replace(config, "min_tx 100", "min_tx 80", 1) + "virtual_server 192.0.2.100 81 {\nlb_algo rr\n" +
			"lb_kind NAT\nprotocol TCP\nreal_server 10.1.0.4 80 {\n}\n}\n"))
		l.must(d.Reload())
		l.waitPool(append([]string{"10.1.0.4"}, all...), d.Running)
		if n := writes.Take()["DEL_DEST"]; n > 0 {
			t.Errorf("%s: the reload took out %d servers", name, n)
		}
		l.must(peer.Stop())
		l.waitPool([]string{"10.1.0.3", "10.1.0.4"}, d.Running)
		l.must(d.Stop())
	}
}

// TestInstanceFollowsBFD: an instance that tracks a session is in FAULT without it, and one that does so with a weight has
// another priority, by either program and at the same moments.
func TestInstanceFollowsBFD(t *testing.T) {
	testlan.RequireNetns(t)
	for _, name := range []string{"keepalived", "vigil"} {
		l := newCheckLab(t)
		instance := func(name, vrid, track string) string {
			return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id " + vrid + "\npriority 100\nvirtual_ipaddress {\n10.0.0.1" + vrid +
				"/24\n}\ntrack_bfd {\n" + track + "\n}\n}\n"
		}
		d := l.start(program(t, name), bfdSession("10.0.0.2")+instance("F", "51", "path")+instance("W", "52", "path weight 20 reverse"))
		l.said(d, "Received BFD event: instance path is in state Down", time.Time{})
		peer := l.neighbour()
		started := time.Now()
		l.must(peer.Start())
		l.said(d, "(path) Entering Up state", started)
		l.said(d, "(W) Changing effective priority from 100 to 80", started)
		l.said(d, "VRRP_Instance(F) Tracked BFD instance path is UP", started)
		l.said(d, "(F) Entering BACKUP STATE", started)
		l.said(d, "(F) Entering MASTER STATE", started)
		killed := time.Now()
		peer.Kill()
		l.said(d, "(path) Expired after ", killed)
		l.said(d, "(F) Entering FAULT STATE", killed)
		l.said(d, "(W) Changing effective priority from 80 to 100", killed)
		l.must(d.Running())
		l.must(d.Stop())
	}
}
