package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/script"
	"vigil/ipvs/pool"
)

// TestHungProgramsHoldUpNoCheck: however many programs that are told of changes never end, those of checks have their turns.
func TestHungProgramsHoldUpNoCheck(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("programs are run as root here")
	}
	dir := t.TempDir()
	check, asked := filepath.Join(dir, "check"), filepath.Join(dir, "asked")
	if err := unix.Mkfifo(asked, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(check, []byte("#!/bin/sh\necho asked >"+asked+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	config.WriteString("global_defs {\n script_user root\n rs_init_notifies\n}\nvirtual_server 192.0.2.1 80 {\n lb_algo rr\n protocol TCP\n")
	for n := range 140 {
		fmt.Fprintf(&config, " real_server 198.51.100.%d 80 {\n  notify_up \"/bin/sleep 1000\"\n }\n", n+1)
	}
	fmt.Fprintf(&config, " real_server 198.51.100.250 80 {\n  MISC_CHECK {\n   misc_path %s\n   warmup 0\n  }\n }\n}\n", check)
	i := launch(t, config.String(), nil)
	if b, err := os.ReadFile(asked); err != nil || string(b) != "asked\n" { // it waits for somebody to say so
		t.Errorf("%q, %v", b, err)
	}
	if err := i.end(); err != nil {
		t.Errorf("%v\n%s", err, i.log)
	}
}

// TestProgramIsRunWhenItCanBe: who is told of a change is told late rather than never, here by a program that is being
// written.
func TestProgramIsRunWhenItCanBe(t *testing.T) {
	dir := t.TempDir()
	path, out := filepath.Join(dir, "told"), filepath.Join(dir, "out")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "#!/bin/sh\necho down >>%s\n", out)
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		r := script.NewRunner(script.Options{})
		task := startTask("programs", nil, r.Run)
		tell := newTeller(slog.New(slog.NewTextHandler(&lines, nil)), r)
		tell.tell(serverEvent(pool.ServerDown, false, pool.NotifyOf(pool.Told{Down: program(path)})))
		time.Sleep(5 * time.Second)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if b, err := os.ReadFile(out); err != nil || string(b) != "down\n" || lines.String() != "" {
			t.Errorf("%q, %v\n%s", b, err, lines.String())
		}
		tell.close()
		task.stop(scriptStopLimit)
	})
}
