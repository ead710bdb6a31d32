package ipvs_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"vigil/confparse"
	"vigil/ipvs"
)

// stopSync ends every daemon of the kernel.
func stopSync(t *testing.T, k ipvs.Kernel) {
	t.Helper()
	list, err := k.SyncDaemons(context.Background())
	if err != nil {
		t.Error(err)
	}
	for i := range list {
		if err := k.Apply(context.Background(), []ipvs.Op{{Kind: ipvs.StopSync, Sync: &list[i]}})[0]; err != nil {
			t.Error(err)
		}
	}
}

// TestSyncDaemonsOnTheKernel: the real kernel runs what is wanted, with every option, in both roles, and tells of it as the twin
// says; what it tells of is recognized, so that a second keeper leaves it alone.
func TestSyncDaemonsOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	stopSync(t, k)
	open := func(ctx context.Context) (ipvs.Kernel, error) { return ipvs.OpenKernel(ctx, ipvs.KernelOptions{}) }
	for _, c := range []struct {
		words        string // as in a configuration
		master, back string
	}{
		{"lo VI", "master on lo id 51 maxlen 1472 group 224.0.0.81 port 8848 ttl 1", "backup on lo id 51 maxlen 65507 group 224.0.0.81 port 8848 ttl 1"},
		{"lo inst VI id 255 maxlen 1400 port 65535 ttl 255 group 224.0.0.99",
			"master on lo id 255 maxlen 1400 group 224.0.0.99 port 65535 ttl 255", "backup on lo id 255 maxlen 1400 group 224.0.0.99 port 65535 ttl 255"},
		{"lo VI id 0 maxlen 1", "master on lo id 0 maxlen 1 group 224.0.0.81 port 8848 ttl 1", "backup on lo id 0 maxlen 1024 group 224.0.0.81 port 8848 ttl 1"},
		{"lo VI maxlen 65507 group ff02::81", "", // lo has no way to the group
			"backup on lo id 51 maxlen 65487 group ff02::81 port 8848 ttl 1"},
	} {
		cfg, _ := configOf(t, "global_defs {\nlvs_sync_daemon "+c.words+"\n}\nvrrp_instance VI {\ninterface eth0\nvirtual_router_id 51\n}\n")
		spec := ipvs.SyncFromConfig(cfg)
		for _, master := range []bool{false, true, false} {
			want := map[bool]string{false: c.back, true: c.master}[master]
			if want == "" {
				continue
			}
			for _, keep := range []bool{true, false} { // a second one finds what the first has left
				r := &syncRig{t: t}
				r.SyncKeeper = ipvs.NewSyncKeeper(ipvs.SyncOptions{Open: open, KeepOnStop: keep})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- r.Run(ctx) }()
				r.Want(spec.Wanted(master, !master))
				if err := r.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, d := range r.Status().Running {
					got = append(got, d.String())
				}
				if strings.Join(got, ", ") != want || len(r.Status().Failing) > 0 {
					t.Errorf("%s: %q, want %q; %+v", c.words, got, want, r.Status().Failing)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if list, err := k.SyncDaemons(t.Context()); err != nil || len(list) != 0 {
				t.Errorf("%s: left %v, %v", c.words, list, err)
			}
		}
	}
}

// TestSyncRefusalsOfTheKernel: what the kernel says to what cannot be had, as the twin does.
func TestSyncRefusalsOfTheKernel(t *testing.T) {
	k := requireKernel(t)
	stopSync(t, k)
	start := func(link string) error {
		return k.Apply(t.Context(), []ipvs.Op{{Kind: ipvs.StartSync, Sync: &ipvs.SyncDaemon{Role: ipvs.SyncBackup, Interface: link, ID: 3}}})[0]
	}
	if err := start("nosuch0"); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("without the interface: %v, want ENODEV", err)
	}
	mixed := fwmark(5, confparse.IPv4)
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.AddService, Service: mixed, Attrs: attrs(mixed, "wlc")},
		{Kind: ipvs.AddDest, Service: mixed, Dest: netip.MustParseAddrPort("[2001:db8::2]:0"), DestAttrs: ipvs.DestAttrs{Weight: 1, Forwarding: confparse.TUN}}})
	if err := start("lo"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("beside a server of another family: %v, want EINVAL", err)
	}
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.DelService, Service: mixed}})
	if err := start("lo"); err != nil {
		t.Error(err)
	}
	if err := start("lo"); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("a second one: %v, want EEXIST", err)
	}
	stopSync(t, k)
}

// TestSyncSettingsOnTheKernel: the kernel takes the settings that the language takes, and has what it had at the end; also those of
// another network namespace.
func TestSyncSettingsOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	stopSync(t, k)
	before, err := k.Settings(t.Context())
	if err != nil || before[0] == "" || before[3] == "" {
		t.Fatalf("settings %q, %v", before, err)
	}
	keeper := ipvs.NewSyncKeeper(ipvs.SyncOptions{Open: func(ctx context.Context) (ipvs.Kernel, error) {
		return ipvs.OpenKernel(ctx, ipvs.KernelOptions{NetNS: "/proc/1/ns/net"})
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- keeper.Run(ctx) }()
	for _, c := range []struct {
		words string
		want  ipvs.Settings
	}{
		{"sync_threshold 0\nsync_refresh_period 2147483\nsync_retries 3\nsync_qlen_max 2147483647\nbackup_only",
			ipvs.Settings{"0 0", "2147483", "3", "2147483647", "1", before[5], before[6], before[7]}},
		{"sync_threshold 2147483646 2147483647\nsync_refresh_period 0\nsync_retries 0\nsync_qlen_max 0\nbackup_only off",
			ipvs.Settings{"2147483646 2147483647", "0", "0", "0", "0", before[5], before[6], before[7]}},
		{"", before},
		{"sync_threshold 5 60", ipvs.Settings{"5 60", before[1], before[2], before[3], before[4], before[5], before[6], before[7]}},
	} {
		spec := syncSpecOf(t, c.words)
		spec.Daemon.Interface = "lo"
		keeper.Want(spec.Wanted(false, true))
		if err := keeper.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Settings(t.Context()); got != c.want || err != nil {
			t.Errorf("%q: %q, want %q; %v; %+v", c.words, got, c.want, err, keeper.Status().Failing)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, err := k.Settings(t.Context()); got != before || err != nil {
		t.Errorf("at the end %q, want %q; %v", got, before, err)
	}
}
