package confparse

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse/diag"
)

// maxPeak bounds the memory that reading a runaway input may take at any time, the input itself included.
const maxPeak = 100 << 20

// runaway is an input that would never end, or fill the memory.
type runaway struct {
	name string
	text func() string
	code Code // what is said of it
}

func repeat(s string, n int) func() string { return func() string { return strings.Repeat(s, n) } }

func text(s string) func() string { return func() string { return s } }

// doubling defines parameters that have twice the length of the one before.
func doubling() string {
	s := "$A0=xxxxxxxx\n"
	for i := 1; i < 40; i++ {
		s += fmt.Sprintf("$A%d=${A%d}${A%d}\n", i, i-1, i-1)
	}
	return s + "x ${A39}\n"
}

func numbered(format string, n int) func() string {
	return func() string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
}

const long480 = 480 // words that fit into a line

var runaways = []runaway{
	{"self reference", text("$A=${A}\nrouter_id ${A}\n"), diag.CodeRunaway},
	{"mutual reference", text("$A=${B}\n$B=${A}\nx ${A}\n"), diag.CodeRunaway},
	{"doubling", doubling, diag.CodeLineTooLong},
	{"huge loop", text("~SEQ(i, 1, 1000000000) global_defs { }\n"), diag.CodeRunaway},
	{"huge loop of a small step", text("~SEQ(i, 1000000000, -1, 0) global_defs { }\n"), diag.CodeRunaway},
	{"nested loops", text("~SEQ(i, 9999) ~SEQ(j, 9999) ~SEQ(k, 9999) global_defs { }\n"), diag.CodeRunaway},
	{"loops nested by definitions", text("$M=~SEQ(i, 999) $N\n$N=~SEQ(j, 999) global_defs { }\n$M\n"), diag.CodeRunaway},
	{"loops one after the other", repeat("~SEQ(i, 60000) x $i\n", 100), diag.CodeRunaway},
	{"loop of long lines", text("global_defs {\nnotification_email {\n~SEQ(i, 60000) x${i} " + strings.Repeat("a ", long480) + "\n"),
		diag.CodeRunaway},
	{"loop of a long parameter", text("$L=" + strings.Repeat("a ", long480) + "\n~SEQ(i, 60000) $L x$i\n"), diag.CodeRunaway},
	{"loop of blocks", text("~SEQ(i, 60000) ~SEQ(j, 2) vrrp_instance V${i}_$j { interface eth0 }\n"), diag.CodeRunaway},
	{"recursive definition", text("$M= \\\n$M \\\n$M\n$M\n"), diag.CodeRunaway},
	{"wide recursion", text("$M= \\\n ~SEQ(i, 1000) $M\n$M\n"), diag.CodeRunaway},
	{"recursion without a loop", text("$M= \\\nx \\\n$N \\\n$N\n$N= \\\nx \\\n$M \\\n$M\n$M\n"), diag.CodeRunaway},
	{"endless definition", repeat("$M= \\\nrouter_id x \\\n", 1_000_000), diag.CodeRunaway},
	{"include of itself", text("include test.conf\n"), diag.CodeIncludeCycle},
	{"braces of a pattern", text("include " + strings.Repeat("{a,b}", 190) + "\n"), diag.CodeIncludeMissing},
	{"stars of a pattern", text("include " + strings.Repeat("*/", 500) + "\n"), diag.CodeIncludeNoMatch},
	{"nested blocks", repeat("global_defs {\n", 1_000_000), diag.CodeMissingClose},
	{"nested blocks of different kinds", repeat("virtual_server 192.0.2.1 80 {\nreal_server 192.0.2.2 80 {\nHTTP_GET {\nurl {\n", 200_000),
		diag.CodeMissingClose},
	{"nested unknown blocks", repeat("x {\n", 1_000_000), diag.CodeUnknownKeyword},
	{"closing braces", repeat("}\n", 1_000_000), diag.CodeExtraClose},
	{"blocks in one line", repeat("global_defs { ", 1_000_000), diag.CodeLineTooLong},
	{"a huge line", func() string { return "router_id " + strings.Repeat("x", 30<<20) }, diag.CodeLineTooLong},
	{"a huge line of words", func() string { return "router_id " + strings.Repeat("x ", 15<<20) }, diag.CodeLineTooLong},
	{"nothing but mistakes", numbered("nonsense%d { } }\n", 100_000), diag.CodeTooManyProblems},
	{"nothing but open quotes", repeat("router_id \"\n", 300_000), diag.CodeUnterminatedQuote},
	{"many definitions", numbered("$V%d=x\n", 100_000), 0},
}

// TestMain loads a single file where TestRunawayInputsEnd asks for it: its peak is that of a whole process.
func TestMain(m *testing.M) {
	name := os.Getenv("CONFPARSE_RUNAWAY")
	if name == "" {
		os.Exit(m.Run())
	}
	_, ds := Load(OSFS(), name, Env{Hostname: "lb1"})
	for _, d := range ds {
		fmt.Println(uint16(d.Code))
	}
	if ds.HasFatal() {
		fmt.Println(fatalWord)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println("peak", strings.Fields(rest)[0])
	os.Exit(0)
}

// fatalWord is what the process says of an input that may not be applied.
const fatalWord = "fatal"

// peakOf loads a runaway input in a process of its own and returns its peak memory, the codes it gave, and whether it may
// not be applied.
func peakOf(t *testing.T, text string) (bytes int, codes []Code, fatal bool) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "test.conf")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONFPARSE_RUNAWAY="+name)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if line == fatalWord {
			fatal = true
			continue
		}
		text, isPeak := strings.CutPrefix(line, "peak ")
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("the process says %q", line)
		}
		if isPeak {
			bytes = n << 10
		} else {
			codes = append(codes, Code(n))
		}
	}
	return bytes, codes, fatal
}

// TestRunawayInputsEnd: each ends with its diagnostic, in less memory than maxPeak, and nothing of what a runaway leaves may be
// applied.
func TestRunawayInputsEnd(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the peak memory of a process is read from /proc: ", err)
	}
	if raced {
		t.Skip("the race detector needs memory of its own: run without it, as make test-host does")
	}
	for _, r := range runaways {
		t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) {
			peak, codes, fatal := peakOf(t, r.text())
			t.Logf("peak %d MiB", peak>>20)
			if peak == 0 || peak > maxPeak {
				t.Errorf("the peak is %d MiB, at most %d may be", peak>>20, maxPeak>>20)
			}
			if r.code != 0 && !slices.Contains(codes, r.code) {
				t.Errorf("no %s among %v", r.code, codes[:min(len(codes), 10)])
			}
			if (r.code == diag.CodeRunaway || r.code == diag.CodeIncludeCycle) && !fatal {
				t.Error("what it leaves may be applied")
			}
		})
	}
}

// TestLargeLoopsLoad: what a large site really writes stays within the bounds.
func TestLargeLoopsLoad(t *testing.T) {
	cfg := mustLoad(t, "$R= \\\n  real_server 10.${i}.0.${j} 80 { \\\n    weight $j \\\n    TCP_CHECK { \\\n      connect_timeout 3 \\\n"+
		"    } \\\n  }\n$V= \\\nvirtual_server 192.0.2.${i} 80 { \\\n  protocol TCP \\\n  lb_algo rr \\\n  lb_kind NAT \\\n"+
		"  ~SEQ(j, 250) $R \\\n}\n~SEQ(i, 100) $V\n")
	if n, m := len(cfg.VirtualServers), len(cfg.VirtualServers[99].RealServers); n != 100 || m != 250 {
		t.Errorf("%d services, %d servers", n, m)
	}
}

// TestDeepIncludesEnd chains more files than any limit allows.
func TestDeepIncludesEnd(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 100 {
		fsys[fmt.Sprintf("f%d.conf", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "include f%d.conf\n", i+1), Mode: 0o644}
	}
	_, ds := Load(fsys, "f0.conf", Env{})
	if !ds.HasFatal() {
		t.Errorf("diagnostics are %v", ds)
	}
}

// TestNoiseIsBounded loads a file of nothing but mistakes.
func TestNoiseIsBounded(t *testing.T) {
	_, ds := load(t, numbered("nonsense%d { } }\n", 100_000)())
	if len(ds) > 2*diag.MaxDiagnostics+1 || !ds.HasFatal() {
		t.Errorf("%d diagnostics, fatal %v", len(ds), ds.HasFatal())
	}
}
