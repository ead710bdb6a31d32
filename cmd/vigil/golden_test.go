package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// archived finds the head of a file in a golden file.
var archived = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// goldenTexts returns the configurations in the golden files of the parser and of the linter, by archive and name.
func goldenTexts(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../../confparse/testdata/golden/*.txtar", "../../internal/lint/testdata/rules/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			marks := archived.FindAllStringSubmatchIndex(string(text), -1)
			for i, m := range marks {
				end := len(text)
				if i+1 < len(marks) {
					end = marks[i+1][0]
				}
				if name := string(text[m[2]:m[3]]); strings.HasSuffix(name, ".conf") {
					texts[filepath.Base(p)+" "+name] = string(text[m[1]:end])
				}
			}
		}
	}
	return texts
}
