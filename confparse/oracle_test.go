package confparse

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// oracle is what Debian's keepalived says of a configuration.
type oracle struct {
	exit  int
	text  string
	lines map[int][]string // messages by line of the file itself, not of what it includes
}

// named is the form in which keepalived names a line: "(FILE: Line N) message", or without the file.
var named = regexp.MustCompile(`^\((?:(.*): )?Line (\d+)\) (.*)$`)

// namedLines returns the messages about each line of file.
func namedLines(text, file string) map[int][]string {
	lines := map[int][]string{}
	for l := range strings.Lines(text) {
		m := named.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		if m == nil || m[1] != "" && m[1] != file {
			continue
		}
		if n, _ := strconv.Atoi(m[2]); !slices.Contains(lines[n], m[3]) {
			lines[n] = append(lines[n], m[3])
		}
	}
	return lines
}

// ask runs keepalived's --config-test on file, with a read-only file system: real configurations name places it would
// write to.
func ask(t *testing.T, file string, args ...string) oracle {
	t.Helper()
	cmd := exec.Command("unshare", append([]string{"-m", "sh", "-c",
		`mount --make-rprivate / && mount -o remount,bind,ro / && exec timeout -k 1 10 keepalived "$@"`, "sh", "-t", "-f", file}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	return oracle{cmd.ProcessState.ExitCode(), out.String(), namedLines(out.String(), file)}
}

// needOracle skips a test where there is no keepalived 2.2.7 to compare with, or no right to run it safely.
func needOracle(t *testing.T) {
	t.Helper()
	out, err := exec.Command("keepalived", "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "v2.2.7") {
		t.Skip("keepalived 2.2.7 is not installed")
	}
	if os.Geteuid() != 0 {
		t.Skip("running keepalived on a read-only file system needs root")
	}
}

// TestCrossChecksAgainstKeepalived asks keepalived what TestCrossChecks says it answers.
func TestCrossChecksAgainstKeepalived(t *testing.T) {
	needOracle(t)
	for _, name := range []string{"eth0", "eth1", "eth2", "eth3"} {
		if _, err := net.InterfaceByName(name); err != nil {
			t.Skip("no interface " + name + "; run this in a network namespace that has eth0 to eth3")
		}
	}
	for _, tt := range everyCrossCheck {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "test.conf")
			if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			o := ask(t, file)
			if o.exit != tt.exit {
				t.Errorf("keepalived's exit code is %d, not %d:\n%s", o.exit, tt.exit, o.text)
			}
			for _, w := range tt.want {
				if !tt.own && !strings.Contains(o.text, w) {
					t.Errorf("keepalived does not say %q:\n%s", w, o.text)
				}
			}
		})
	}
}
