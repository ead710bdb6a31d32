package confparse

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigil/confparse/diag"
)

// row is one row of the keyword table with what must come of it. The expectations are written by hand from the rules
// of the language, not read from the table: a change of the table has to be made here too.
type row struct {
	keyword string
	kind    rowKind
	tries   []try
}

// rowKind says which of the rules for all keywords of a shape apply; see shapes_test.go.
type rowKind uint8

const (
	customRow  rowKind = iota
	flagRow            // takes no argument; any that is there means nothing
	boolRow            // [on|off|true|false|yes|no]
	lenientRow         // a number of which the beginning is used when the rest is junk, outside -t
	strictRow          // a number that is refused when it has junk behind it
)

// try is a statement and what it changes in an otherwise sound configuration. An empty want means nothing.
type try struct {
	args  string // behind the keyword
	want  string // "Field=value; Field=value"
	codes string // of the diagnostics, in their order
}

// scope is a configuration with a place for a statement of one block.
type scope struct {
	path   string // of the block, as in Keywords
	before string
	after  string
	prefix string // of the fields of Config that belong to the block
	codes  string // what is wrong with it as it is
}

func (s scope) with(statement string) string { return s.before + statement + "\n" + s.after }

const (
	safeScripts = "global_defs {\n enable_script_security\n script_user root\n}\n"
	oneInstance = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress { 192.0.2.1 }\n"
	twoVIs      = oneInstance + "}\nvrrp_instance VI_2 {\n interface eth0\n virtual_router_id 52\n" +
		" virtual_ipaddress { 192.0.2.2 }\n}\n"
	oneService = "virtual_server 192.0.2.1 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n"
	trackers   = "vrrp_script chk {\n script /bin/true\n}\ntrack_file load {\n file /run/load\n}\n" +
		"vrrp_track_process web {\n process nginx\n}\nbfd_instance peer {\n neighbor_ip 192.0.2.9\n}\n"
)

func checkerScope(keyword, before string) scope {
	return scope{"virtual_server/real_server/" + keyword,
		safeScripts + trackers + oneService + " real_server 10.0.0.1 8080 {\n" + keyword + " {\n" + before, "}\n}\n}\n",
		"VirtualServers[0].RealServers[0].Checkers[0].", ""}
}

func urlScope(keyword string) scope {
	s := checkerScope(keyword, "url {\n path /\n")
	s.path += "/url"
	s.after = "}\n" + s.after
	s.prefix += "HTTP.URLs[0]."
	return s
}

func hostScope() scope {
	s := checkerScope("SMTP_CHECK", "host {\n")
	s.path += "/host"
	s.after = "}\n" + s.after
	s.codes = "KA2034" // an old form
	return s
}

// surroundings returns a sound surrounding for each block.
func surroundings() []scope {
	return []scope{
		{"(root)", "", "", "", ""},
		{"global_defs", "global_defs {\n", "}\n" + oneInstance + "}\n", "Global.", ""},
		{"vrrp_instance", safeScripts + trackers + oneInstance, "}\n", "Instances[0].", ""},
		{"vrrp_instance/authentication", oneInstance + "authentication {\n", "}\n}\n", "Instances[0].", ""},
		{"vrrp_instance/auth_hmac", oneInstance + "version 3\nauth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n",
			"}\n}\n", "Instances[0].HMAC.", ""},
		{"vrrp_sync_group", safeScripts + trackers + twoVIs + "vrrp_sync_group G {\n group { VI_1 VI_2 }\n", "}\n", "SyncGroups[0].", ""},
		{"vrrp_script", safeScripts + "vrrp_script chk {\n script /bin/true\n", "}\n", "Scripts[0].", ""},
		{"vrrp_track_process", "vrrp_track_process web {\n", " process nginx\n}\n", "Processes[0].", ""},
		{"track_file", "track_file load {\n file /run/load\n", "}\n", "Files[0].", ""},
		{"track_group", twoVIs + "track_group T {\n", "}\n", "TrackGroups[0].", "KA3021"},
		{"garp_group", "garp_group {\n interface eth0\n garp_interval 1\n", "}\n", "GARPGroups[0].", ""},
		{"bfd_instance", "bfd_instance peer {\n neighbor_ip 192.0.2.9\n", "}\n", "BFD[0].", ""},
		{"SSL", "SSL {\n", "}\n", "TLS.", ""},
		{"virtual_server", safeScripts + oneService + " real_server 10.0.0.1 80 {\n  weight 5\n  TCP_CHECK { }\n }\n", "}\n", "VirtualServers[0].", ""},
		{"virtual_server/real_server", safeScripts + trackers + oneService + " real_server 10.0.0.1 8080 {\n  weight 5\n  TCP_CHECK { }\n", "}\n}\n",
			"VirtualServers[0].RealServers[0].", ""},
		checkerScope("TCP_CHECK", ""), checkerScope("HTTP_GET", "url { path / }\n"), checkerScope("SSL_GET", "url { path / }\n"),
		checkerScope("SMTP_CHECK", ""), checkerScope("DNS_CHECK", ""), checkerScope("MISC_CHECK", "misc_path /bin/true\n"),
		checkerScope("UDP_CHECK", ""), checkerScope("PING_CHECK", ""), checkerScope("FILE_CHECK", "track_file load\n"),
		checkerScope("BFD_CHECK", "name peer\n"), urlScope("HTTP_GET"), urlScope("SSL_GET"), hostScope(),
	}
}

func scopeOf(t testing.TB, path string) scope {
	t.Helper()
	for _, s := range surroundings() {
		if s.path == path {
			return s
		}
	}
	t.Fatalf("there is no scope for %s", path)
	return scope{}
}

// field is one scalar of a Config.
type field struct{ path, value string }

// fields lists the scalars of a Config, without the places things are written at.
func fields(cfg *Config) []field {
	var all []field
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch x := v.Interface().(type) {
		case Range, *Inputs:
			return
		case netip.Addr:
			if x.IsValid() {
				all = append(all, field{path, x.String()})
			}
			return
		case netip.Prefix:
			if x.IsValid() {
				all = append(all, field{path, x.String()})
			}
			return
		case time.Duration, CheckerKind:
			all = append(all, field{path, fmt.Sprint(x)})
			return
		case Switch:
			all = append(all, field{path, [...]string{"", "on", "off"}[x]})
			return
		case StatusRange:
			all = append(all, field{path, fmt.Sprintf("%d-%d", x.First, x.Last)})
			return
		case []string:
			if len(x) > 0 {
				all = append(all, field{path, fmt.Sprintf("%q", x)})
			}
			return
		case []byte, [6]byte:
			all = append(all, field{path, fmt.Sprintf("%x", x)})
			return
		case []int:
			all = append(all, field{path, fmt.Sprint(x)})
			return
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(path, v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				name := path + "." + v.Type().Field(i).Name
				if v.Type().Field(i).IsExported() && !strings.HasSuffix(name, ".ID.VS") {
					walk(strings.TrimPrefix(name, "."), v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		default:
			all = append(all, field{path, fmt.Sprint(v.Interface())})
		}
	}
	walk("", reflect.ValueOf(cfg))
	return all
}

// zero reports whether a value says nothing in a thing that was not there before.
func zero(s string) bool {
	return s == "[]" || s == "0s" || s == "false" || strings.Trim(s, "0") == ""
}

// changes lists what differs between two configurations: "Field=value", and "-Field" for what is there no more. Fields
// that start with prefix are named without it, and a lost block of the prefix is "gone".
func changes(base, cfg *Config, prefix string) string {
	was, is := map[string]string{}, map[string]bool{}
	for _, f := range fields(base) {
		was[f.path] = f.value
	}
	var list []string
	alive := prefix == ""
	for _, f := range fields(cfg) {
		is[f.path] = true
		alive = alive || strings.HasPrefix(f.path, prefix)
		if old, ok := was[f.path]; ok && old != f.value || !ok && !zero(f.value) {
			list = append(list, strings.TrimPrefix(f.path, prefix)+"="+f.value)
		}
	}
	if !alive {
		return "gone"
	}
	for _, f := range fields(base) {
		if !is[f.path] && !zero(f.value) {
			list = append(list, "-"+strings.TrimPrefix(f.path, prefix))
		}
	}
	return strings.Join(list, "; ")
}

// codeList lists the codes of ds, except that a keyword has no effect yet.
func codeList(ds Diagnostics) string {
	var list []string
	for _, d := range ds {
		if d.Code != diag.CodeNotSupported {
			list = append(list, d.Code.String())
		}
	}
	return strings.Join(list, " ")
}

// bases are the configurations of scopes without a further statement.
var bases = map[string]*Config{}

// outcome loads a statement in its scope and says what it changes there and which diagnostics it adds.
func outcome(s scope, statement string, env Env) (want, codes string) {
	env.Hostname = "lb1.example.net"
	base := bases[s.path]
	if base == nil {
		base, _ = Load(memory(s.with("")), "test.conf", env)
		bases[s.path] = base
	}
	cfg, ds := Load(memory(s.with(statement)), "test.conf", env)
	codes = strings.TrimSpace(strings.TrimPrefix(codeList(ds), s.codes))
	return changes(base, cfg, s.prefix), codes
}

// checkRows makes every try of every row in the block at path.
func checkRows(t *testing.T, path string, rows []row) {
	t.Helper()
	s := scopeOf(t, path)
	for _, r := range rows {
		for _, x := range r.tries {
			want, codes := outcome(s, r.keyword+" "+x.args, Env{})
			if want != x.want || codes != x.codes {
				t.Errorf("%s: %s %s\n got %q, %q\nwant %q, %q", path, r.keyword, x.args, want, codes, x.want, x.codes)
			}
		}
	}
}

// TestScopesAreSound: what surrounds the statements of the row tests has no problem but the one it is known for.
func TestScopesAreSound(t *testing.T) {
	for _, s := range surroundings() {
		_, ds := Load(memory(s.with("")), "test.conf", Env{Hostname: "lb1.example.net"})
		if codes := codeList(ds); codes != s.codes {
			t.Errorf("%s: %s in\n%s", s.path, codes, s.with(""))
		}
	}
}
