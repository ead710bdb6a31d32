package confparse

import (
	"strings"
	"testing"
)

// TestComments: # and ! begin a comment anywhere outside double quotes, and nowhere else.
func TestComments(t *testing.T) {
	checkLexed(t, []lexCase{
		{"a line of its own", "# one\n! two\nuse_pid_dir\n", "use_pid_dir", ""},
		{"behind a statement", "use_pid_dir # three\n", "use_pid_dir", ""},
		{"! behind a statement", "use_pid_dir ! three\n", "use_pid_dir", ""},
		{"in the middle of a word", globals("router_id ab!cd"), "global_defs { router_id ab }", ""},
		{"# in the middle of a word", globals("router_id ab#cd"), "global_defs { router_id ab }", ""},
		{"not in double quotes", globals(`router_id "a#b!c"`), "global_defs { router_id a#b!c }", ""},
		{"single quotes do not protect", globals(`router_id 'a#b'`), "global_defs { router_id 'a }", ""},
		{"behind a closed quote", globals(`router_id "a" #"b"`), "global_defs { router_id a }", ""},
		{"a brace in a comment is none", "global_defs { # }\n}\n", "global_defs {  }", ""},
		{"escaped #", globals(`router_id a\#b`), "global_defs { router_id a#b }", ""},
		{"escaped !", globals(`router_id a\!b`), "global_defs { router_id a!b }", ""},
		{"other pairs stay", globals(`router_id a\b\\c`), `global_defs { router_id "a\\b\\\\c" }`, ""},
		{"an escape in quotes stays", globals(`router_id "a\#b"`), `global_defs { router_id "a\\#b" }`, ""},
		{"an escaped backslash does not escape", globals(`router_id a\\#b`), `global_defs { router_id "a\\\\" }`, ""},
		{"a quote opens behind a comment sign", globals(`router_id a # "`), "global_defs { router_id a }", ""},
	})
}

// TestWords: words end at a blank or a brace; a double quote begins a word of its own.
func TestWords(t *testing.T) {
	checkLexed(t, []lexCase{
		{"blanks and tabs", globals("  router_id\t\ta  b "), "global_defs { router_id a b }", ""},
		{"form feed and vertical tab", globals("router_id\fa\vb"), "global_defs { router_id a b }", ""},
		{"a quoted word has blanks", globals(`router_id "a  b"`), `global_defs { router_id "a  b" }`, ""},
		{"quotes vanish", globals(`"router_id" "a"`), "global_defs { router_id a }", ""},
		{"an empty quoted word", globals(`router_id ""`), `global_defs { router_id "" }`, ""},
		{"a quote inside a word begins the next", globals(`router_id ab"c d"e`), `global_defs { router_id ab "c d" e }`, ""},
		{"two quoted words", globals(`router_id "a""b"`), "global_defs { router_id a b }", ""},
		{"nothing escapes a quote", globals(`router_id "a\"b c"`), `global_defs { router_id "a\\" b c }`, "2:KA1012"},
		{"a single quote is a letter", globals(`router_id 'a b'`), "global_defs { router_id 'a b' }", ""},
		{"keywords are case sensitive", globals("Router_ID a"), "global_defs {  }", "2:KA2001"},
		{"no continuation of lines", globals("router_id a \\\nb"), `global_defs { router_id a "\\" }`, "3:KA2001"},
		{"a backslash is part of the keyword", globals(`router_id\`), "global_defs {  }", "2:KA2001"},
	})
}

// TestUnterminatedQuote: the rest of the line is lost, the words before it count.
func TestUnterminatedQuote(t *testing.T) {
	checkLexed(t, []lexCase{
		{"the words before count", globals(`router_id a "b c`), "global_defs { router_id a }", "2:KA1012"},
		{"the keyword alone", globals(`router_id "a b`), "global_defs { router_id }", "2:KA1012"},
		{"only that line", globals("router_id \"a\nlvs_flush"), "global_defs { router_id; lvs_flush }", "2:KA1012"},
		{"braces behind it are lost", "global_defs { router_id a \"b }\n}\n", "global_defs { router_id a }", "1:KA1012"},
	})
}

// TestBytesOfALine: what lines are made of besides words.
func TestBytesOfALine(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	checkLexed(t, []lexCase{
		{"CRLF", "global_defs {\r\nrouter_id a\r\n}\r\n", "global_defs { router_id a }", ""},
		{"CRLF behind a quoted word", "global_defs {\r\nrouter_id \"a\"\r\n}\r\n", "global_defs { router_id a }", ""},
		{"no newline at the end", "use_pid_dir", "use_pid_dir", ""},
		{"an empty file", "", "", ""},
		{"blank lines", "\n \n\t\nuse_pid_dir\n\n", "use_pid_dir", ""},
		{"a byte order mark is part of the first word", "\xef\xbb\xbfuse_pid_dir\n", "", "1:KA2001"},
		{"UTF-8 is letters", globals("router_id bücher"), "global_defs { router_id bücher }", ""},
		{"bytes that are no UTF-8", globals("router_id \xff\xfe"), "global_defs { router_id \xff\xfe }", ""},
		{"a NUL drops its line", globals("router_id a\x00b\nlvs_flush"), "global_defs { lvs_flush }", "2:KA1011"},
		{"1023 bytes", globals("router_id " + long(1013)), "global_defs { router_id " + long(1013) + " }", ""},
		{"1024 bytes drop the line", globals("router_id " + long(1014) + "\nlvs_flush"), "global_defs { lvs_flush }", "2:KA1010"},
		{"the next line keeps its number", "use_pid_dir " + long(2000) + "\nnonsense\n", "", "1:KA1010 2:KA2001"},
		{"a long line of blanks is a blank line", "use_pid_dir\n" + strings.Repeat(" ", 3000) + "\n", "use_pid_dir", ""},
	})
}
