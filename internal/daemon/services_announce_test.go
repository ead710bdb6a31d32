package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/internal/announce"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/ipvs/pool"
)

const (
	// announcedConf has two virtual servers of one address and one of a group, all of which are announced.
	announcedConf = `virtual_server_group G {
  192.0.2.11-12 80
  2001:db8::11 80
}
virtual_server 192.0.2.1 80 {
  lb_algo rr
  protocol TCP
  announce_on eth0
  real_server 198.51.100.1 8080 {
  }
}
virtual_server 192.0.2.1 443 {
  lb_algo rr
  protocol TCP
  announce_on eth0
  real_server 198.51.100.1 8443 {
  }
}
virtual_server group G {
  lb_algo rr
  lvs_method TUN
  protocol TCP
  announce_on eth0
  real_server 198.51.100.1 8080 {
  }
}
`
	groupAddresses = "192.0.2.11/32 192.0.2.12/32 2001:db8::11/128"
)

// An address is announced while one virtual server that has it has its quorum, and for the first time when nothing is open of any; a
// virtual server about which nothing is known changes nothing.
func TestAnnouncedWhileOneHasItsQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		k := announce.New(announce.Options{Open: func() (announce.Network, error) { return n, nil }, Logger: nothingLogged,
			Registerer: prometheus.NewRegistry()})
		task := startTask("announced addresses", nil, k.Run)
		a := newAnnouncements(k)
		spec := desired(t, announcedConf).IPVS
		pools := func(up ...confparse.VirtualServerID) func() []ipvs.PoolStatus {
			return func() (list []ipvs.PoolStatus) {
				for _, vs := range spec.VirtualServers {
					list = append(list, ipvs.PoolStatus{VirtualServer: vs.ID, QuorumUp: slices.Contains(up, vs.ID)})
				}
				return list
			}
		}
		type ids = []confparse.VirtualServerID
		if !a.set(spec) {
			t.Fatal("nothing to do")
		}
		web, secure, group := spec.VirtualServers[0].ID, spec.VirtualServers[1].ID, spec.VirtualServers[2].ID
		want := func(when, there string) {
			t.Helper()
			synctest.Wait()
			if got := strings.Join(n.virtual(), " "); got != there {
				t.Errorf("%s: %q, want %q", when, got, there)
			}
		}
		take := func(kind pool.NoteKind, servers ...confparse.VirtualServerID) {
			for _, id := range servers {
				a.take(ipvs.Event{VirtualServer: id, Note: pool.Note{Kind: kind}})
			}
		}
		const one = "192.0.2.1/32"
		want("nothing is known", "")
		take(ipvs.QuorumGained, web)
		want("one has it before its checks have decided", "")
		a.learn(ids{web}, nil, pools(web))
		want("they have, and those of the other at this address have not", "")
		take(ipvs.QuorumLost, secure)
		want("the other has lost it before", one)
		take(ipvs.QuorumLost, web)
		want("neither has it", "")
		take(ipvs.QuorumGained, web)
		want("one has it again", one)
		take(ipvs.QuorumGained, secure)
		want("the other may have it", one)
		a.learn(ids{web, secure, group}, nil, pools(secure, group))
		want("it has, and what is known is not learnt", one+" "+groupAddresses)
		take(ipvs.QuorumLost, web)
		want("one of two has lost it", one+" "+groupAddresses)
		take(ipvs.QuorumLost, secure)
		want("both have", groupAddresses)
		take(ipvs.ServerUp, secure)
		want("a server", groupAddresses)
		take(ipvs.QuorumGained, secure)
		want("the first that has it again", one+" "+groupAddresses)
		a.set(spec)
		want("the same again", one+" "+groupAddresses)
		a.set(ipvs.Spec{VirtualServers: spec.VirtualServers[2:]})
		want("a reload without two of them", groupAddresses)
		take(ipvs.QuorumGained, web)
		want("who is not announced", groupAddresses)
		a.set(spec)
		a.learn(nil, ids{web}, pools(secure))
		want("a reload with them, of which one has no servers yet", groupAddresses)
		a.take(ipvs.Event{VirtualServer: web, Note: pool.Note{Kind: ipvs.QuorumGained, Initial: true}})
		want("they come", groupAddresses)
		a.learn(ids{secure}, nil, pools(secure))
		want("the checks of the other have decided", one+" "+groupAddresses)
		a.learn(ids{web}, nil, pools(web, secure))
		take(ipvs.QuorumLost, secure)
		want("theirs have", one+" "+groupAddresses)
		take(ipvs.QuorumLost, group)
		a.set(ipvs.Spec{VirtualServers: spec.VirtualServers[:1]})
		want("a reload without what was lost", one)
		if a.set(ipvs.Spec{}); !task.stop(withdrawLimit) || len(n.virtual()) > 0 || !n.closed {
			t.Errorf("at the end: %q, closed %v", n.virtual(), n.closed)
		}
	})
}

// The daemon announces when the table is programmed, and withdraws before it takes anything out of the table.
func TestDaemonAnnounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		want := func(when, there string) {
			t.Helper()
			time.Sleep(2 * askDecided)
			synctest.Wait()
			if got := strings.Join(i.network.virtual(), " "); got != there {
				t.Errorf("%s: %q, want %q", when, got, there)
			}
		}
		if want("without", ""); i.services.tasks.announce != nil {
			t.Error("a network is watched for nobody")
		}
		reply, _ := i.reload(announcedConf)
		reply.want(t, "with", reloadApplied)
		want("with", "192.0.2.1/32 "+groupAddresses)
		reply, _ = i.reload(strings.Replace(announcedConf, "  announce_on eth0\n", "", 2))
		reply.want(t, "one of three", reloadApplied)
		want("one of three", groupAddresses)
		reply, _ = i.reload(announcedConf)
		reply.want(t, "with", reloadApplied)
		want("with, of services that have been there", "192.0.2.1/32 "+groupAddresses)
		services := 0
		i.network.mu.Lock()
		i.network.onDel = func() { services = max(services, len(i.kernel.Table())) }
		i.network.mu.Unlock()
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if services != 5 || len(i.kernel.Table()) != 0 || len(i.network.virtual()) > 0 {
			t.Errorf("when the addresses went there were %d services, at the end %d and %q", services, len(i.kernel.Table()), i.network.virtual())
		}
		if _, err := os.Stat(filepath.Join(i.dir, "keepalived-announced.json")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file stays: %v", err)
		}
	})
}

// unwatched is a machine whose files never change.
type unwatched struct{}

func (unwatched) Watch(string, func()) (stop func()) { return func() {} }

func (unwatched) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// What an earlier process has announced stays until it is known whether there is a quorum, and is withdrawn when there is none: of a virtual
// server that begins without one nobody tells.
func TestAnnouncedBeforeWithoutAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := filepath.Join(t.TempDir(), "none")
		if err := os.WriteFile(members, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		i := launch(t, "virtual_server 192.0.2.1 80 {\nlb_algo rr\nprotocol TCP\nannounce_on eth0\nreal_servers_from "+members+" { }\n}\n",
			func(o *Options) { o.Members.Files = unwatched{} })
		_ = i.network.AddAddress(onLink(2, "192.0.2.1/32"))
		synctest.Wait()
		if got := i.network.virtual(); len(got) != 1 {
			t.Errorf("at once %q", got)
		}
		time.Sleep(time.Minute) // this network tells of one address only, and the rest is found by an audit
		synctest.Wait()
		if got := i.network.virtual(); len(got) != 0 {
			t.Errorf("later %q", got)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// A reload has taken addresses away before their services go.
func TestReloadWithdrawsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, announcedConf, nil)
		time.Sleep(2 * askDecided)
		fewest := 99
		i.network.mu.Lock()
		i.network.onDel = func() {
			time.Sleep(time.Millisecond) // as the kernel takes
			fewest = min(fewest, len(i.kernel.Table()))
		}
		i.network.mu.Unlock()
		reply, _ := i.reload(oneService)
		reply.want(t, "without them", reloadApplied)
		if fewest != 5 || len(i.network.virtual()) > 0 {
			t.Errorf("when an address went there were %d services; %q", fewest, i.network.virtual())
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// An interface that is not there is in the status, and the services work.
func TestAnnouncementsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, strings.ReplaceAll(announcedConf, "eth0", "dummy7"), nil)
		defer i.end()
		time.Sleep(2 * askDecided)
		var st status.Status
		i.services.status(&st)
		at := slices.IndexFunc(st.IPVS.Failing, func(f status.IPVSFailure) bool { return f.Service == "announce_on" })
		if at < 0 || !strings.Contains(st.IPVS.Failing[at].Error, "dummy7: no such interface, and 3 more") || len(i.kernel.Table()) != 5 {
			t.Errorf("%+v, %d services", st.IPVS.Failing, len(i.kernel.Table()))
		}
	})
}

// With --dont-release-ipvs the addresses stay where the services do.
func TestAnnouncedAddressesStayWithTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, announcedConf, func(o *Options) { o.KeepIPVS = true })
		time.Sleep(2 * askDecided)
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if n := len(i.network.virtual()); n != 4 {
			t.Errorf("%d addresses", n)
		}
	})
}
