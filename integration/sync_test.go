package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
	"vigil/ipvs"
)

// synchronizing is a director whose kernel is to tell of its connections over eth1.
type synchronizing struct {
	judge
	director *labkit.Director
	kernel   ipvs.Kernel
}

func newSynchronizing(t *testing.T, program labkit.Program) *synchronizing {
	testlan.RequireIPVS(t)
	lab, err := testlan.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &synchronizing{judge: judge{t, true}}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := lab.Host("d")
	s.must(err)
	for _, link := range []string{"eth0", "eth1"} {
		segment, err := lab.Segment(link)
		s.must(err)
		_, err = h.Attach(segment, link, netip.MustParsePrefix(map[string]string{"eth0": "192.0.2.2/24", "eth1": "198.51.100.2/24"}[link]))
		s.must(err)
	}
	s.director, err = labkit.NewDirector(lab, h, program)
	s.must(err)
	s.must(h.Do(func() error {
		s.kernel, err = ipvs.OpenKernel(context.Background(), ipvs.KernelOptions{})
		return err
	}))
	t.Cleanup(func() { s.kernel.Close() })
	return s
}

// link turns eth0, on which the router is, up or down.
func (s *synchronizing) link(state string) {
	s.Helper()
	_, err := s.director.Host.Output(wait(s), "ip", "link", "set", "eth0", state)
	s.must(err)
}

// runs waits until exactly these daemons run, and `ipvsadm -L --daemon` says the same.
func (s *synchronizing) runs(when string, want ...string) {
	s.Helper()
	err := until(wait(s), func() error {
		list, err := s.kernel.SyncDaemons(context.Background())
		if err != nil {
			return err
		}
		var got []string
		for _, d := range list {
			got = append(got, fmt.Sprintf("%v id %d group %v port %d ttl %d", d.Role, d.ID, d.Group, d.Port, d.TTL))
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%q run, want %q", got, want)
		}
		return nil
	})
	if err != nil {
		s.Fatalf("%s: %v\n%s", when, err, s.director.Log[len(s.director.Log)-1].Tail(20))
	}
	listing, err := s.director.Host.Output(wait(s), "ipvsadm", "-L", "--daemon")
	s.must(err)
	for _, line := range want {
		role, _, _ := strings.Cut(line, " ")
		if !strings.Contains(listing, role+" sync daemon (mcast=eth1, ") {
			s.Errorf("%s: ipvsadm says %q", when, listing)
		}
	}
}

// syncText is a router on eth0 that is master when it can, with words in global_defs.
func syncText(words string) string {
	return "global_defs {\n  vrrp_version 2\n  " + words + "\n}\nvrrp_instance VI_1 {\n  state BACKUP\n  interface eth0\n" +
		"  virtual_router_id 51\n  priority 100\n  advert_int 1\n  virtual_ipaddress {\n    192.0.2.100/24\n  }\n}\n"
}

const syncService = "virtual_server 192.0.2.100 80 {\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n  real_server 192.0.2.5 80 {\n  }\n}\n"

// TestCheckCase57 has keepalived and Vigil follow a router from FAULT, where the kernel listens, to MASTER, where it tells, and
// back to the end, where it does neither; and run both for virtual servers without one.
func TestCheckCase57(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"keepalived", "vigil"} {
		for _, c := range []struct{ name, words, rest, options string }{
			{"an instance", "lvs_sync_daemon eth1 inst VI_1 id 9", "", "id 9 group 224.0.0.81 port 8848 ttl 1"},
			{"the id of the instance", "lvs_sync_daemon eth1 VI_1", syncService, "id 51 group 224.0.0.81 port 8848 ttl 1"},
			{"every option", "lvs_sync_daemon eth1 VI_1 id 7 maxlen 1400 port 9000 ttl 3 group 224.0.0.99", "", "id 7 group 224.0.0.99 port 9000 ttl 3"},
			{"a group of IPv6", "lvs_sync_daemon eth1 VI_1 group ff02::99", "", "id 51 group ff02::99 port 8848 ttl 1"},
		} {
			t.Run(name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				s := newSynchronizing(t, program(t, name))
				s.link("down")
				s.must(s.director.Configure(syncText(c.words) + c.rest))
				s.must(s.director.Start())
				s.runs("in FAULT", "backup "+c.options)
				s.link("up")
				s.runs("MASTER", "master "+c.options)
				s.link("down")
				s.runs("in FAULT again", "backup "+c.options)
				s.link("up")
				s.runs("MASTER again", "master "+c.options)
				s.must(s.director.Stop())
				s.runs("stopped")
			})
		}
		t.Run(name+", standing", func(t *testing.T) {
			t.Parallel()
			s := newSynchronizing(t, program(t, name))
			s.must(s.director.Configure(syncText("lvs_sync_daemon eth1 id 4") + syncService))
			s.must(s.director.Start())
			const options = "id 4 group 224.0.0.81 port 8848 ttl 1"
			s.runs("both", "master "+options, "backup "+options)
			s.must(s.director.Stop())
			s.runs("stopped")
		})
	}
}

// TestSyncDaemonIsReloaded: a reload has the kernel run what it asks for, whatever ran before. One that is killed and comes back
// goes on with what it finds.
func TestSyncDaemonIsReloaded(t *testing.T) {
	t.Parallel()
	s := newSynchronizing(t, program(t, "vigil"))
	s.must(s.director.Configure(syncText("lvs_sync_daemon eth1 VI_1")))
	s.must(s.director.Start())
	const usual = " group 224.0.0.81 port 8848 ttl 1"
	s.runs("MASTER", "master id 51"+usual)
	for _, step := range []struct {
		words string
		want  []string
	}{
		{"lvs_sync_daemon eth1 VI_1 id 8 ttl 2", []string{"master id 8 group 224.0.0.81 port 8848 ttl 2"}},
		{"", nil},
		{"lvs_sync_daemon eth1 VI_1 group ff02::99", []string{"master id 51 group ff02::99 port 8848 ttl 1"}},
		{"lvs_sync_daemon eth1 id 3", []string{"master id 3" + usual, "backup id 3" + usual}},
		{"lvs_sync_daemon eth1 VI_1 id 3", []string{"master id 3" + usual}},
	} {
		s.must(s.director.Configure(syncText(step.words) + syncService))
		s.must(s.director.Reload())
		s.runs(step.words, step.want...)
	}
	s.director.Kill()
	s.runs("killed", "master id 3"+usual)
	begun := time.Now()
	s.must(s.director.Start())
	s.must(until(wait(s), func() error {
		if _, up := s.director.Log[1].Find("Startup complete", begun); !up {
			return errors.New("it does not come up")
		}
		return nil
	}))
	s.runs("started again", "master id 3"+usual)
	s.must(s.director.Stop())
	s.runs("stopped")
}
