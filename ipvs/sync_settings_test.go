package ipvs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

func syncSpecOf(t *testing.T, words string) ipvs.SyncSpec {
	t.Helper()
	cfg, codes := configOf(t, "global_defs {\nlvs_sync_daemon eth0 id 9\n"+words+"\n}\n"+vs("", 1))
	for _, c := range codes {
		if c != "KA4001" {
			t.Logf("%s: %s", words, c)
		}
	}
	return ipvs.SyncFromConfig(cfg)
}

func TestSyncSettingsFromConfig(t *testing.T) {
	for words, want := range map[string]string{
		"":                            "",
		"sync_threshold 5 60":         "sync_threshold=5 60",
		"sync_threshold 5":            "sync_threshold=5 0",
		"sync_refresh_period 0":       "sync_refresh_period=0",
		"sync_retries 3":              "sync_retries=3",
		"sync_qlen_max 20000":         "sync_qlen_max=20000",
		"backup_only":                 "backup_only=1",
		"backup_only off":             "backup_only=0",
		"sync_retries 9":              "",
		"sync_threshold 5 5":          "",
		"sync_retries 1\nbackup_only": "sync_retries=1 backup_only=1",
	} {
		if got := syncSpecOf(t, words).Wanted(true, false).Settings.String(); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
	cfg, _ := configOf(t, "global_defs {\nbackup_only\n}\n"+vs("", 1))
	if s := ipvs.SyncFromConfig(cfg); s.Exists() || s.Wanted(false, true).Settings != (ipvs.Settings{}) {
		t.Errorf("without lvs_sync_daemon: %+v", s)
	}
}

// The settings are what is configured, and what they were once they are not configured any more, at the latest at the end.
func TestSyncSettingsAreRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		before := ipvs.Settings{"4 40", "7", "0", "15000", "0", "0", "0"} // somebody has set them
		if err := k.SetSettings(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		r := keepSync(t, k, ipvs.SyncOptions{})
		defer r.stop()
		is := func(words string, want ipvs.Settings) {
			t.Helper()
			r.Want(syncSpecOf(t, words).Wanted(false, true))
			if err := r.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := k.Settings(context.Background()); got != want || err != nil {
				t.Errorf("%s: %v, want %v; %v", words, got, want, err)
			}
		}
		is("", before)
		is("sync_threshold 5 60\nsync_retries 2", ipvs.Settings{"5 60", "7", "2", "15000", "0", "0", "0"})
		is("sync_threshold 6 60\nbackup_only", ipvs.Settings{"6 60", "7", "0", "15000", "1", "0", "0"})
		is("sync_threshold 6 60\nsync_refresh_period 7", ipvs.Settings{"6 60", "7", "0", "15000", "0", "0", "0"})
		is("", before)
		is("sync_qlen_max 1", ipvs.Settings{"4 40", "7", "0", "1", "0", "0", "0"})
		if err := k.SetSettings(t.Context(), ipvs.Settings{3: "2"}); err != nil { // by hand
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		is("sync_qlen_max 1", ipvs.Settings{"4 40", "7", "0", "1", "0", "0", "0"})
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if got, _ := k.Settings(context.Background()); got != before {
			t.Errorf("at the end %v, want %v", got, before)
		}
	})
}

// A setting that the kernel does not take is told, and keeps nothing else back; what was changed is restored all the same.
func TestSyncSettingsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		before, _ := k.Settings(t.Context())
		r := keepSync(t, k, ipvs.SyncOptions{})
		defer r.stop()
		k.SetSettingsError(errors.New("set net.ipv4.vs.backup_only to 1: read-only file system"))
		r.Want(syncSpecOf(t, "backup_only").Wanted(false, true))
		if err := r.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.took("start master", "start backup")
		if s := r.Status(); len(s.Failing) != 1 || !strings.Contains(s.Failing[0].Error, "backup_only") || len(s.Running) != 2 {
			t.Errorf("status %+v", s)
		}
		k.SetSettingsError(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := r.Status(); len(s.Failing) != 0 {
			t.Errorf("status %+v", s)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if got, _ := k.Settings(context.Background()); got != before {
			t.Errorf("at the end %v, want %v", got, before)
		}
	})
}
