package status

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"
)

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// walk visits every struct that is reachable from t.
func walk(t reflect.Type, seen map[reflect.Type]bool, visit func(reflect.Type, reflect.StructField)) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
		walk(t.Elem(), seen, visit)
	case reflect.Struct:
		if seen[t] || t.PkgPath() != reflect.TypeFor[Status]().PkgPath() {
			return
		}
		seen[t] = true
		for f := range t.NumField() {
			visit(t, t.Field(f))
			walk(t.Field(f).Type, seen, visit)
		}
	}
}

func TestEveryFieldSpeaksTheOneDialect(t *testing.T) {
	fields := 0
	visit := func(owner reflect.Type, f reflect.StructField) {
		fields++
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		where := owner.Name() + "." + f.Name
		if !snakeCase.MatchString(name) {
			t.Errorf("%s is written as %q", where, name)
		}
		if f.Type == reflect.TypeFor[time.Duration]() {
			t.Errorf("%s is a time.Duration, which JSON writes in nanoseconds", where)
		}
		if (f.Type == reflect.TypeFor[Seconds]()) != strings.HasSuffix(name, "_seconds") {
			t.Errorf("%s: a duration ends in _seconds, and nothing else does; got %q", where, name)
		}
	}
	seen := map[reflect.Type]bool{}
	walk(reflect.TypeFor[Status](), seen, visit)
	walk(reflect.TypeFor[Explanations](), seen, visit)
	if fields < 60 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

func TestSecondsKeepTheirNanoseconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Second: "1", 1500 * time.Millisecond: "1.5", time.Nanosecond: "0.000000001", -250 * time.Millisecond: "-0.25",
		40950 * time.Millisecond: "40.95",
	} {
		if b, err := json.Marshal(Seconds(d)); err != nil || string(b) != want {
			t.Errorf("%v: %s, %v; want %s", d, b, err, want)
		}
	}
	back := func(ns int32, s uint8) bool {
		d := Seconds(time.Duration(ns) + time.Duration(s)*time.Second)
		b, err := json.Marshal(d)
		var got Seconds
		return err == nil && json.Unmarshal(b, &got) == nil && got == d
	}
	if err := quick.Check(back, nil); err != nil {
		t.Error(err)
	}
}

func TestStatusReadsBackAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := Status{
		Version: "1.2.3", Started: at,
		Configuration: Configuration{File: "/etc/k.conf", Result: "applied", Attempted: at, InForce: at, TookSeconds: Seconds(time.Millisecond)},
		VRRP: &VRRP{Instances: []Instance{{Name: "VI_1", VRID: 51, Interface: "eth0", Family: "IPv4", Version: 3, State: "MASTER",
			WantState: "MASTER", AdvertIntervalSeconds: Seconds(100 * time.Millisecond), Source: netip.MustParseAddr("192.0.2.2"),
			VIPs: []Address{{Address: netip.MustParsePrefix("192.0.2.100/24"), Interface: "eth0"}}, Counters: AdvertCounters{AdvertsSent: 7}}},
			Groups: []SyncGroup{{Name: "G", State: "MASTER"}}},
		Checks: &Checks{VirtualServers: []VirtualServer{{Name: "a", RealServers: []RealServer{{Name: "b", Checks: []Check{{Kind: "TCP_CHECK"}}}}}}},
		IPVS:   &IPVS{Ready: true, Failing: []IPVSFailure{{Service: "tcp 192.0.2.1:80", Error: "refused", Attempts: 2, Since: at, Retry: at}}},
		Members: &Members{Sources: []MemberSource{{VirtualServer: "[192.0.2.1]:tcp:80", Source: "dns:web", Members: 2, Listed: 3, Since: at, Remembered: true,
			Failing: &MemberFailure{Error: "no answer", Attempts: 2, Since: at, Retry: at}}, {Source: "/m"}}},
		Sync: &Sync{Instance: "VI_1", Daemons: []SyncDaemon{{Role: "master", Interface: "eth1", ID: 51, MaxLen: 1472,
			Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}}, Resync: &Resync{Answered: 1, Learned: 200}},
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"advert_interval_seconds":0.1`, `"advert_sent":7`, `"state":"MASTER"`, `"ready":true`, `"master_address":""`,
		`"took_seconds":0.001`, `"retry":"2026-03-01T12:00:00Z"`, `{"virtual_server":"","source":"/m","members":0,"listed":0}`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("%s is missing in\n%s", part, b)
		}
	}
	var got Status
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// TestExplanationAsItIsWritten: what is there only when something is remarkable, and under which names.
func TestExplanationAsItIsWritten(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	other := netip.MustParseAddr("192.0.2.3")
	e := Explanation{Name: "VI_1", VRID: 51, Interface: "eth0", State: "MASTER", Since: at, From: "BACKUP", Cause: "so", BasePriority: 100, EffectivePriority: 100}
	const plain = `{"name":"VI_1","vrid":51,"interface":"eth0","state":"MASTER","since":"2026-03-01T12:00:00Z","from":"BACKUP","cause":"so",` +
		`"base_priority":100,"effective_priority":100`
	full := e
	full.Heard = []Heard{{Address: other, UnicastPeer: true}, {Address: other, Priority: 150, IntervalSeconds: Seconds(time.Second), At: at, Silent: true}}
	full.Rivals = []Rival{{Address: other, Priority: 90, Since: at, At: at, Adverts: 2}, {Address: other, Priority: 90, Since: at, At: at, Adverts: 9, OneWay: true, Causes: "c"}}
	full.Mismatches = []Mismatch{{Kind: "version", Address: other, Theirs: "version 2", Ours: "version 3", Refused: true, At: at, Times: 7}}
	full.Lateness = &Lateness{LatestSeconds: Seconds(time.Millisecond), LatestAt: at, WorstSeconds: Seconds(time.Second), WorstAt: at, ToleratedSeconds: Seconds(2 * time.Second)}
	const moment = `"2026-03-01T12:00:00Z"`
	for _, c := range []struct {
		e    Explanation
		want string
	}{
		{e, plain + "}"},
		{full, plain + `,"heard":[{"address":"192.0.2.3","unicast_peer":true,"priority":0,"interval_seconds":0},` +
			`{"address":"192.0.2.3","priority":150,"interval_seconds":1,"at":` + moment + `,"silent":true}],` +
			`"rivals":[{"address":"192.0.2.3","priority":90,"since":` + moment + `,"at":` + moment + `,"adverts":2},` +
			`{"address":"192.0.2.3","priority":90,"since":` + moment + `,"at":` + moment + `,"adverts":9,"one_way":true,"causes":"c"}],` +
			`"mismatches":[{"kind":"version","address":"192.0.2.3","theirs":"version 2","ours":"version 3","refused":true,"at":` + moment + `,"times":7}],` +
			`"lateness":{"latest_seconds":0.001,"latest_at":` + moment + `,"worst_seconds":1,"worst_at":` + moment + `,"tolerated_seconds":2}}`},
	} {
		b, err := json.Marshal(c.e)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(b)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
