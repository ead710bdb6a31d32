package confparse

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse/confparsetest"
	"vigil/confparse/diag"
)

// The rows of the language, with hand-written expectations: a change of the table has to be made there too.
func blocksOfRows(t testing.TB) []confparsetest.Block { return confparsetest.Read(t, "testdata/rows") }

const (
	safeScripts = "global_defs {\n enable_script_security\n script_user root\n}\n"
	oneInstance = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress { 192.0.2.1 }\n"
	twoVIs      = oneInstance + "}\nvrrp_instance VI_2 {\n interface eth0\n virtual_router_id 52\n" +
		" virtual_ipaddress { 192.0.2.2 }\n}\n"
	oneService = "virtual_server 192.0.2.1 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n"
	trackers   = "vrrp_script chk {\n script /bin/true\n}\ntrack_file load {\n file /run/load\n}\n" +
		"vrrp_track_process web {\n process nginx\n}\nbfd_instance peer {\n neighbor_ip 192.0.2.9\n}\n"
)

// field is one scalar of a Config.
type field struct{ path, value string }

// scalar returns a value that counts as one although it is made of others, and whether there is one to tell of.
func scalar(v reflect.Value) (text string, is, valid bool) {
	switch x := v.Interface().(type) {
	case Range, *Inputs, *Known:
		return "", true, false
	case netip.Addr:
		return x.String(), true, x.IsValid()
	case netip.Prefix:
		return x.String(), true, x.IsValid()
	case time.Duration, CheckerKind, []int:
		return fmt.Sprint(x), true, true
	case Switch:
		return [...]string{"", "on", "off"}[x], true, true
	case StatusRange:
		return fmt.Sprintf("%d-%d", x.First, x.Last), true, true
	case []string:
		return fmt.Sprintf("%q", x), true, len(x) > 0
	case []byte, [6]byte:
		return fmt.Sprintf("%x", x), true, true
	}
	return "", false, false
}

// fields lists the scalars of cfg that other does not have at the same place, without the places things are written at.
// alive says that cfg has any whose path begins with prefix.
func fields(cfg, other *Config, prefix string) (all []field, alive bool) {
	var walk func(path string, v, o reflect.Value)
	walk = func(path string, v, o reflect.Value) {
		alive = alive || strings.HasPrefix(path, prefix)
		if o.IsValid() && !strings.HasPrefix(prefix, path) && same(v, o) {
			return
		}
		if text, is, valid := scalar(v); is {
			if valid {
				all = append(all, field{path, text})
			}
			return
		}
		var inside reflect.Value // of other
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if v.IsNil() {
				return
			}
			if o.IsValid() && !o.IsNil() && o.Elem().Type() == v.Elem().Type() {
				inside = o.Elem()
			}
			walk(path, v.Elem(), inside)
		case reflect.Struct:
			for i := range v.NumField() {
				name := path + "." + v.Type().Field(i).Name
				if v.Type().Field(i).IsExported() && !strings.HasSuffix(name, ".ID.VS") {
					if o.IsValid() {
						inside = o.Field(i)
					}
					walk(strings.TrimPrefix(name, "."), v.Field(i), inside)
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				if inside = (reflect.Value{}); o.IsValid() && i < o.Len() {
					inside = o.Index(i)
				}
				walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i), inside)
			}
		default:
			all = append(all, field{path, fmt.Sprint(v.Interface())})
		}
	}
	walk("", reflect.ValueOf(cfg), reflect.ValueOf(other))
	return all, alive
}

// zero reports whether a value says nothing in a thing that was not there before.
func zero(s string) bool {
	return s == "[]" || s == "0s" || s == "false" || strings.Trim(s, "0") == ""
}

// changes lists what differs between two configurations: "Field=value", and "-Field" for what is there no more. Fields
// that start with prefix are named without it, and a lost block of the prefix is "gone".
func changes(base, cfg *Config, prefix string) string {
	before, _ := fields(base, cfg, prefix)
	after, alive := fields(cfg, base, prefix)
	if !alive {
		return "gone"
	}
	was, is := map[string]string{}, map[string]bool{}
	for _, f := range before {
		was[f.path] = f.value
	}
	var list []string
	for _, f := range after {
		is[f.path] = true
		if old, ok := was[f.path]; ok && old != f.value || !ok && !zero(f.value) {
			list = append(list, strings.TrimPrefix(f.path, prefix)+"="+f.value)
		}
	}
	for _, f := range before {
		if !is[f.path] && !zero(f.value) {
			list = append(list, "-"+strings.TrimPrefix(f.path, prefix))
		}
	}
	return strings.Join(list, "; ")
}

// codeList lists the codes of ds, except that a keyword has no effect yet, or is refused until it has.
func codeList(ds Diagnostics) string {
	var list []string
	for _, d := range ds {
		if d.Code != diag.CodeNotSupported && d.Code != diag.CodeNeedless {
			list = append(list, d.Code.String())
		}
	}
	return strings.Join(list, " ")
}

// bases are the configurations of blocks without a further statement, or with a plain item.
var bases = map[string]*Config{}

// outcome loads a statement in its block and says what it changes there and which diagnostics it adds.
func outcome(b confparsetest.Block, statement string, env Env) (want, codes string) {
	env.Hostname = "lb1.example.net"
	base := bases[b.Path]
	if base == nil {
		base, _ = Load(memory(b.With(b.Plain)), "test.conf", env)
		bases[b.Path] = base
	}
	cfg, ds := Load(memory(b.With(statement)), "test.conf", env)
	codes = strings.TrimSpace(strings.TrimPrefix(codeList(ds), b.Codes))
	return changes(base, cfg, b.Prefix), codes
}

// TestEveryRow makes the tries of every keyword in every block that knows it, and of every word of every list.
func TestEveryRow(t *testing.T) {
	for _, b := range blocksOfRows(t) {
		t.Run(strings.ReplaceAll(b.Path, "/", "."), func(t *testing.T) {
			for _, r := range b.Rows {
				for _, x := range r.Tries {
					want, codes := outcome(b, b.Statement(r, x), Env{})
					if want != x.Want || codes != x.Codes {
						t.Errorf("%s\n got %q, %q\nwant %q, %q", b.Statement(r, x), want, codes, x.Want, x.Codes)
					}
				}
			}
		})
	}
}

// TestBlocksAreSound: what surrounds the statements of the rows has no problem but the one it is known for.
func TestBlocksAreSound(t *testing.T) {
	for _, b := range blocksOfRows(t) {
		_, ds := Load(memory(b.With(b.Plain)), "test.conf", Env{Hostname: "lb1.example.net"})
		if codes := strings.ReplaceAll(codeList(ds), "KA3070", ""); codes != b.Codes {
			t.Errorf("%s: %s in\n%s", b.Path, codes, b.With(b.Plain))
		}
	}
}

// TestEveryKeywordHasARow: the table of keywords and the rows name the same words, block by block.
func TestEveryKeywordHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, b := range blocksOfRows(t) {
		for _, r := range b.Rows {
			if rows[b.Path+": "+r.Word] {
				t.Errorf("%s: %s is there twice", b.Path, r.Word)
			}
			rows[b.Path+": "+r.Word] = len(r.Tries) > 0
		}
	}
	known := map[string]bool{}
	for _, c := range Keywords() {
		name := c.Path + ": " + c.Keyword
		if known[name] = true; !rows[name] && c.Path != "(lexical)" {
			t.Errorf("%s has no row", name)
		}
	}
	for name := range rows {
		// The lists of IPv6 and of what is static have words beyond those of the table.
		if !known[name] && !strings.HasPrefix(name, "@") {
			t.Errorf("%s is no keyword", name)
		}
	}
}

// TestEveryRowChangesSomething: a row of which no try has an effect would prove nothing.
func TestEveryRowChangesSomething(t *testing.T) {
	elsewhere := map[string]string{ // what these blocks cannot show, and the test that does
		"global_defs: include_check": "TestIncludeCheck", "vrrp_instance: vrf": "TestInstanceOnVRF",
		"vrrp_instance: native_ipv6": "TestNativeIPv6", "vrrp_sync_group: group": "TestSyncGroupMembers",
		"(root): vrrp_sync_group": "TestSyncGroupMembers", "track_file: file": "the row of track_file",
		"virtual_server: ip_family":                  "TestServiceFamily",
		"virtual_server/real_server/BFD_CHECK: name": "the row of BFD_CHECK",
	}
	for _, b := range blocksOfRows(t) {
		for _, r := range b.Rows {
			effect := slices.ContainsFunc(r.Tries, func(x confparsetest.Try) bool { return x.Want != "" })
			if !effect && elsewhere[b.Path+": "+r.Word] == "" && !b.IsList() {
				t.Errorf("%s in %s: no try has an effect", r.Word, b.Path)
			}
		}
	}
}

// rowsOf returns the block at path.
func rowsOf(t testing.TB, path string) confparsetest.Block {
	t.Helper()
	for _, b := range blocksOfRows(t) {
		if b.Path == path {
			return b
		}
	}
	t.Fatalf("there are no rows for %s", path)
	return confparsetest.Block{}
}
