package confparse

import "testing"

// lexicalForms has one use of each form of the language that is no keyword. The rules of each are in the tests of its own
// file.
var lexicalForms = map[string]lexCase{
	"#":                   {"", "use_pid_dir # a\n", "use_pid_dir", ""},
	"!":                   {"", "use_pid_dir ! a\n", "use_pid_dir", ""},
	"include":             {"", "include part.inc\n", "namespace_with_ipsets", ""},
	"includer":            {"", "includer part.inc\n", "namespace_with_ipsets", ""},
	"includem":            {"", "includem part.inc\n", "namespace_with_ipsets", ""},
	"includew":            {"", "includew *.inc\n", "namespace_with_ipsets", ""},
	"includeb":            {"", "includeb {part,part}.inc\n", "namespace_with_ipsets; namespace_with_ipsets", ""},
	"includea":            {"", "includea part.inc\n", "namespace_with_ipsets", ""},
	"@ID":                 {"", "@lb1 use_pid_dir\n@lb2 nonsense\n", "use_pid_dir", ""},
	"@^ID":                {"", "@^lb2 use_pid_dir\n@^lb1 nonsense\n", "use_pid_dir", ""},
	"$NAME=":              {"", "$K=use_pid_dir\n$K\n", "use_pid_dir", ""},
	"$NAME= (multi-line)": {"", "$K=use_pid_dir \\\nuse_pid_dir\n$K\n", "use_pid_dir; use_pid_dir", ""},
	"$NAME":               {"", "$K=pid\ninstance $K\n", "instance pid", ""},
	"${NAME}":             {"", "$K=pid\nuse_${K}_dir\n", "use_pid_dir", ""},
	"${_PWD}":             {"", "instance ${_PWD}\n", "instance .", ""},
	"${_INSTANCE}":        {"", "instance ${_INSTANCE}\n", "instance lb1", ""},
	"${_RANDOM}":          {"", "instance ${_RANDOM 5 5}\n", "instance 5", ""},
	"${_ENV}":             {"", "instance a${_ENV NO_SUCH_VARIABLE}\n", "instance a", ""},
	"${_HASH}":            {"", "instance \"${_HASH}\"\n", "instance #", ""},
	"${_BANG}":            {"", "instance \"${_BANG}\"\n", "instance !", ""},
	"~SEQ":                {"", "~SEQ(i, 9, 10) instance $i\n", "instance 9; instance 10", ""},
	"~SEQx":               {"", "~SEQx(i, 9, 10) instance $i\n", "instance 9; instance a", ""},
	"~LST":                {"", "~LST(i, x, y) instance $i\n", "instance x; instance y", ""},
}

// TestEveryLexicalForm: the table of lexical forms and these uses name the same ones, and each has its effect.
func TestEveryLexicalForm(t *testing.T) {
	known := map[string]bool{}
	for _, c := range Keywords() {
		if c.Path != "(lexical)" {
			continue
		}
		known[c.Keyword] = true
		form, ok := lexicalForms[c.Keyword]
		if !ok {
			t.Errorf("%s has no case", c.Keyword)
			continue
		}
		if got, codes := lexed(form.text, Env{}, "part.inc", "namespace_with_ipsets\n"); got != form.want || codes != form.codes {
			t.Errorf("%s: %q is %s %s, want %s", c.Keyword, form.text, got, codes, form.want)
		}
	}
	for name := range lexicalForms {
		if !known[name] {
			t.Errorf("%s is no lexical form", name)
		}
	}
}
