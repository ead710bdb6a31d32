package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const moduleRoot = "../.."

// arrows lists, for each package of ours, the packages of ours that it may import. Every package is listed. The suffix
// "_linux" limits an arrow to files of that name: shells, never cores.
var arrows = map[string][]string{
	"cmd/keepalived":  {"internal/daemon"},
	"cmd/vigil":       {"confparse", "confparse/syntax", "confparse/diag", "internal/lint"},
	"internal/lint":   {"confparse", "confparse/syntax", "confparse/diag"},
	"internal/daemon": {"confparse", "vrrp", "vrrp/election", "vrrp/lan", "healthcheck", "ipvs", "ipvs/pool"},

	"vrrp":             {"confparse", "internal/track", "vrrp/wire", "vrrp/election", "vrrp/lan_linux", "internal/netio_linux"},
	"vrrp/election":    {"confparse", "internal/track", "vrrp/wire"},
	"vrrp/wire":        nil,
	"vrrp/vrrptest":    {"confparse", "vrrp/wire", "vrrp/election"},
	"vrrp/lan":         {"confparse", "vrrp/wire", "internal/netio_linux", "internal/firewall_linux"},
	"vrrp/lan/lantest": {"confparse", "vrrp/wire", "vrrp/lan", "internal/netio", "internal/testlan"},

	"healthcheck":   {"confparse"},
	"ipvs":          {"confparse", "ipvs/pool"},
	"ipvs/pool":     {"confparse"},
	"ipvs/ipvstest": {"confparse", "ipvs"},

	"confparse":         {"confparse/syntax", "confparse/diag"},
	"confparse/syntax":  {"confparse/diag"},
	"confparse/diag":    nil,
	"internal/netio":    nil,
	"internal/track":    nil,
	"internal/firewall": nil,
	"internal/fuzzing":  nil,
}

// inHarness tells the integration harness, which looks at the program from outside: it imports itself and testlan.
func inHarness(pkg string) bool {
	return pkg == "integration" || strings.HasPrefix(pkg, "integration/") || pkg == "internal/testlan"
}

// libraries limits who may import a library directly; tests and the integration harness are free.
var libraries = map[string][]string{
	"github.com/vishvananda/netlink": {"internal/netio"},
	"github.com/moby/ipvs":           {},           // tests compare with it,
	"github.com/mdlayher/arp":        {"vrrp/lan"}, // a codec
	"golang.org/x/net/ipv4":          {"vrrp/lan_linux"},
	"github.com/google/nftables":     {"internal/firewall_linux"},
}

// purePackages are the cores that are packages of their own: every file in them is told the time and returns actions.
var purePackages = []string{"vrrp/wire", "vrrp/election", "ipvs/pool", "internal/track"}

// pureFiles are the cores that share a package with their shell.
var pureFiles = map[string][]string{
	"healthcheck": {"tracker.go", "quorum.go", "server.go", "spec.go"},
	"ipvs":        {"table.go", "desired.go", "diff.go", "op.go", "spec.go"},
}

var impureImports = []string{"context", "sync", "sync/atomic", "os", "os/exec", "log", "log/slog", "net", "net/http", "syscall",
	"golang.org/x/sys/unix", "math/rand", "math/rand/v2", "crypto/rand"}

var clockCalls = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"}

type sourceFile struct {
	pkg, name string // directory below the module root, and file name
	file      *ast.File
}

func (f sourceFile) imports() []string {
	var out []string
	for _, i := range f.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}

// productFiles parses every Go file of the module that is no test.
func productFiles(t *testing.T) []sourceFile {
	t.Helper()
	var out []sourceFile
	err := filepath.WalkDir(moduleRoot, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".git")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(moduleRoot, p)
		if err != nil {
			return err
		}
		out = append(out, sourceFile{pkg: path.Dir(filepath.ToSlash(rel)), name: d.Name(), file: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d source files found below %s", len(out), moduleRoot)
	}
	return out
}

// allows reports whether rule, a package or a package with the suffix "_linux" of the importing file's name, permits it.
func allows(rules []string, subject, file string) bool {
	if slices.Contains(rules, subject) {
		return true
	}
	return slices.Contains(rules, subject+"_linux") && strings.HasSuffix(file, "_linux.go")
}

func TestPartsImportOnlyAlongTheArrows(t *testing.T) {
	for _, f := range productFiles(t) {
		for _, imp := range f.imports() {
			ours, ok := strings.CutPrefix(imp, "vigil/")
			if ok && !allows(arrows[f.pkg], ours, f.name) && !(inHarness(f.pkg) && inHarness(ours)) {
				t.Errorf("%s/%s imports %s: no such arrow", f.pkg, f.name, ours)
			}
		}
	}
}

// TestNoPackageIsUnlisted: whoever adds a package says what it may import, even if that is nothing of ours.
func TestNoPackageIsUnlisted(t *testing.T) {
	for _, f := range productFiles(t) {
		if _, listed := arrows[f.pkg]; !listed && !inHarness(f.pkg) {
			t.Errorf("%s/%s: package %s is not listed in arrows", f.pkg, f.name, f.pkg)
		}
	}
}

func TestLibrariesAreImportedByTheirSeamOnly(t *testing.T) {
	for _, f := range productFiles(t) {
		if inHarness(f.pkg) {
			continue
		}
		for _, imp := range f.imports() {
			for lib, users := range libraries {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !allows(users, f.pkg, f.name) {
					t.Errorf("%s/%s imports %s, which belongs to %v", f.pkg, f.name, imp, users)
				}
			}
		}
	}
}

func TestCoresArePure(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range productFiles(t) {
		seen[f.pkg], seen[f.pkg+"/"+f.name] = true, true
		if !slices.Contains(purePackages, f.pkg) && !slices.Contains(pureFiles[f.pkg], f.name) {
			continue
		}
		for _, imp := range f.imports() {
			if slices.Contains(impureImports, imp) {
				t.Errorf("%s/%s imports %s", f.pkg, f.name, imp)
			}
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clockCalls, n.Sel.Name) {
					t.Errorf("%s/%s uses time.%s", f.pkg, f.name, n.Sel.Name)
				}
			case *ast.GoStmt:
				t.Errorf("%s/%s starts a goroutine", f.pkg, f.name)
			}
			return true
		})
	}
	for _, pkg := range purePackages {
		if !seen[pkg] {
			t.Errorf("%s is listed as pure and does not exist", pkg)
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(pureFiles)) {
		for _, name := range pureFiles[pkg] {
			if !seen[pkg+"/"+name] {
				t.Errorf("%s/%s is listed as pure and does not exist", pkg, name)
			}
		}
	}
}

func TestNoVagueOrUnlistedPackages(t *testing.T) {
	for _, f := range productFiles(t) {
		for _, part := range strings.Split(f.pkg, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "models", "pkg"}, part) {
				t.Errorf("package %s has a name that says nothing", f.pkg)
			}
		}
	}
}
