package syntax

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse/diag"
)

// small is a language of two blocks and a list.
func small() *Grammar {
	bs := make([]Block, 3)
	words := []*Keyword{
		{Name: "global_defs", In: In(0), Block: &bs[1]}, {Name: "vrrp_instance", In: In(0), Block: &bs[2]},
		{Name: "router_id", In: In(1)}, {Name: "notification_email", In: In(1), Items: ItemLines},
		{Name: "interface", In: In(2)},
	}
	for i := range bs {
		bs[i].ID, bs[i].Words = BlockID(i), map[string]*Keyword{}
		for k, w := range words {
			if w.Index = int32(k); w.In.Has(BlockID(i)) {
				bs[i].Words[w.Name] = w
			}
		}
	}
	return &Grammar{Blocks: bs, Rows: len(words)}
}

// repeated returns a text that is too long to be written down.
func repeated(s string, n int) string { return strings.Repeat(s, n) }

// doubling defines parameters that have twice the length of the one before.
func doubling() string {
	s := "$A0=xxxxxxxx\n"
	for i := 1; i < 40; i++ {
		s += fmt.Sprintf("$A%d=${A%d}${A%d}\n", i, i-1, i-1)
	}
	return s + "x ${A39}\n"
}

// TestExpansionIsBounded counts the steps of expansion, in place of a time that depends on the machine: a huge loop is
// seen before its first round.
func TestExpansionIsBounded(t *testing.T) {
	const long480 = 480 // words that fit into a line
	// A twentieth of what a Load may cost, for all of which the process of TestRunawayInputsEnd in confparse goes.
	const maxWork, maxSize = maxExpansionWork / 20, maxExpansionSize / 20
	for _, r := range []struct {
		name, text string
		steps      int
	}{
		{"self reference", "$A=${A}\nrouter_id ${A}\n", 1000},
		{"mutual reference", "$A=${B}\n$B=${A}\nx ${A}\n", 1000},
		{"doubling", doubling(), 1000},
		{"huge loop", "~SEQ(i, 1, 1000000000) global_defs { }\n", 0},
		{"huge loop of a small step", "~SEQ(i, 1000000000, -1, 0) global_defs { }\n", 0},
		{"nested loops", "~SEQ(i, 9999) ~SEQ(j, 9999) ~SEQ(k, 9999) global_defs { }\n", 10},
		{"loops nested by definitions", "$M=~SEQ(i, 999) $N\n$N=~SEQ(j, 999) global_defs { }\n$M\n", 10},
		{"loops one after the other", repeated("~SEQ(i, 60000) x $i\n", 100), maxWork + costRound},
		{"loop of long lines", ("global_defs {\nnotification_email {\n~SEQ(i, 60000) x${i} " + strings.Repeat("a ", long480) + "\n"), maxWork},
		{"loop of a long parameter", ("$L=" + strings.Repeat("a ", long480) + "\n~SEQ(i, 60000) $L x$i\n"), maxWork},
		{"loop of blocks", "~SEQ(i, 60000) ~SEQ(j, 2) vrrp_instance V${i}_$j { interface eth0 }\n", 10},
		{"recursive definition", "$M= \\\n$M \\\n$M\n$M\n", maxWork + 1},
		{"wide recursion", "$M= \\\n ~SEQ(i, 1000) $M\n$M\n", 20},
		{"recursion without a loop", "$M= \\\nx \\\n$N \\\n$N\n$N= \\\nx \\\n$M \\\n$M\n$M\n", maxWork + 1},
		{"endless definition", repeated("$M= \\\nrouter_id x \\\n", 1_000_000), 1000},
	} {
		rd := NewReader(fstest.MapFS{"test.conf": {Data: []byte(r.text), Mode: 0o644}}, Env{}, small(), &diag.Reporter{})
		rd.maxWork, rd.maxSize = maxWork, maxSize
		rd.Read("test.conf")
		if rd.work > r.steps {
			t.Errorf("%s takes %d steps, want %d at most", r.name, rd.work, r.steps)
		}
		if rd.size > maxSize+2*MaxLineLength*sizeOfWord {
			t.Errorf("%s holds %d bytes", r.name, rd.size)
		}
	}
}
