package lint

import (
	"os"
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
