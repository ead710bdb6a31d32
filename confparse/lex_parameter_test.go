package confparse

import (
	"strings"
	"testing"
)

// TestDefinitions: $NAME=VALUE, anywhere, until it is defined anew.
func TestDefinitions(t *testing.T) {
	checkLexed(t, []lexCase{
		{"a value", "$A=one\n" + globals("router_id $A"), "global_defs { router_id one }", ""},
		{"the rest of the line", "$A=one two\n" + globals("router_id $A"), "global_defs { router_id one two }", ""},
		{"blanks behind = are dropped", "$A=  one\n" + globals("router_id $A"), "global_defs { router_id one }", ""},
		{"a comment is no value", "$A=one # two\n" + globals("router_id $A"), "global_defs { router_id one }", ""},
		{"an empty value", "$A=\n" + globals("router_id a${A}b"), "global_defs { router_id ab }", ""},
		{"a quoted value keeps its quotes", "$A=\"one two\"\n" + globals("router_id $A"), `global_defs { router_id "one two" }`, ""},
		{"the last definition above counts", "$A=one\n$A=two\n" + globals("router_id $A"), "global_defs { router_id two }", ""},
		{"not one further down", globals("router_id ${A}x") + "$A=one\n",
			"global_defs { router_id $ }", "2:KA1015 2:KA1021 2:KA2001"},
		{"inside a block", "global_defs {\n$A=one\nrouter_id $A\n}\n", "global_defs { router_id one }", ""},
		{"beyond the block it stands in", "global_defs {\n$A=one\n}\n" + globals("router_id $A"),
			"global_defs {  }; global_defs { router_id one }", ""},
		{"names have letters, digits and _", "$_a1=x\n" + globals("router_id $_a1"), "global_defs { router_id x }", ""},
		{"a name does not begin with a digit", "$9=3\n", "", "1:KA2001"},
		{"no blank before =", "$B =2\n", "", "1:KA2001"},
		{"names are case sensitive", "$A=one\n" + globals("router_id $a"), "global_defs { router_id $a }", ""},
	})
}

// TestReferences: ${NAME} anywhere, $NAME only before a blank, a comma, a parenthesis or the end.
func TestReferences(t *testing.T) {
	const def = "$S=one\n$B=global_defs {\n"
	checkLexed(t, []lexCase{
		{"braces inside a word", def + globals("router_id a${S}b"), "global_defs { router_id aoneb }", ""},
		{"braces inside quotes", def + globals(`router_id "a ${S} b"`), `global_defs { router_id "a one b" }`, ""},
		{"bare inside quotes", def + globals(`router_id "a $S b"`), `global_defs { router_id "a one b" }`, ""},
		{"bare before a comma", def + globals("router_id k_$S,b"), "global_defs { router_id k_one,b }", ""},
		{"bare before a parenthesis", def + globals("router_id ($S)"), "global_defs { router_id (one) }", ""},
		{"bare before a tab", def + globals("router_id $S\tb"), "global_defs { router_id one b }", ""},
		{"not before a dot", def + globals("router_id k_$S.b"), "global_defs { router_id k_$S.b }", ""},
		{"not before a quote", def + globals(`router_id "$S"`), "global_defs { router_id $S }", ""},
		{"a keyword", "$K=router_id\n" + globals("$K a"), "global_defs { router_id a }", ""},
		{"two in a line", def + globals("router_id $S ${S}"), "global_defs { router_id one one }", ""},
		{"no escape", def + globals(`router_id \$S $$S`), `global_defs { router_id "\\one" $one }`, ""},
		{"an undefined name stays", globals("router_id $X"), "global_defs { router_id $X }", ""},
		{"braces of an undefined name are braces", globals("router_id ${X}"), "global_defs { router_id $ }", "2:KA1015 2:KA1021"},
		{"a value may open a block", "$B=global_defs {\n$B\nrouter_id a\n}\n", "global_defs { router_id a }", ""},
		{"values are expanded late", "$A=$S\n$S=two\n" + globals("router_id $A"), "global_defs { router_id two }", ""},
		{"and deep", "$A=${B}\n$B=${C}\n$C=x\n" + globals("router_id $A"), "global_defs { router_id x }", ""},
		{"a parameter may be a comment sign", globals("router_id a${_HASH}b"), "global_defs { router_id a }", ""},
		{"or an exclamation mark", globals("router_id a${_BANG}b"), "global_defs { router_id a }", ""},
		{"in quotes it is a letter", globals(`router_id "a${_HASH}${_BANG}b"`), "global_defs { router_id a#!b }", ""},
	})
}

// TestReExamination: what a line becomes is looked at again for conditions, definitions, loops and includes.
func TestReExamination(t *testing.T) {
	checkLexed(t, []lexCase{
		{"a condition that holds", "$IF=@lb1\n$IF use_pid_dir\n", "use_pid_dir", ""},
		{"a condition that does not", "$IF=@other\n$IF use_pid_dir\n", "", ""},
		{"a loop", "$L=~SEQ(i, 2)\n" + globals("${L} router_id $i"), "global_defs { router_id 1; router_id 2 }", ""},
		{"a definition", "$N=A\n$D=$A=one\n$D\n" + globals("router_id $A"), "global_defs { router_id one }", ""},
	})
}

// TestMultiLineDefinitions: lines that end in a backslash belong to the definition, and the first without is its last.
func TestMultiLineDefinitions(t *testing.T) {
	const body = "$M= \\\nrouter_id a \\\nlvs_flush\n"
	const want = "global_defs { router_id a; lvs_flush }"
	checkLexed(t, []lexCase{
		{"read back where it is used", body + globals("$M"), want, ""},
		{"in braces", body + globals("${M}"), want, ""},
		{"the first line may stand behind =", "$M=router_id a \\\nlvs_flush\n" + globals("$M"), want, ""},
		{"what stands before it goes in front", "$M=a \\\nlvs_flush\n" + globals("router_id $M"), want, ""},
		{"only where it ends the line", body + globals("router_id $M x"), "global_defs { router_id $M x }", ""},
		{"an empty line ends it", "$M=router_id a \\\n\n" + globals("$M"), "global_defs { router_id a }", ""},
		{"braces may stand in it", "$M=global_defs { \\\nrouter_id a \\\n}\n$M\n", "global_defs { router_id a }", ""},
		{"parameters in it have the value of the use", "$M= \\\nrouter_id $A \\\n\n$A=one\n" + globals("$M"),
			"global_defs { router_id one }", ""},
		{"a definition in it", "$M= \\\n$A=x \\\nrouter_id $A\n" + globals("$M"), "global_defs { router_id x }", ""},
		{"a condition in it", "$M= \\\n@lb1 router_id a \\\n@other router_id b\n" + globals("$M"), "global_defs { router_id a }", ""},
		{"a loop in it", "$M= \\\n~SEQ(i, 2) router_id $i\n" + globals("$M"), "global_defs { router_id 1; router_id 2 }", ""},
		{"another one in it", "$I= \\\nrouter_id a \\\n\n$M= \\\n$I\n" + globals("$M"), "global_defs { router_id a }", ""},
		{"used twice", body + globals("$M") + globals("$M"), want + "; " + want, ""},
	})
}

// TestPredefinedParameters: what is known without a definition, and may be defined all the same.
func TestPredefinedParameters(t *testing.T) {
	for _, tt := range []struct {
		rule, text, want, codes string
		env                     Env
	}{
		{"_INSTANCE is the config id", "router_id ${_INSTANCE}", "router_id west", "", Env{ConfigID: "west"}},
		{"which is the host name up to its first dot", "router_id ${_INSTANCE}", "router_id lb1", "", Env{}},
		{"_PWD is the directory of the file", "router_id ${_PWD}", "router_id .", "", Env{}},
		{"_ENV is a variable of the environment", "router_id ${_ENV SITE}", "router_id north", "",
			Env{LookupEnv: func(s string) (string, bool) { return "north", s == "SITE" }}},
		{"an unset one is empty", "router_id a${_ENV SITE}", "router_id a", "", Env{}},
		{"_ENV without a name stays", "router_id ${_ENV}", "router_id $", "2:KA1014 2:KA1021", Env{}},
		{"_ENV with two stays", "router_id ${_ENV A B}", "router_id $", "2:KA1014 2:KA1021", Env{}},
		{"no blank before the brace", "router_id ${_ENV A }", "router_id $", "2:KA1021", Env{}},
		{"_RANDOM of one value", "router_id ${_RANDOM 7 7}", "router_id 7", "", Env{}},
		{"a minimum above the maximum is used", "router_id ${_RANDOM 9 7}", "router_id 9", "2:KA1014", Env{}},
		{"_RANDOM takes decimal numbers", "router_id ${_RANDOM 0x1 7}", "router_id $", "2:KA1014 2:KA1021", Env{}},
		{"parameters are for the form in braces", "router_id $_RANDOM 7 7", "", "", Env{}},
		{"a predefined name may be defined", "$_INSTANCE=mine\nrouter_id ${_INSTANCE}", "router_id mine", "", Env{}},
	} {
		t.Run(strings.ReplaceAll(tt.rule, " ", "_"), func(t *testing.T) {
			want, codes := lexed(globals(tt.text), tt.env)
			if tt.want == "" { // any number, and the words behind it
				want = want[:len("global_defs { router_id ")] + want[strings.LastIndex(want, " 7 7"):]
				tt.want = "router_id  7 7"
			}
			if want != "global_defs { "+tt.want+" }" || codes != tt.codes {
				t.Errorf("%s\n got %s, %q\nwant %s, %q", tt.text, want, codes, tt.want, tt.codes)
			}
		})
	}
}

// TestRandomIsDrawnForEachUse: equal seeds give equal numbers, each use another one, all of them in the range.
func TestRandomIsDrawnForEachUse(t *testing.T) {
	text := globals("~SEQ(i, 200) router_id ${_RANDOM 10 1000}")
	first, _ := lexed(text, Env{Seed: 1})
	again, _ := lexed(text, Env{Seed: 1})
	other, _ := lexed(text, Env{Seed: 2})
	if first != again {
		t.Error("equal seeds give different numbers")
	}
	if first == other {
		t.Error("different seeds give equal numbers")
	}
	seen := map[string]bool{}
	for _, w := range strings.Fields(strings.ReplaceAll(first, "router_id", "")) {
		n := strings.Trim(w, ";")
		if strings.Trim(n, "0123456789") == "" && n != "" {
			seen[n] = true
			if len(n) < 2 || len(n) > 4 || len(n) == 4 && n != "1000" {
				t.Errorf("%s is not between 10 and 1000", n)
			}
		}
	}
	if len(seen) < 150 {
		t.Errorf("only %d different numbers of 200", len(seen))
	}
}
