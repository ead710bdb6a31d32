package confparse

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// sameBothWays checks that decoding servers while reading gives what reading everything first gives, and returns
// whether the former was possible.
func sameBothWays(t testing.TB, fsys fs.FS, path string, env Env) bool {
	t.Helper()
	whole, wantDiags := loadOnce(fsys, path, env, false)
	streamed, diags := loadOnce(fsys, path, env, true)
	if streamed == nil {
		return false
	}
	if diff := diagsDiff(wantDiags, diags); diff != "" {
		t.Errorf("%s: diagnostics (-whole +streamed)\n%s", path, diff)
	}
	if diff := configDiff(whole, streamed); diff != "" {
		t.Errorf("%s: configuration (-whole +streamed)\n%s", path, diff)
	}
	if !whole.Inputs.Equal(streamed.Inputs) {
		t.Errorf("%s: inputs differ", path)
	}
	return true
}

func mapFS(text string) fs.FS {
	return fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
}

// streamedServers returns how many servers were decoded before the end, and whether the attempt was given up.
func streamedServers(text string) (n int, void bool) {
	rep := &diag.Reporter{}
	d := newDecoder(Env{Hostname: "h"}, rep)
	r := syntax.NewReader(mapFS(text), Env{Hostname: "h"}.Text(), &grammar, rep)
	s := newServerStream(d, r, nil)
	r.Read("k.conf")
	return len(d.cfg.VirtualServers), s.text.Misled(rep)
}

func TestServersAreDecodedAsTheyAreRead(t *testing.T) {
	server := func(addr, inside string) string {
		return "virtual_server " + addr + " 80 {\n protocol TCP\n" + inside + " real_server 192.0.2.1 80 {\n  TCP_CHECK {\n  }\n }\n}\n"
	}
	two := server("10.0.0.1", "") + server("10.0.0.2", "")
	for _, c := range []struct {
		name, text string
		streamed   int
		void       bool
	}{
		{"alone", two, 2, false},
		{"behind global settings", "global_defs {\n router_id a\n}\n" + two, 2, false},
		{"around an instance", server("10.0.0.1", "") + "vrrp_script s {\n script /bin/true\n}\n" + server("10.0.0.2", ""), 2, false},
		{"before global settings", two + "global_defs {\n checker_log_all_failures\n}\n", 2, true},
		{"before a scalar of the root", two + "linkbeat_use_polling\n", 2, true},
		{"a group is named", server("10.0.0.1", "") + "virtual_server group g {\n}\n" + server("10.0.0.2", ""), 1, false},
		{"a program is named", server("10.0.0.1", "quorum_up /bin/true\n") + server("10.0.0.2", ""), 0, false},
		{"closed too early", server("10.0.0.1", "") + "real_server 192.0.2.2 80 {\n}\n}\n" + server("10.0.0.2", ""), 0, false},
		{"an unclosed block", "vrrp_instance a {\n interface eth0\n" + two, 0, false},
		{"a fatal mistake in one", server("10.0.0.1", "lb_algo\n") + server("10.0.0.2", ""), 1, true},
		{"a mild mistake in one", server("10.0.0.1", "lb_algo nonsense\n") + server("10.0.0.2", ""), 2, false},
		{"an unknown keyword in one", server("10.0.0.1", "nonsense\n") + server("10.0.0.2", ""), 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, void := streamedServers(c.text)
			if n != c.streamed || void != c.void {
				t.Errorf("streamed %d, void %v; want %d, %v", n, void, c.streamed, c.void)
			}
			sameBothWays(t, mapFS(c.text), "k.conf", Env{Hostname: "h"})
		})
	}
}

// TestStreamingChangesNothing damages configurations at random places and reads them both ways.
func TestStreamingChangesNothing(t *testing.T) {
	texts := []string{bigConfig(3, 2)}
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../examples/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, more...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	streamed := 0
	for i := range 1200 {
		text := texts[rng.IntN(len(texts))]
		if rng.IntN(3) == 0 {
			text += texts[rng.IntN(len(texts))]
		}
		for range rng.IntN(4) {
			text = disturb(rng, text)
		}
		if sameBothWays(t, mapFS(text), "k.conf", Env{Hostname: "lb1"}) {
			streamed++
		}
		if t.Failed() {
			t.Fatalf("round %d:\n%s", i, text)
		}
	}
	if streamed < 300 {
		t.Errorf("only %d of 1200 were read in one go", streamed)
	}
}

// disturb deletes, doubles or moves a word or a line of text.
func disturb(rng *rand.Rand, text string) string {
	sep := []string{" ", "\n"}[rng.IntN(2)]
	parts := strings.Split(text, sep)
	i := rng.IntN(len(parts))
	switch rng.IntN(3) {
	case 0:
		parts = append(parts[:i], parts[i+1:]...)
	case 1:
		parts[i] = parts[i] + sep + parts[i]
	default:
		j := rng.IntN(len(parts))
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, sep)
}

func TestStreamingOverCorpus(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS names no directory of configurations")
	}
	names, err := filepath.Glob(dir + "/*")
	if err != nil || len(names) == 0 {
		t.Fatal(err, fmt.Sprint(len(names), " files"))
	}
	streamed := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sameBothWays(t, mapFS(string(text)), "k.conf", Env{Hostname: "lb1"}) {
			streamed++
		}
	}
	t.Logf("%d of %d files read in one go", streamed, len(names))
}
