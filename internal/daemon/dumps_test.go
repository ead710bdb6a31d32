package daemon

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/testlan"
)

// TestDumpsOfARunningRouter: what is asked for by signals is in the files that programs look into, and agrees with the status;
// statistics that are cleared begin anew there, and go on in the status.
func TestDumpsOfARunningRouter(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneRouter, nil)
		time.Sleep(5 * time.Second)
		read := func(name string) string {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
			}
			return string(b)
		}
		for _, c := range []Command{CommandJSON, CommandStats} {
			if r := <-i.ask(c); r.Err != nil || filepath.Dir(r.Text) != dir {
				t.Errorf("%s: %+v", c, r)
			}
		}
		var list []struct {
			Data struct {
				Name   string `json:"iname"`
				Strict int    `json:"strict_mode"`
				State  int
				VIPs   []string
			}
			Stats map[string]uint64
		}
		if err := json.Unmarshal([]byte(read("keepalived.json")), &list); err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		sent := i.status().VRRP.Instances[0].Counters.AdvertsSent
		if d := list[0]; d.Data.Name != "VI_1" || d.Data.State != 2 || d.Data.Strict != 0 || len(d.Data.VIPs) != 1 || sent < 4 || d.Stats["advert_sent"] != sent {
			t.Errorf("%+v, sent %d", d, sent)
		}
		if text := read("keepalived.stats"); !strings.Contains(text, "VRRP Instance: VI_1\n") || !strings.Contains(text, "  Became master: 1\n") {
			t.Error(text)
		}
		<-i.ask(CommandStatsClear)
		if text := read("keepalived.stats"); !strings.Contains(text, "  Became master: 1\n") {
			t.Errorf("what is cleared is printed first:\n%s", text)
		}
		<-i.ask(CommandStats)
		if text := read("keepalived.stats"); !strings.Contains(text, "  Became master: 0\n") || i.status().VRRP.Instances[0].Counters.BecameMaster != 1 {
			t.Errorf("cleared:\n%s", text)
		}
		if r := <-i.ask(CommandData); r.Err != nil || !strings.Contains(read("keepalived.data"), "   Wantstate = MASTER\n") {
			t.Errorf("%+v", r)
		}
		own := filepath.Join(dir, "own.json")
		reply, _ := i.reload(strings.Replace(oneRouter, "dynamic_interfaces", "dynamic_interfaces\n json_dump_file "+own+"\n json_version 2\n stats_dump_file sub/", 1))
		reply.want(t, "other files", reloadApplied)
		<-i.ask(CommandJSON)
		if text := read("own.json"); !strings.HasPrefix(text, `{"vrrp":[`) {
			t.Error(text)
		}
		if r := <-i.ask(CommandStats); r.Err == nil || !strings.Contains(r.Err.Error(), filepath.Join(dir, "sub/keepalived.stats")) {
			t.Errorf("a directory that is not there: %+v", r)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestDumpsWithoutRouters: there is no file but that of the daemon itself, and what is there stays.
func TestDumpsWithoutRouters(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		for _, c := range []Command{CommandData, CommandJSON, CommandStats, CommandStatsClear} {
			if r := <-i.ask(c); !errors.Is(r.Err, errNoRouters) {
				t.Errorf("%s: %+v", c, r)
			}
		}
		if err := i.end(); err != nil { // when all is written
			t.Error(err)
		}
		parent := filepath.Join(dir, "keepalived_parent.data")
		if list, err := filepath.Glob(filepath.Join(dir, "keepalived*")); !slices.Equal(list, []string{parent}) || err != nil {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// TestDataFileHasTheInstanceInItsName: with data_use_instance, and that of no other dump; its mode is what the umask leaves.
func TestDataFileHasTheInstanceInItsName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	synctest.Test(t, func(t *testing.T) {
		with := func(lines string) string {
			return "instance foo\n" + strings.Replace(oneRouter, "dynamic_interfaces", "dynamic_interfaces\n umask 027\n"+lines, 1)
		}
		i := begin(t, with("data_use_instance"), nil)
		for _, step := range []struct{ lines, name string }{{"data_use_instance", "keepalived.foo.data"}, {"data_use_instance\nstate_dump_file x.txt", "x.foo.txt"},
			{"state_dump_file x.txt", "x.txt"}} {
			i.reload(with(step.lines))
			r := <-i.ask(CommandData)
			info, err := os.Stat(filepath.Join(dir, step.name))
			if r.Err != nil || err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("%q: %+v, %v, %v", step.lines, r, info, err)
			}
		}
		if err := testlan.Until(t.Context(), "the file of the daemon", func() error {
			_, err := os.Stat(filepath.Join(dir, "keepalived_parent.foo.data"))
			_, other := os.Stat(filepath.Join(dir, "x_parent.foo.txt"))
			return errors.Join(err, other)
		}); err != nil {
			t.Error(err)
		}
		<-i.ask(CommandStats)
		if _, err := os.Stat(filepath.Join(dir, "keepalived.stats")); err != nil {
			t.Error(err)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
