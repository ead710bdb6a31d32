package confparse

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRunawayInputsEnd feeds inputs that would never end, or fill the memory, and wants one fatal diagnostic.
func TestRunawayInputsEnd(t *testing.T) {
	doubling := "$A0=xxxxxxxx\n"
	for i := 1; i < 40; i++ {
		doubling += fmt.Sprintf("$A%d=${A%d}${A%d}\n", i, i-1, i-1)
	}
	tests := map[string]struct {
		text string
		code Code
	}{
		"self reference":       {"$A=${A}\nrouter_id ${A}\n", CodeRunaway},
		"mutual reference":     {"$A=${B}\n$B=${A}\nx ${A}\n", CodeRunaway},
		"doubling":             {doubling + "x ${A39}\n", CodeLineTooLong},
		"huge loop":            {"~SEQ(i, 1, 1000000000) global_defs { }\n", CodeRunaway},
		"nested loops":         {"~SEQ(i, 9999) ~SEQ(j, 9999) ~SEQ(k, 9999) global_defs { }\n", CodeRunaway},
		"recursive definition": {"$M= \\\n$M \\\n$M\n$M\n", CodeRunaway},
		"wide recursion":       {"$M= \\\n ~SEQ(i, 1000) $M\n$M\n", CodeRunaway},
		"include of itself":    {"include test.conf\n", CodeIncludeCycle},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, ds := load(t, tt.text)
			runtime.ReadMemStats(&after)
			found := false
			for _, d := range ds {
				found = found || d.Code == tt.code
			}
			if !found {
				t.Errorf("no %s among %v", tt.code, codesOf(ds[:min(len(ds), 10)]))
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 400 {
				t.Errorf("%d MiB were allocated", mib)
			}
		})
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
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "nonsense%d { } }\n", i)
	}
	_, ds := load(t, b.String())
	if len(ds) > 2*maxDiagnostics+1 || !ds.HasFatal() {
		t.Errorf("%d diagnostics, fatal %v", len(ds), ds.HasFatal())
	}
}
