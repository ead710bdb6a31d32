package daemon

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testsOfTheTree are the names of all test functions.
func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	tests := make(map[string]bool)
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, found := range function.FindAllStringSubmatch(string(source), -1) {
			tests[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// namingRow is a row of a table in docs that names tests in its last column.
type namingRow struct {
	first string // column
	tests []string
}

// namingRows reads the table of a section. It fails for a row without a test, or with one that is not there.
func namingRows(t *testing.T, file, section string) (rows []namingRow) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), "\n## "+section+"\n")
	if !found {
		t.Fatalf("%s has no section %q", file, section)
	}
	body, _, _ = strings.Cut(body, "\n## ")
	all, name := testsOfTheTree(t), regexp.MustCompile("`(Test\\w+)`")
	_, body, _ = strings.Cut(body, "\n|---") // behind the head
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		row := namingRow{first: strings.TrimSpace(strings.Split(line, "|")[1])}
		for _, n := range name.FindAllStringSubmatch(line, -1) {
			row.tests = append(row.tests, n[1])
			if !all[n[1]] {
				t.Errorf("%s: there is no %s", file, n[1])
			}
		}
		if len(row.tests) == 0 {
			t.Errorf("%s: no test: %s", file, line)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestFaultsAreTested: every test that docs/checks.md names for a fault is there, and every fault has one.
func TestFaultsAreTested(t *testing.T) {
	if rows := namingRows(t, "checks.md", "Faults"); len(rows) < 10 {
		t.Errorf("%d faults are listed", len(rows))
	}
}

// TestConformanceIsTested: the same of docs/conformance.md. Of each interop case there is a test of its number, and no title of the
// other suites is left out.
func TestConformanceIsTested(t *testing.T) {
	cases := namingRows(t, "conformance.md", "Interop cases")
	for i, row := range cases {
		if row.first != fmt.Sprint(i+1) || !strings.HasPrefix(row.tests[0], fmt.Sprintf("TestVRRPCase%02d", i+1)) {
			t.Errorf("row %d is case %s, shown by %q", i+1, row.first, row.tests)
		}
	}
	if len(cases) != 43 {
		t.Errorf("%d interop cases, there are 43", len(cases))
	}
	var titles []string
	for group, last := range []int{2, 7, 4, 9} {
		for i := range last {
			titles = append(titles, fmt.Sprintf("%d.%d", group+1, i+1))
		}
	}
	var got []string
	for _, row := range namingRows(t, "conformance.md", "Titles of the UNH-IOL suites") {
		number, _, _ := strings.Cut(row.first, " ")
		got = append(got, number)
	}
	if !slices.Equal(got, titles) {
		t.Errorf("titles %q, want %q", got, titles)
	}
	for section, atLeast := range map[string]int{"The cases of VPP": 13, "The cases of netlab": 3, "Inputs of people who run keepalived": 5} {
		if rows := namingRows(t, "conformance.md", section); len(rows) < atLeast {
			t.Errorf("%s: %d rows, there were %d", section, len(rows), atLeast)
		}
	}
}
