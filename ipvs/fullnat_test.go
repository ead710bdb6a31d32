package ipvs_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// TestFlows: of which servers packets get which source address, and that these servers are NAT's to the kernel.
func TestFlows(t *testing.T) {
	const groups = "laddr_group L {\n10.9.9.1-2\nfd00:9::1\n}\nlocal_address_group M {\n10.9.9.3\n}\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"of a virtual server": {groups + "virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nladdr_group L\nreal_server 192.168.0.1 81 {\n}\nreal_server 192.168.0.2 {\n}\n}\n",
			[]string{"tcp 10.0.0.1:80 192.168.0.1:81 [10.9.9.1 10.9.9.2]", "tcp 10.0.0.1:80 192.168.0.2:80 [10.9.9.1 10.9.9.2]"}},
		"of some servers": {"virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol UDP\nlb_kind NAT\nreal_server 192.168.0.1 80 {\n}\nreal_server 192.168.0.2 80 {\nlvs_method FNAT\n}\n}\n",
			[]string{"udp 10.0.0.1:80 192.168.0.2:80 []"}},
		"of a sorry server": {groups + "virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol SCTP\nlb_kind DR\nladdr_group_name M\nreal_server 192.168.0.1 80 {\n}\nsorry_server 192.168.0.9 8080\nsorry_server_lvs_method FNAT\n}\n",
			[]string{"sctp 10.0.0.1:80 192.168.0.9:8080 [10.9.9.3]"}},
		"of a group, without a port": {"virtual_server_group G {\n10.0.0.1-2 80\n10.0.0.1 443\n}\nvirtual_server group G {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nreal_server 192.168.0.1 {\n}\n}\n",
			[]string{"tcp 10.0.0.1:80 192.168.0.1:80 []", "tcp 10.0.0.2:80 192.168.0.1:80 []", "tcp 10.0.0.1:443 192.168.0.1:443 []"}},
		"of a group by marks": {"global_defs {\nnftables_ipvs\n}\nvirtual_server_group G {\n10.0.0.1-2 80\n}\nvirtual_server group G {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nreal_server 192.168.0.1 81 {\n}\n}\n",
			[]string{"tcp 10.0.0.1:80 192.168.0.1:81 []", "tcp 10.0.0.2:80 192.168.0.1:81 []"}},
		"of IPv6": {groups + "virtual_server 2001:db8::1 80 {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nladdr_group L\nreal_server fd00::1 80 {\n}\n}\n",
			[]string{"tcp [2001:db8::1]:80 [fd00::1]:80 [fd00:9::1]"}},
		"of a firewall mark":     {"virtual_server fwmark 7 {\nlb_algo rr\nlb_kind FNAT\nreal_server 192.168.0.1 80 {\n}\n}\n", nil},
		"of a group with a mark": {"virtual_server_group G {\n10.0.0.1 80\nfwmark 7\n}\nvirtual_server group G {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nreal_server 192.168.0.1 80 {\n}\n}\n", nil},
		"of every port":          {"virtual_server 10.0.0.1 0 {\nlb_algo rr\nprotocol TCP\npersistence_timeout 9\nlb_kind FNAT\nreal_server 192.168.0.1 0 {\n}\n}\n", nil},
		"of a group of every port": {"virtual_server_group G {\n10.0.0.1\n}\nvirtual_server group G {\nlb_algo rr\nprotocol TCP\npersistence_timeout 9\nlb_kind FNAT\n" +
			"real_server 192.168.0.1 {\n}\n}\n", nil},
	} {
		cfg, _ := configOf(t, c.text)
		spec := ipvs.FromConfig(cfg)
		var got []string
		for _, f := range spec.Flows() {
			got = append(got, fmt.Sprint(f.Protocol, " ", f.Virtual, " ", f.Server, " ", f.Local))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if tracked := spec.Settings[6] == "1"; tracked != (c.want != nil) {
			t.Errorf("%s: settings %v", name, spec.Settings)
		}
		for _, vs := range spec.VirtualServers {
			methods := []confparse.Forwarding{vs.Pool.Sorry.Forwarding}
			for _, rs := range vs.Pool.Servers {
				methods = append(methods, rs.Forwarding)
			}
			if slices.Contains(methods, confparse.FNAT) {
				t.Errorf("%s: methods %v for the kernel", name, methods)
			}
		}
	}
}

// TestFlowsOfUnchangedServers: a group that changes counts for virtual servers that stay as they were, and were not read again.
func TestFlowsOfUnchangedServers(t *testing.T) {
	text := func(local string) string {
		return "laddr_group L {\n" + local + "\n}\nvirtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nladdr_group L\nreal_server 192.168.0.1 80 {\n}\n}\n"
	}
	cfg, _ := configOf(t, text("10.9.9.1"))
	before := ipvs.FromConfig(cfg)
	cfg, _ = configOf(t, text("10.9.9.2"))
	cfg.VirtualServers[0] = &confparse.VirtualServer{ID: cfg.VirtualServers[0].ID, Unchanged: true}
	after, ok := before.Updated(cfg)
	if got := after.Flows(); !ok || before.Equal(after) || len(got) != 1 || got[0].Local[0] != netip.MustParseAddr("10.9.9.2") || after.Settings[6] != "1" {
		t.Errorf("%+v, %v", got, after.Settings)
	}
}

// watchedKernel looks at the setting whenever services change.
type watchedKernel struct {
	ipvs.Kernel
	without int // changes while it was not set
	changes int
}

func (k *watchedKernel) Apply(ctx context.Context, ops []ipvs.Op) []error {
	if s, err := k.Settings(ctx); err != nil || s[6] != "1" {
		k.without++
	}
	k.changes++
	return k.Kernel.Apply(ctx, ops)
}

// TestConntrackLastsAsLongAsServices that need it: it is set before they come, and given back when they have gone, by a reload or at the end.
func TestConntrackLastsAsLongAsServices(t *testing.T) {
	const other = "virtual_server fwmark 7 {\nlb_algo rr\nlb_kind NAT\nreal_server 192.168.0.1 80 {\n}\n}\n"
	for _, reload := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k := ipvstest.New()
			var watched *watchedKernel
			r := ipvs.NewReconciler(ipvs.Options{AuditPeriod: -1, Open: func(ctx context.Context) (ipvs.Kernel, error) {
				kernel, err := k.Open(ctx)
				watched = &watchedKernel{Kernel: kernel}
				return watched, err
			}})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			set := func(text string) {
				t.Helper()
				r.Set(specFrom(t, text), ipvs.Health{})
				if err := r.Sync(ctx); err != nil {
					t.Fatal(err)
				}
			}
			set("virtual_server 10.0.0.1 80 {\nlb_algo rr\nprotocol TCP\nlb_kind FNAT\nreal_server 192.168.0.1 80 {\n}\n}\n" + other)
			if got, _ := k.Settings(ctx); got[6] != "1" {
				t.Errorf("settings %v", got)
			}
			if reload {
				set(other)
				if got, _ := k.Settings(ctx); got[6] != "0" {
					t.Errorf("settings %v without FNAT", got)
				}
			}
			before := watched.without
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got, _ := k.Settings(t.Context()); got[6] != "0" || before > 0 || !reload && watched.without > 0 || watched.changes < 2 {
				t.Errorf("settings %v at the end; %d of %d changes without conntrack, %d before the end", got, watched.without, watched.changes, before)
			}
		})
	}
}
