package confparse

import "testing"

// loopCase is a loop over "router_id" and what it leaves.
func loopCases(cases [][4]string) []lexCase {
	var all []lexCase
	for _, c := range cases {
		want := "global_defs { " + c[2] + " }"
		if c[2] == "" {
			want = "global_defs {  }"
		}
		all = append(all, lexCase{c[0], globals(c[1]), want, c[3]})
	}
	return all
}

// TestSEQ: the rest of the line once for each number.
func TestSEQ(t *testing.T) {
	checkLexed(t, loopCases([][4]string{
		{"the end alone", "~SEQ(i, 3) router_id $i", "router_id 1; router_id 2; router_id 3", ""},
		{"the end is included", "~SEQ(i, 1, 1) router_id $i", "router_id 1", ""},
		{"start and end", "~SEQ(i, 5, 6) router_id $i", "router_id 5; router_id 6", ""},
		{"downwards", "~SEQ(i, 2, 0) router_id $i", "router_id 2; router_id 1; router_id 0", ""},
		{"a negative end starts at -1", "~SEQ(i, -2) router_id $i", "router_id -1; router_id -2", ""},
		{"a step", "~SEQ(i, 1, 2, 6) router_id $i", "router_id 1; router_id 3; router_id 5", ""},
		{"a step downwards", "~SEQ(i, 5, -3, 0) router_id $i", "router_id 5; router_id 2", ""},
		{"numbers as in C", "~SEQ(i, 0x10, 021) router_id $i", "router_id 16; router_id 17", ""},
		{"parameters as numbers", "$N=2\n~SEQ(i, $N) router_id $i", "router_id 1; router_id 2", ""},
		{"blanks inside", "~SEQ( i , 2 ) router_id $i", "router_id 1; router_id 2", ""},
		{"inside words", "~SEQ(i, 2) router_id a${i}b", "router_id a1b; router_id a2b", ""},
		{"the variable stays", "~SEQ(i, 2) router_id $i\nrouter_id $i", "router_id 1; router_id 2; router_id 2", ""},
		{"the leftmost loop is the outer one", "~SEQ(i, 2) ~SEQ(j, 2) router_id $i$j,${i}${j}",
			"router_id $i1,11; router_id $i2,12; router_id $i1,21; router_id $i2,22", ""},
		{"behind a condition", "@lb1 ~SEQ(i, 2) router_id $i", "router_id 1; router_id 2", ""},
		{"the rest may be a multi-line definition", "$M= \\\nrouter_id a$i \\\nlvs_flush\n~SEQ(i, 2) $M",
			"router_id a1; lvs_flush; router_id a2; lvs_flush", ""},
		{"a step of 0", "~SEQ(i, 1, 0, 5) router_id $i", "", "2:KA1013"},
		{"a step the wrong way", "~SEQ(i, 1, -1, 5) router_id $i", "", "2:KA1013"},
		{"no number", "~SEQ(i, x) router_id $i", "", "2:KA1013"},
		{"no variable", "~SEQ(, 3) router_id $i", "", "2:KA1013"},
		{"no end", "~SEQ(i) router_id $i", "", "2:KA1013"},
		{"too many numbers", "~SEQ(i, 1, 1, 2, 3) router_id $i", "", "2:KA1013"},
		{"no parenthesis", "~SEQ(i, 3 router_id $i", "", "2:KA1013"},
		{"not in the middle of a line", "router_id ~SEQ(i, 2)", "router_id ~SEQ(i, 2)", ""},
		{"an unknown loop is an unknown keyword", "~FOR(i, 2) router_id $i", "", "2:KA2001"},
	}))
}

// TestSEQx: as ~SEQ, in hexadecimal digits of lower case.
func TestSEQx(t *testing.T) {
	checkLexed(t, loopCases([][4]string{
		{"lower case", "~SEQx(i, 9, 11) router_id $i", "router_id 9; router_id a; router_id b", ""},
		{"hexadecimal numbers", "~SEQx(i, 0xfe, 0x100) router_id $i", "router_id fe; router_id ff; router_id 100", ""},
		{"no negative start", "~SEQx(i, -1, 1) router_id $i", "", "2:KA1013"},
		{"no negative end", "~SEQx(i, -2) router_id $i", "", "2:KA1013"},
	}))
}

// TestLST: the rest of the line once for each value, or set of values.
func TestLST(t *testing.T) {
	checkLexed(t, loopCases([][4]string{
		{"values", "~LST(v, a, b) router_id $v", "router_id a; router_id b", ""},
		{"one value", "~LST(v, a) router_id $v", "router_id a", ""},
		{"sets", "~LST({v,w}, {a,1}, {b,2}) router_id $v $w", "router_id a 1; router_id b 2", ""},
		{"a missing value is empty", "~LST({v,w}, {a,1}, {b}) router_id $v x${w}", "router_id a x1; router_id b x", ""},
		{"a bare value is a set of one", "~LST({v,w}, a) router_id $v x${w}", "router_id a x", ""},
		{"parameters as values", "$P=a\n~LST(v, $P, b) router_id $v", "router_id a; router_id b", ""},
		{"with a sequence inside", "~LST(v, a, b) ~SEQ(i, 2) router_id $v${i}",
			"router_id $v1; router_id $v2; router_id $v1; router_id $v2", ""},
		{"too many values", "~LST({v,w}, {a,1,x}) router_id $v", "", "2:KA1013"},
		{"no value", "~LST(v) router_id $v", "", "2:KA1013"},
		{"no variable", "~LST(, a) router_id $v", "", "2:KA1013"},
		{"an open set", "~LST({v, {a}) router_id $v", "", "2:KA1013"},
		{"blanks in a value", "~LST(v, a b) router_id $v", "", "2:KA1013"},
		{"quotes in a value", `~LST(v, "a") router_id $v`, "", "2:KA1013"},
	}))
}
