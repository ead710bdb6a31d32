package daemon

import (
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/confparse/confparsetest"
)

// idle is why a field of the configuration changes nothing.
type idle struct {
	keyword string // which has no effect at all, as docs/compatibility.md says unless it is pending; "" = another field has the effect
	why     string
}

// Why fields change nothing.
var (
	inherited = idle{why: "those that inherit it have it"}
	asWritten = idle{why: "as it was written; what it means is in another field"}
	pending   = idle{why: "not supported yet (KA4001)"}
	decided   = idle{why: "decided what was read, and what was reported"}
)

// fieldsWithoutEffect are the fields of a Config that change nothing when they alone are changed.
var fieldsWithoutEffect = map[string]idle{
	"Account.Group": asWritten, "Account.Supplementary": asWritten, "Account.User": asWritten, // RunAs
	"AuthHMAC.TimeWindow": asWritten, "HMACKey.Text": asWritten, "Route.Family": asWritten, "Route.ScopeSet": asWritten,
	"LVSTimeouts.IsSet": asWritten, "TLSMaterial.IsSet": asWritten, "HTTPCheck.SNI": asWritten, "HTTPCheck.SNIName": asWritten,
	"VRRPInstance.SyncDaemonInterface": asWritten,

	"BFDInstance.Weight": inherited, "BFDInstance.Reverse": inherited, "TrackFile.Weight": inherited, "TrackFile.Reverse": inherited,
	"TrackProcess.Weight": inherited, "TrackProcess.Reverse": inherited, "TrackScript.Weight": inherited, "TrackScript.Reverse": inherited,
	"Global.ChecksumAsV2": inherited, "Global.ExtraGARP": inherited, "Global.ExtraGARPAll": inherited, "Global.GARPInterval": inherited,
	"Global.GNAInterval": inherited, "Global.MinGARP": inherited, "Global.OwnerIgnoreAdverts": inherited, "Global.VRRPMulticast6": inherited,
	"Global.VRRPVersion": inherited, "Global.DefaultInterface": inherited, "Global.LogAllFailures": inherited,
	"Daemon.ScriptSecurity": inherited, "Daemon.SupplementaryGroups": inherited, "Daemon.UseSymlinkPaths": inherited,
	"VirtualServer.Alpha": inherited, "VirtualServer.Forwarding": inherited, "VirtualServer.VirtualHost": inherited, "RealServer.VirtualHost": inherited,

	"BFDInstance.VRRP": decided, "BFDInstance.Checkers": decided, "SyncGroup.TrackingWeight": decided, "VRRPInstance.NoVirtualAddress": decided,
	"Daemon.IPRouteEtcDir": decided, "Daemon.IPRouteUsrDir": decided,

	"Global.AllowInterfaceChanges": {"allow_if_changes", "instances are told apart by the names of their interfaces"},
	"VMAC.NetlinkNotify":           {"netlink_notify_msg", "other programs are not told"},
	"Regex.StackStart":             {why: "of regex_stack only the limit counts"},
	"Daemon.BFDProcessName":        {"bfd_process_name", "there is no such process"},
	"Daemon.CheckerProcessName":    {"checker_process_name", "there is no such process"},
	"Daemon.ChildWaitTime":         {"child_wait_time", "there is no such process"},
	"Daemon.NamespaceWithIPSets":   {"namespace_with_ipsets", "no ipsets are used"},
	"Daemon.RandomSeed":            {"random_seed", "never used"},
	"Daemon.TmpConfigDir":          {"tmp_config_directory", "no process is handed a copy"},
	"DBus.Enabled":                 {"enable_dbus", pending.why},
	"DBus.NoInterfaceName":         {"dbus_no_interface_name", pending.why},
	"DBus.ServiceName":             {"dbus_service_name", pending.why},
	"SNMP.LVS":                     {"enable_snmp_checker", pending.why},
	"SNMP.RFCv2":                   {"enable_snmp_rfcv2", pending.why},
	"SNMP.RFCv3":                   {"enable_snmp_rfcv3", pending.why},
	"SNMP.RSInterval":              {"snmp_rs_stats_update_interval", pending.why},
	"SNMP.Socket":                  {"snmp_socket", pending.why},
	"SNMP.Traps":                   {"enable_traps", pending.why},
	"SNMP.VRRP":                    {"enable_snmp_vrrp", pending.why},
	"SNMP.VSInterval":              {"snmp_vs_stats_update_interval", pending.why},
}

// samplesTogether are what the row samples lack: statements that act with others.
var samplesTogether = []string{
	"vrrp_track_process p {\nprocess nginx -g x\n}\n" + actsInstance + "track_process {\np\n}\n}\n",
}

// configValue is a value of a Config that has no parts, and the field that it is in or below.
type configValue struct {
	field string // TYPE.FIELD
	value reflect.Value
}

// oneValue are the types that are one value, whatever they are made of.
var oneValue = map[reflect.Type][]any{
	reflect.TypeFor[netip.Addr]():    {netip.MustParseAddr("198.51.100.77"), netip.MustParseAddr("fe80::77"), netip.MustParseAddr("224.0.0.77")},
	reflect.TypeFor[netip.Prefix]():  {netip.MustParsePrefix("198.51.100.77/24"), netip.MustParsePrefix("2001:db8::77/64")},
	reflect.TypeFor[time.Duration](): {77 * time.Second, time.Duration(0)},
}

// values calls visit for each configValue below v. Where things stand in the file is none, and the ends of a range of addresses
// cannot be changed one by one.
func values(field string, v reflect.Value, visit func(configValue)) {
	if _, one := oneValue[v.Type()]; one {
		visit(configValue{field, v})
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			values(field, v.Elem(), visit)
		}
	case reflect.Interface:
		if !v.IsNil() && v.Elem().Kind() == reflect.Pointer {
			values(field, v.Elem(), visit)
		}
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[confparse.Range](), reflect.TypeFor[confparse.GroupEntry]():
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				values(v.Type().Name()+"."+f.Name, v.Field(i), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			values(field, v.Index(i), visit)
		}
	case reflect.Array:
		values(field, v.Index(0), visit)
	default:
		visit(configValue{field, v})
	}
}

// others returns values that v might have instead.
func others(v reflect.Value) (list []reflect.Value) {
	add := func(x any) {
		if w := reflect.ValueOf(x).Convert(v.Type()); !w.Equal(v) {
			list = append(list, w)
		}
	}
	if values, one := oneValue[v.Type()]; one {
		for _, x := range values {
			add(x)
		}
		return list
	}
	switch {
	case v.Kind() == reflect.Bool:
		add(!v.Bool())
	case v.Kind() == reflect.String:
		add("x" + v.String())
		add("")
	case v.CanInt():
		add(v.Int() + 1)
		add(int64(1))
		add(int64(0))
	case v.CanUint():
		add(v.Uint() + 1)
		add(uint64(1))
		add(uint64(0))
	}
	return list
}

// TestEveryFieldActs: each field of what a configuration consists of, changed alone, changes what the program does in some
// configuration of the samples. What only the printer reads does not.
func TestEveryFieldActs(t *testing.T) {
	const enough = 30 // configurations, to see that a field does nothing
	acts, tries := map[string]bool{}, map[string]int{}
	for _, text := range samples(t) {
		before, cfg := effectsOf(text), meaningOf(text)
		values("", reflect.ValueOf(cfg).Elem(), func(l configValue) {
			_, listed := fieldsWithoutEffect[l.field]
			if acts[l.field] || listed && tries[l.field] > enough {
				return
			}
			tries[l.field]++
			was := reflect.New(l.value.Type()).Elem()
			was.Set(l.value)
			for _, x := range others(was) {
				l.value.Set(x)
				acts[l.field] = acts[l.field] || !reflect.DeepEqual(before, effectsOfConfig(cfg))
			}
			l.value.Set(was)
		})
	}
	for _, field := range slices.Sorted(maps.Keys(tries)) {
		if why, listed := fieldsWithoutEffect[field]; acts[field] == listed {
			t.Errorf("%s: acts %v, listed as without effect %v %s", field, acts[field], listed, why.why)
		}
	}
	for field := range fieldsWithoutEffect {
		if tries[field] == 0 {
			t.Errorf("%s is listed, and no sample has it", field)
		}
	}
}

// samples returns the configurations of the rows that mean something, and those that show what acts together.
func samples(t *testing.T) []string {
	list := slices.Clone(samplesTogether)
	for _, b := range confparsetest.Read(t, "../../confparse/testdata/rows") {
		for _, r := range b.Rows {
			for _, x := range r.Tries {
				if x.Want != "" || b.IsList() && x.Codes == "" {
					list = append(list, b.With(b.Statement(r, x)))
				}
			}
		}
	}
	for _, pair := range actsAnywhere() {
		list = append(list, pair[0])
	}
	slices.Sort(list) // so that a run is like another
	return slices.Compact(list)
}

// TestWhatDoesNothingIsDocumented: every keyword, and every word behind one, that has no effect is in the table of differences.
func TestWhatDoesNothingIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(text), "\n## ")
	words, acts := map[string]bool{}, map[string]bool{}
	for _, c := range confparse.Keywords() {
		words[c.Keyword] = words[c.Keyword] || c.Needless
		acts[c.Keyword] = acts[c.Keyword] || c.ActedOn
	}
	for field, f := range fieldsWithoutEffect {
		words[f.keyword] = f.keyword != "" && f.why != pending.why
		if acts[f.keyword] {
			t.Errorf("%s is listed as acted on, and %s changes nothing", f.keyword, field)
		}
	}
	for word, nothing := range words {
		if nothing && !strings.Contains(table, "`"+word+"`") && !strings.Contains(table, " "+word+"` |") {
			t.Errorf("%s does nothing, and no row says so", word)
		}
	}
}
