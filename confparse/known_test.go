package confparse

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vigil/confparse/diag"
)

// unread returns how many servers of cfg were passed over.
func unread(cfg *Config) (n int) {
	for _, vs := range cfg.VirtualServers {
		if vs.Unchanged {
			n++
		}
	}
	return n
}

// completed returns cfg with what it left out as unchanged taken from the configuration before.
func completed(t testing.TB, cfg *Config, before map[VirtualServerID]*VirtualServer) map[VirtualServerID]*VirtualServer {
	t.Helper()
	whole := map[VirtualServerID]*VirtualServer{}
	for i, vs := range cfg.VirtualServers {
		if vs.Unchanged {
			old := before[vs.ID]
			if old == nil {
				t.Fatalf("%s is said to be unchanged, and was not there before", vs.ID)
			}
			c := *old
			c.Range = vs.Range
			cfg.VirtualServers[i] = &c
		}
		whole[vs.ID] = cfg.VirtualServers[i]
	}
	return whole
}

// followEdits loads one text after the other, each knowing the one before, and compares with loading it afresh.
func followEdits(t testing.TB, texts []string) (skipped int) {
	t.Helper()
	env := Env{Hostname: "lb1"}
	var before map[VirtualServerID]*VirtualServer
	for i, text := range texts {
		want, wantDiags := Load(mapFS(text), "k.conf", Env{Hostname: "lb1"})
		got, diags := Load(mapFS(text), "k.conf", env)
		skipped += unread(got)
		before = completed(t, got, before)
		if diff := diagsDiff(wantDiags, diags); diff != "" {
			t.Fatalf("step %d: diagnostics (-afresh +knowing)\n%s\n%s", i, diff, text)
		}
		if diff := configDiff(want, got); diff != "" {
			t.Fatalf("step %d: configuration (-afresh +knowing)\n%s\n%s", i, diff, text)
		}
		for k, vs := range got.VirtualServers {
			if vs.Range != want.VirtualServers[k].Range {
				t.Fatalf("step %d: %s is at %+v, not %+v\n%s", i, vs.ID, vs.Range, want.VirtualServers[k].Range, text)
			}
		}
		env.Known = got.Known
	}
	return skipped
}

func knownServer(addr, inside string) string {
	return "virtual_server " + addr + " 80 {\n  protocol TCP\n" + inside + "  real_server 192.0.2.1 80 {\n    TCP_CHECK {\n    }\n  }\n}\n"
}

func TestUnchangedServersAreNotReadAgain(t *testing.T) {
	sound := func(addr string) string { return knownServer(addr, "  lb_algo rr\n  lb_kind NAT\n") }
	a, b, c := sound("10.0.0.1"), sound("10.0.0.2"), sound("10.0.0.3")
	for _, tt := range []struct {
		name          string
		before, after string
		unread        int
	}{
		{"nothing changed", a + b + c, a + b + c, 3},
		{"two services with one address and port", a + strings.Replace(a, "TCP\n", "UDP\n", 1), a + strings.Replace(a, "TCP\n", "UDP\n", 1), 2},
		{"one added in front", b + c, a + b + c, 2},
		{"one removed", a + b + c, a + c, 2},
		{"moved by comments and another order", a + b + c, "# new\n\n" + c + "\n" + a + "# and\n" + b, 3},
		{"one changed", a + b + c, a + strings.Replace(b, "rr", "wrr", 1) + c, 2},
		{"one indented", a + b, a + strings.ReplaceAll(b, "  ", "\t"), 1},
		{"a global setting changed that servers do not see", a, "global_defs {\n  router_id x\n}\n" + a, 1},
		{"a global setting changed that they do see", a, "global_defs {\n  checker_log_all_failures\n}\n" + a, 0},
		{"twice the same", a, a + a, 1},
		{"something behind the closing brace", a + b, strings.TrimSuffix(a, "\n") + " # was\n" + b, 1},
		{"a warning is given each time", knownServer("10.0.0.1", ""), knownServer("10.0.0.1", ""), 0},
		{"a parameter may have changed", "$X=rr\n" + knownServer("10.0.0.1", "lb_algo $X\nlb_kind NAT\n"),
			"$X=wrr\n" + knownServer("10.0.0.1", "lb_algo $X\nlb_kind NAT\n"), 0},
		{"inside a definition", a, "$X= \\\n" + strings.ReplaceAll(a, "\n", " \\\n") + "\n", 0},
		{"on one line with another", "virtual_server 10.0.0.9 80 { protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 192.0.2.1 80 {\n }\n} " + a,
			a, 0},
		{"a brace too many makes all doubtful", a + b, a + "}\n" + b, 0},
		{"an unclosed block around it", a, "vrrp_instance i {\n" + a, 0},
		{"the last line has no end", a + strings.TrimSuffix(b, "\n"), a + strings.TrimSuffix(b, "\n"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, _ := Load(mapFS(tt.before), "k.conf", Env{Hostname: "lb1"})
			second, _ := Load(mapFS(tt.after), "k.conf", Env{Hostname: "lb1", Known: first.Known})
			if got := unread(second); got != tt.unread {
				t.Errorf("%d servers were not read again, want %d", got, tt.unread)
			}
			followEdits(t, []string{tt.before, tt.after, tt.before})
		})
	}
}

// TestStatementsWithoutEffectAreToldEachTime: one that waits for the program, and one to which nothing corresponds. A server
// that has one is read again, however unchanged, or else only the first load would tell.
func TestStatementsWithoutEffectAreToldEachTime(t *testing.T) {
	i := slices.IndexFunc(table, func(k keyword) bool { return k.name == "quorum" })
	was := table[i]
	defer func() { table[i] = was }()
	plain := knownServer("10.0.0.1", "  lb_algo rr\n  lb_kind NAT\n")
	text := plain + knownServer("10.0.0.2", "  lb_algo rr\n  lb_kind NAT\n  quorum 1\n")
	for code, mark := range map[diag.Code]func(*keyword){diag.CodeNotSupported: func(k *keyword) { k.pending = true },
		diag.CodeNeedless: func(k *keyword) { k.needless = "it is a test" }, 0: func(*keyword) {}} {
		table[i] = was
		mark(&table[i])
		want, told := 2, 0
		if code != 0 {
			want = 1
		}
		env := Env{Hostname: "lb1"}
		for n := range 3 {
			cfg, diags := Load(mapFS(text), "k.conf", env)
			for _, d := range diags {
				if d.Code == code {
					told++
				}
			}
			if got := unread(cfg); n > 0 && got != want {
				t.Errorf("code %v, load %d: %d servers were not read again, want %d", code, n, got, want)
			}
			env.Known = cfg.Known
		}
		if code != 0 && told != 3 {
			t.Errorf("code %v: told %d times in 3 loads", code, told)
		}
	}
}

// TestKnowingChangesNothing edits configurations at random and follows the edits.
func TestKnowingChangesNothing(t *testing.T) {
	examples, err := filepath.Glob("../examples/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{bigConfig(4, 2), strings.ReplaceAll(bigConfig(6, 1), "rr", "wlc")}
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	skipped := 0
	for range 400 {
		text := texts[rng.IntN(len(texts))]
		if rng.IntN(2) == 0 {
			text = texts[rng.IntN(2)] + text
		}
		steps := []string{text}
		for range 3 {
			if text = disturb(rng, text); rng.IntN(3) == 0 {
				text = moveBlock(rng, text)
			}
			steps = append(steps, text)
		}
		skipped += followEdits(t, steps)
	}
	if skipped < 400 {
		t.Errorf("only %d servers were passed over", skipped)
	}
}

// moveBlock puts one of the blocks of the root, which begin and end at the margin, behind another.
func moveBlock(rng *rand.Rand, text string) string {
	blocks := strings.SplitAfter(text, "\n}\n")
	i, j := rng.IntN(len(blocks)), rng.IntN(len(blocks))
	moved := blocks[i]
	return strings.Join(slices.Insert(slices.Delete(blocks, i, i+1), min(j, len(blocks)-1), moved), "")
}

// FuzzReload edits any text in one place: neither decoding servers as they are read nor knowing the text before may
// change what the text says.
func FuzzReload(f *testing.F) {
	for i, text := range exampleTexts(f) {
		f.Add(string(text), uint16(37*i), uint16(i), "}\n")
		f.Add(bigConfig(2, 1)+string(text), uint16(11*i), uint16(5*i), "weight 3\n")
	}
	f.Fuzz(func(t *testing.T, text string, at, cut uint16, put string) {
		if len(text)+len(put) > 20_000 {
			return
		}
		from := min(int(at), len(text))
		to := min(from+int(cut), len(text))
		edited := text[:from] + put + text[to:]
		if strings.Contains(text+edited, "_RANDOM") {
			return
		}
		sameBothWays(t, mapFS(edited), "k.conf", Env{Hostname: "lb1"})
		followEdits(t, []string{text, edited, text})
	})
}
