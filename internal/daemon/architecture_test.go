package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const moduleRoot = "../.."

// arrows lists, for each package of ours, the packages of ours that it may import. A package that is not listed fails
// the test: whoever adds one says here where it stands. The suffix "_linux" limits an arrow to files of that name:
// shells, never cores.
var arrows = map[string][]string{
	"cmd/keepalived":        {"internal/daemon", "internal/genhash", "cmd/keepalived/hangup"},
	"cmd/genhash":           {"internal/genhash"},
	"internal/genhash":      {"confparse", "healthcheck"},
	"cmd/keepalived/hangup": nil,
	"cmd/vigil":             {"confparse", "confparse/syntax", "confparse/diag", "internal/control", "internal/lint", "internal/realserver", "internal/simulate", "internal/status", "vrrp/election", "vrrp/recording"},
	"cmd/simpage":           {"confparse", "internal/simulate"},
	"cmd/ipvsadm":           {"internal/ipvsadm"},
	"internal/simulate":     {"confparse", "internal/track", "vrrp", "vrrp/election", "vrrp/vrrptest"},
	"internal/lint":         {"confparse", "confparse/syntax", "confparse/diag"},
	"internal/daemon": {"confparse", "confparse/diag", "vrrp", "healthcheck", "ipvs", "ipvs/pool",
		"internal/announce", "internal/bfd", "internal/boot", "internal/connsync", "internal/control", "internal/dump", "internal/firewall", "internal/members", "internal/namespace", "internal/netio", "internal/notify", "internal/process", "internal/script", "internal/status", "internal/track", "internal/track/watch", "internal/web", "internal/wholefile"},
	"internal/members": {"confparse", "internal/trackfile", "internal/wholefile"},
	"internal/notify":  nil,
	"internal/web":     {"internal/status"},
	"internal/status":  nil,

	"vrrp/recording":   {"internal/track", "vrrp/election"},
	"vrrp":             {"vrrp/recording_linux", "confparse", "internal/track", "vrrp/wire", "vrrp/election", "vrrp/lan_linux", "internal/netio_linux", "internal/boot_linux", "internal/routing"},
	"vrrp/election":    {"confparse", "internal/routing", "internal/track", "vrrp/wire"},
	"vrrp/wire":        nil,
	"vrrp/vrrptest":    {"confparse", "internal/track", "vrrp/wire", "vrrp/election"},
	"vrrp/lan":         {"confparse", "vrrp/wire", "internal/netio_linux", "internal/firewall_linux", "internal/routing"},
	"vrrp/lan/lantest": {"confparse", "vrrp/wire", "vrrp/lan", "internal/netio", "internal/testlan"},

	"healthcheck":   {"confparse", "internal/pcre", "internal/script", "internal/trackfile"},
	"ipvs":          {"confparse", "ipvs/pool", "internal/boot", "internal/namespace_linux", "internal/wholefile"},
	"ipvs/pool":     {"confparse"},
	"ipvs/ipvstest": {"confparse", "ipvs"},

	"confparse":               {"confparse/syntax", "confparse/diag", "internal/pcre"},
	"confparse/syntax":        {"confparse/diag"},
	"confparse/diag":          nil,
	"confparse/confparsetest": {"confparse"},
	"internal/bfd":            {"confparse"},
	"internal/boot":           nil,
	"internal/control":        nil,
	"internal/announce":       {"internal/boot", "internal/netio", "internal/wholefile"},
	"internal/connsync":       {"internal/namespace_linux"},
	"internal/track":          nil,
	"internal/track/watch":    {"confparse", "internal/script", "internal/track", "internal/trackfile"},
	"internal/ipvsadm":        {"confparse", "ipvs"},
	"internal/realserver":     {"internal/netio", "internal/wholefile"},
	"internal/namespace":      nil,
	"internal/netio":          {"internal/namespace", "internal/routing"},
	"internal/routing":        nil,
	"integration/labkit":      {"internal/firewall"},
	"integration/benchvrrp":   {"internal/daemon", "ipvs/ipvstest", "vrrp/wire"}, // the whole daemon, where the kernel has no IPVS; packets of an attack
	"internal/dump":           {"confparse", "internal/bfd", "internal/track", "vrrp", "vrrp/election"},
	"internal/firewall":       nil,
	"internal/fuzzing":        nil,
	"internal/pcre":           nil,
	"internal/process":        nil,
	"internal/script":         nil,
	"internal/trackfile":      nil,
	"internal/wholefile":      nil,
}

// harness is what looks at the program from outside: it imports itself, and any library.
var harness = []string{"integration", "integration/bench", "integration/benchvrrp", "integration/cmd/debian", "integration/cmd/vm", "integration/debian", "integration/demo", "integration/labkit",
	"integration/demo", "integration/labkit", "integration/vm", "internal/testlan"}

func inHarness(pkg string) bool { return slices.Contains(harness, pkg) }

// libraries lists, for each library, the packages that may import it directly. One that is not listed fails the test;
// tests and the harness are free.
var libraries = map[string][]string{
	"github.com/coreos/go-systemd/v22":    {"internal/daemon"},
	"github.com/dlclark/regexp2/v2":       {"internal/pcre"},
	"github.com/google/nftables":          {"internal/firewall_linux"},
	"github.com/mdlayher/arp":             {"vrrp/lan"}, // codecs
	"github.com/mdlayher/ndp":             {"vrrp/lan"},
	"github.com/mdlayher/packet":          {"vrrp/lan_linux"},
	"github.com/moby/ipvs":                {"internal/ipvsadm_linux"},
	"github.com/sirupsen/logrus":          {"internal/ipvsadm_linux"}, // moby/ipvs complains through it
	"github.com/prometheus/client_golang": {"healthcheck", "internal/announce", "internal/bfd", "internal/connsync", "internal/daemon", "internal/web", "ipvs", "vrrp"},
	"github.com/spf13/pflag":              {"cmd/keepalived", "cmd/vigil"},
	"github.com/vishvananda/netlink":      {"internal/netio"},
	"github.com/vishvananda/netns":        {"internal/namespace"},
	"golang.org/x/net/bpf":                {"vrrp/lan"},
	"golang.org/x/net/dns/dnsmessage":     {"healthcheck", "internal/members"},
	"golang.org/x/net/ipv4":               {"internal/connsync_linux", "vrrp/lan_linux"},
	"golang.org/x/net/ipv6":               {"internal/connsync_linux", "vrrp/lan_linux"},
	"golang.org/x/sys/unix": {"healthcheck", "internal/bfd_linux", "internal/connsync_linux", "internal/control_linux", "internal/daemon", "internal/firewall", "internal/fuzzing", "internal/genhash", "internal/members", "internal/netio",
		"internal/notify_linux", "internal/process_linux", "internal/script", "internal/track/watch_linux", "internal/trackfile", "ipvs_linux", "vrrp_linux", "vrrp/lan_linux"},
}

// purePackages are the cores: they are told the time and return what is to be done.
var purePackages = []string{"internal/routing", "internal/status", "internal/track", "ipvs/pool", "vrrp/election", "vrrp/wire"}

// shells lists the files of packages that have cores and shells side by side. There, what is neither listed nor called
// _linux is a core.
var shells = map[string][]string{
	"vrrp": {"log.go", "metrics.go", "status.go", "tracked.go", "trackers.go"},
	"healthcheck": {"apply.go", "bfdsessions.go", "change.go", "checker.go", "dispatch.go", "dns.go", "expressions.go", "grpc.go", "http.go", "httpconn.go",
		"httpreply.go", "httpstls.go", "kind.go", "log.go", "mailbox.go", "manager.go", "metrics.go", "misc.go", "overdue.go", "page.go", "ping.go", "pkcs8.go",
		"probe.go", "smtp.go", "tcp.go", "udp.go", "view.go"},
	"ipvs": {"adopt.go", "audit.go", "connections.go", "converge.go", "entry.go", "errtext.go", "inbox.go", "kernel.go", "metrics.go", "narrate.go",
		"reconcile.go", "reconcile_settings.go", "state.go", "status.go", "stop.go", "advance.go", "timeouts.go", "sync_converge.go",
		"sync_keeper.go", "sync_metrics.go"},
	"internal/process":     {"lateness.go"},
	"internal/track/watch": {"processes.go", "script.go", "watcher.go"},
	"internal/connsync":    {"exchange.go", "listing.go", "metrics.go", "network.go", "sockets.go", "telling.go", "unasked.go"},
	"internal/bfd":         {"changes.go", "log.go", "metrics.go", "network.go", "runner.go", "sessions.go", "status.go"},
	"internal/ipvsadm":     {"connections.go", "errors.go", "names.go", "print.go", "restore.go", "run.go"},
	"internal/realserver":  {"server.go"},
}

// valuesOf lists the impure packages of ours whose values, and no more, cores of a package handle, besides confparse's.
var valuesOf = map[string][]string{
	"healthcheck":          {"internal/pcre", "internal/trackfile"},
	"internal/track/watch": {"internal/script", "internal/trackfile"},
	"internal/ipvsadm":     {"ipvs"},
	"internal/realserver":  {"internal/netio"},
}

// pureImports is all that a core may import of the standard library.
var pureImports = []string{"bytes", "cmp", "container/heap", "crypto/hmac", "crypto/md5", "crypto/sha256", "crypto/subtle", "encoding/binary", "encoding/hex", "errors", "fmt",
	"iter", "maps", "math", "math/bits", "net/netip", "slices", "strconv", "strings", "time", "unique"}

var clockCalls = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"}

type sourceFile struct {
	pkg, name string // directory below the module root, and file name
	file      *ast.File
	set       *token.FileSet
}

func (f sourceFile) lines(at token.Pos) int { return f.set.Position(at).Line }

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
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(moduleRoot, p)
		if err != nil {
			return err
		}
		out = append(out, sourceFile{pkg: path.Dir(filepath.ToSlash(rel)), name: d.Name(), file: f, set: set})
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
		to, known := arrows[f.pkg]
		if !known && !inHarness(f.pkg) {
			t.Errorf("%s/%s: the package has no arrows", f.pkg, f.name)
			continue
		}
		for _, imp := range f.imports() {
			ours, ok := strings.CutPrefix(imp, "vigil/")
			if ok && !allows(to, ours, f.name) && !(inHarness(f.pkg) && inHarness(ours)) {
				t.Errorf("%s/%s imports %s: no such arrow", f.pkg, f.name, ours)
			}
		}
	}
}

// libraryOf returns the entry of libraries that imp belongs to.
func libraryOf(imp string) (users []string, known bool) {
	for lib, users := range libraries {
		if imp == lib || strings.HasPrefix(imp, lib+"/") {
			return users, true
		}
	}
	return nil, false
}

// standard reports whether imp is of the standard library, whose paths have no domain.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".") && first != "vigil"
}

func TestLibrariesAreImportedByTheirSeamOnly(t *testing.T) {
	for _, f := range productFiles(t) {
		if inHarness(f.pkg) {
			continue
		}
		for _, imp := range f.imports() {
			if standard(imp) || strings.HasPrefix(imp, "vigil/") {
				continue
			}
			switch users, known := libraryOf(imp); {
			case !known:
				t.Errorf("%s/%s imports %s, which nobody has listed", f.pkg, f.name, imp)
			case !allows(users, f.pkg, f.name):
				t.Errorf("%s/%s imports %s, which belongs to %v", f.pkg, f.name, imp, users)
			}
		}
	}
}

// core reports whether f is to be pure.
func core(f sourceFile) bool {
	if slices.Contains(purePackages, f.pkg) {
		return true
	}
	beside, mixed := shells[f.pkg]
	return mixed && !slices.Contains(beside, f.name) && !strings.HasSuffix(f.name, "_linux.go")
}

// impurities are the things in f that a core may not have.
func impurities(f sourceFile) []string {
	var found []string
	for _, imp := range f.imports() {
		ours, is := strings.CutPrefix(imp, "vigil/")
		if is && ours != "confparse" && !slices.Contains(purePackages, ours) && !slices.Contains(valuesOf[f.pkg], ours) ||
			!is && !slices.Contains(pureImports, imp) {
			found = append(found, "imports "+imp)
		}
	}
	ast.Inspect(f.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clockCalls, n.Sel.Name) {
				found = append(found, "uses time."+n.Sel.Name)
			}
		case *ast.GoStmt:
			found = append(found, "starts a goroutine")
		case *ast.ChanType:
			found = append(found, "has a channel")
		}
		return true
	})
	return found
}

func TestCoresArePure(t *testing.T) {
	cores := map[string]int{}
	for _, f := range productFiles(t) {
		if !core(f) {
			continue
		}
		cores[f.pkg]++
		for _, what := range impurities(f) {
			t.Errorf("%s/%s is a core and %s", f.pkg, f.name, what)
		}
	}
	for _, pkg := range slices.Concat(purePackages, slices.Collect(maps.Keys(shells))) {
		if cores[pkg] == 0 {
			t.Errorf("%s has no core: nothing was looked at", pkg)
		}
	}
}

// TestArchitectureIsClosedByDefault shows that what nobody has listed does not pass.
func TestArchitectureIsClosedByDefault(t *testing.T) {
	parse := func(pkg, name, source string) sourceFile {
		f, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		return sourceFile{pkg: pkg, name: name, file: f}
	}
	for _, pkg := range []string{"healthcheck", "ipvs", "vrrp", "vrrp/election", "ipvs/pool"} {
		f := parse(pkg, "new.go", `package p
import ("time"; "os"; "example.org/x"; "vigil/internal/netio")
func f(c chan int) { go f(nil); _ = time.Now() }`)
		if got := len(impurities(f)); !core(f) || got != 6 {
			t.Errorf("a new file of %s: core %v, %d impurities of 6 found", pkg, core(f), got)
		}
	}
	if _, known := arrows["internal/new"]; known || inHarness("internal/new") || inHarness("integration/new") {
		t.Error("a new package has arrows")
	}
	if _, known := libraryOf("example.org/x"); known {
		t.Error("a new library may be imported")
	}
}

func TestNoVagueOrUnlistedPackages(t *testing.T) {
	for _, f := range productFiles(t) {
		for _, part := range strings.Split(f.pkg, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "models", "pkg"}, part) {
				t.Errorf("package %s has a name that says nothing", f.pkg)
			}
		}
		if strings.HasSuffix(f.name, "_more.go") {
			t.Errorf("%s/%s has a name that says nothing", f.pkg, f.name)
		}
	}
}

// maxFile and maxFunction are the lines that a file and a function of the product have at most.
const (
	maxFile     = 500
	maxFunction = 80
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, f := range productFiles(t) {
		if inHarness(f.pkg) {
			continue
		}
		if n := f.lines(f.file.FileEnd) - 1; n > maxFile {
			t.Errorf("%s/%s has %d lines", f.pkg, f.name, n)
		}
		for _, d := range f.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.lines(fn.End()) - f.lines(fn.Pos()) + 1; n > maxFunction {
				t.Errorf("%s/%s: %s has %d lines", f.pkg, f.name, fn.Name.Name, n)
			}
		}
	}
}

// TestDocumentedArrows: docs/architecture.md says of each package what it may import.
func TestDocumentedArrows(t *testing.T) {
	text, err := os.ReadFile(moduleRoot + "/docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z0-9/]+)`")
	names := func(cell string) (list []string) {
		for _, m := range name.FindAllStringSubmatch(cell, -1) {
			list = append(list, m[1])
		}
		slices.Sort(list)
		return list
	}
	said := map[string]bool{"internal/daemon": true} // which may import every part
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		of := names(cells[0])
		for _, pkg := range of {
			said[pkg] = true
		}
		if _, known := arrows[strings.Join(of, " ")]; !known || len(of) != 1 || of[0] == "internal/daemon" || !strings.HasPrefix(line, "| `") {
			continue
		}
		var want []string
		for _, to := range arrows[of[0]] {
			want = append(want, strings.TrimSuffix(to, "_linux"))
		}
		slices.Sort(want)
		if got := names(cells[len(cells)-1]); !slices.Equal(got, want) || len(want) == 0 && cells[len(cells)-1] != "nothing of ours" {
			t.Errorf("docs/architecture.md: %s may import %q, by this test %q", of[0], got, want)
		}
	}
	for pkg := range arrows {
		if !said[pkg] && !strings.HasPrefix(pkg, "cmd/") && !strings.HasPrefix(pkg, "integration/") {
			t.Errorf("docs/architecture.md says nothing of %s", pkg)
		}
	}
}

// TestComments: at least a tenth of the lines of the product carry a comment.
func TestComments(t *testing.T) {
	lines, commented := 0, 0
	for _, f := range productFiles(t) {
		if inHarness(f.pkg) {
			continue
		}
		with := make(map[int]bool)
		for _, group := range f.file.Comments {
			for _, c := range group.List {
				for n := f.lines(c.Pos()); n <= f.lines(c.End()); n++ {
					with[n] = true
				}
			}
		}
		lines, commented = lines+f.lines(f.file.FileEnd)-1, commented+len(with)
	}
	if commented*10 < lines {
		t.Errorf("%d of %d lines carry a comment", commented, lines)
	}
}

// TestSpecsAreCopied: what derives a Spec from a Config chooses no values of its own: it has no defaults, no limits, no texts. What
// would be one is settled in confparse, where `vigil config` and whoever else reads a Config sees it.
func TestSpecsAreCopied(t *testing.T) {
	files := map[string][]string{
		"vrrp": {"config.go", "config_addresses.go", "config_protocol.go", "config_tracking.go", "config_virtual.go", "routes.go"},
		"ipvs": {"spec.go", "sync_spec.go"}, "healthcheck": {"spec.go"}, "internal/bfd": {"spec.go"}, "internal/track/watch": {"spec.go"},
	}
	looked := 0
	for _, f := range productFiles(t) {
		if !slices.Contains(files[f.pkg], f.name) {
			continue
		}
		looked++
		ast.Inspect(f.file, func(n ast.Node) bool {
			if method, ok := n.(*ast.FuncDecl); ok && method.Recv != nil {
				return false // of a Spec, or of what builds one out of others
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch x := call.Fun.(type) {
			case *ast.SelectorExpr:
				if p, is := x.X.(*ast.Ident); is && p.Name == "cmp" && x.Sel.Name == "Or" {
					t.Errorf("%s/%s:%d: a default", f.pkg, f.name, f.lines(call.Pos()))
				}
			case *ast.Ident:
				if literal := slices.ContainsFunc(call.Args, func(a ast.Expr) bool { _, is := a.(*ast.BasicLit); return is }); literal && (x.Name == "min" || x.Name == "max") {
					t.Errorf("%s/%s:%d: a limit", f.pkg, f.name, f.lines(call.Pos()))
				}
			}
			return true
		})
	}
	if looked != 11 {
		t.Errorf("%d of 11 files looked at", looked)
	}
}
