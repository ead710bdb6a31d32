package script

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProgramsOfRootWithoutTheRightToChange: a daemon that is root and has neither CAP_SETUID nor CAP_SETGID, as in a container or
// under systemd, runs the programs that are root's, whatever further groups it was started with. What is another's it cannot.
func TestProgramsOfRootWithoutTheRightToChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be without the right")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ groups, lacks, as, want string }{
		{"--clear-groups", "-setuid", "0 0", "0 0\n"},
		{"--clear-groups", "-setgid", "0 0", "0 0\n"},
		{"--clear-groups", "-setuid,-setgid", "0 0", "0 0\n"},
		{"--groups=0", "-setuid,-setgid", "0 0", "0 0\n"},
		{"--groups=0,4", "-setuid,-setgid", "0 0", "0 0 4\n"},
		{"--groups=0,4", "-setuid", "0 0", "0 0\n"}, // what can be dropped is
		{"--clear-groups", "-setuid,-setgid", "65534 65534", "operation not permitted\n"},
		{"--clear-groups", "-setuid,-setgid", "0 4", "operation not permitted\n"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		cmd := exec.Command("setpriv", tt.groups, "--inh-caps="+tt.lacks, "--bounding-set="+tt.lacks, self)
		cmd.Env = append(os.Environ(), "VIGIL_SCRIPT_TEST=once", "VIGIL_PROGRAM="+program(t, "echo $(id -u) $(id -G) >"+out), "VIGIL_AS="+tt.as)
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		text, _ := os.ReadFile(out) // which is not there when nothing was run
		if got := string(text) + string(said); !strings.HasSuffix(got, tt.want) || len(text) > 0 && got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// once runs VIGIL_PROGRAM as VIGIL_AS, and says why it could not.
func once() {
	r := NewRunner(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var as Identity
	if _, err := fmt.Sscan(os.Getenv("VIGIL_AS"), &as.UID, &as.GID); err != nil {
		fmt.Println(err)
	}
	if e := r.Execute(ctx, Command{Argv: []string{os.Getenv("VIGIL_PROGRAM")}, As: as}); !e.Success() {
		fmt.Println(e)
	}
	cancel()
	<-done
}
