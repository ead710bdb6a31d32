package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sections returns the text below each "### " heading of the manual, by heading.
func sections(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/lint.md")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, part := range strings.Split(string(b), "\n### ")[1:] {
		heading, body, _ := strings.Cut(part, "\n")
		body, _, _ = strings.Cut(body, "\n## ")
		if _, twice := m[heading]; twice {
			t.Errorf("two sections %q", heading)
		}
		m[heading] = strings.TrimSpace(body)
	}
	return m
}

var sentence = regexp.MustCompile(`[.)](\s|$)`)

func TestEveryCodeHasItsSection(t *testing.T) {
	found := sections(t)
	for _, c := range Codes() {
		heading := c.String() + ": " + Title(c)
		if len(strings.Fields(found[heading])) < 8 || len(sentence.FindAllString(found[heading], -1)) < 2 {
			t.Errorf("docs/lint.md: no section %q that says what it means and how to mend it", heading)
		}
		delete(found, heading)
	}
	for heading := range found {
		t.Errorf("docs/lint.md: section %q is of no code", heading)
	}
}

func TestEveryRuleIsTested(t *testing.T) {
	var text strings.Builder
	for _, name := range []string{"lint_test.go", "pair_test.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	for c := range codes {
		if !strings.Contains(text.String(), `"`+c.String()+" ") {
			t.Errorf("no test expects %s", c)
		}
	}
}

// TestEveryCodeIsReported: a section about what nothing reports misleads.
func TestEveryCodeIsReported(t *testing.T) {
	text := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var source strings.Builder
	for _, pattern := range []string{"*.go", "../../confparse/*.go", "../../confparse/*/*.go", "../daemon/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") && filepath.Base(name) != "code.go" {
				source.WriteString(text(name))
			}
		}
	}
	reported := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(source.String(), -1) {
		reported[word] = true
	}
	constant := regexp.MustCompile(`(?m)^\t(\w+) +(?:Code )?= (?:\d+|diag\.LintBase \+ \d+)$`)
	for _, name := range []string{"code.go", "../../confparse/diag/code.go"} {
		list := constant.FindAllStringSubmatch(text(name), -1)
		if len(list) < 30 {
			t.Errorf("%s: %d codes found", name, len(list))
		}
		for _, m := range list {
			if !reported[m[1]] {
				t.Errorf("nothing reports %s", m[1])
			}
		}
	}
}
