package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
	"vigil/internal/routing"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

var (
	routerA = netip.MustParseAddr("10.77.0.1")
	routerB = netip.MustParseAddr("10.77.0.2")
	vip     = election.Address{Prefix: netip.MustParsePrefix("10.77.0.100/24"), Link: "eth0"}
)

func instanceOf(priority uint8) election.InstanceSpec {
	program := confparse.ProgramOf(&confparse.Script{Argv: []string{"/bin/prepare", "a b", ""}, RunAs: confparse.Identity{UID: 7, GID: 8}})
	return election.InstanceSpec{
		Name: "VI", Link: "eth0", VRID: 51, Family: confparse.IPv4, Version: 2, Priority: priority, AdvertInterval: time.Second, DownTimerAdverts: 3,
		TTL: 255, TrackLink: true, Group: netip.MustParseAddr("224.0.0.18"), Addresses: []election.Address{vip},
		Trackers: []election.TrackSpec{{ID: track.ID{Kind: track.Script, Name: "chk"}, Weight: -20}},
		Hooks:    election.Hooks{PreMaster: program, PreMasterTimeout: time.Second},
		Told:     election.AudienceOf(election.Told{Master: program}),
		GARP:     confparse.GARP{MasterRepeat: 5, MasterDelay: 5 * time.Second},
	}
}

// same compares what a recording has to keep.
var same = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, election.Audience{}, confparse.Program{}), cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b error) bool { return textOf(a) == textOf(b) }),
}

// inputs are one of every kind.
func inputs(t testing.TB) []Input {
	key := wire.Signature{KeyID: 1, Key: "secret", Stamp: 5}
	h := wire.IPHeader{Source: routerA, Destination: netip.MustParseAddr("224.0.0.18"), TTL: 255}
	parse := func(a wire.Advert) wire.Advert {
		header, pdu, reason := wire.ParseIPv4(a.AppendIPv4(nil, h))
		if reason != wire.DropNone {
			t.Fatal(reason)
		}
		a, reason = wire.ParseAdvert(pdu, header, nil)
		if reason != wire.DropNone {
			t.Fatal(reason)
		}
		return a
	}
	plain := wire.Advert{Version: 2, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip.Prefix.Addr()}}
	signed, ah := plain, plain
	signed.Signature = &key
	ah.AuthType, ah.Sequence, ah.AuthData = wire.AuthAH, 9, [8]byte{'k'}
	everything := []election.Resource{vip, election.Promote{Link: "eth0"}, election.NoAccept{Addr: vip.Prefix.Addr(), Link: "eth0"},
		election.Route{Route: routing.Route{Dest: netip.MustParsePrefix("10.0.0.0/8"), Table: 254}}, election.Rule{Rule: routing.Rule{Preference: 7}}}
	var failures []election.Failure
	for i, r := range everything {
		failures = append(failures, election.Failure{Resource: r, Err: fmt.Errorf("no %d", i)})
	}
	spec := election.Spec{Instances: []election.InstanceSpec{instanceOf(100)}, StartupDelay: time.Second,
		Groups: []election.GroupSpec{{Name: "G", Members: []confparse.InstanceName{"VI"}, Told: instanceOf(1).Told}}}
	list := []Input{{Call: Apply, Spec: spec}}
	for _, ev := range []election.Event{
		election.Started{LinkUp: true, Source: routerB, Silence: 5, Delay: 6}, election.AdvertReceived{Advert: parse(plain), Source: routerA, Clock: 77},
		election.AdvertReceived{Advert: parse(signed), Source: routerA}, election.AdvertReceived{Advert: parse(ah), Source: routerA},
		election.AdvertRejected{Reason: wire.DropTTL, Source: routerA}, election.LinkChanged{Up: true}, election.SourceChanged{},
		election.SourceChanged{Source: netip.MustParseAddr("fe80::1%eth0")}, election.TrackerChanged{ID: track.ID{Kind: track.File, Name: "f"}, Value: -3},
		election.ResourcesLost{Resources: everything}, election.EffectDone{Generation: 3, Failures: failures}, election.EffectDone{Generation: 4},
		election.HookDone{Hook: election.PreMaster, Serial: 3, Err: errors.New("exit status 1")}, election.HookDone{Hook: election.EnsureMaster},
		election.SpecChanged{Spec: instanceOf(7)}, election.Stop{AtOnce: true, Hold: 5, Removed: true}, election.Wake{},
	} {
		list = append(list, Input{Call: Step, To: 1, Event: ev})
	}
	return append(list, Input{Call: Wake}, Input{Call: Track, ID: track.ID{Kind: track.Script, Name: "chk"}, Value: 1}, Input{Call: Stop})
}

// TestInputsSurvive: every kind of input is read as it was written.
func TestInputsSurvive(t *testing.T) {
	for i, in := range inputs(t) {
		in.At = election.Instant(i)
		line, err := encode(&in, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, then, err := decode(line)
		if d := cmp.Diff(in, got, same); err != nil || d != "" || then != nil {
			t.Errorf("%s: %v, %v (-want +got)\n%s", line, err, then, d)
		}
	}
	if _, err := encode(&Input{Call: Step, Event: nil}, nil); err == nil {
		t.Error("no event is recorded")
	}
}

// record runs a short life of an engine and returns its recording.
func record(t testing.TB, limit int64) (text string, failures []error) {
	t.Helper()
	var buf closer
	r := begin(&buf, "a test", limit, func(err error) { failures = append(failures, err) })
	e := election.NewEngine()
	do := func(in Input) []election.InstanceAction {
		actions := in.Into(e)
		r.Record(&in, actions)
		return actions
	}
	for i, in := range inputs(t) {
		in.At = election.Instant(i) * election.Instant(200*time.Millisecond)
		do(in)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String(), failures
}

type closer struct{ bytes.Buffer }

func (*closer) Close() error { return nil }

// TestReplay: a recording comes out the same again, and says how long it is.
func TestReplay(t *testing.T) {
	text, failures := record(t, Limit)
	visited := 0
	sum, err := Replay(strings.NewReader(text), func(*Input, []election.InstanceAction) { visited++ })
	n := len(inputs(t))
	if err != nil || failures != nil || sum.Inputs != n || visited != n || sum.End != EndStopped || sum.Program != "a test" ||
		sum.Span != time.Duration(n-1)*200*time.Millisecond || sum.Actions < 10 {
		t.Errorf("%+v, %d visited, %v, %v", sum, visited, err, failures)
	}
	if again, _ := record(t, Limit); again != text {
		t.Error("equal lives have different recordings")
	}
}

// TestDifference: an input from which something else comes is named, with what came then and comes now.
func TestDifference(t *testing.T) {
	text, _ := record(t, Limit)
	changed := strings.Replace(text, `"Priority":100,"StartMaster"`, `"Priority":101,"StartMaster"`, 1)
	if changed == text {
		t.Fatal("nothing to change")
	}
	_, err := Replay(strings.NewReader(changed), nil)
	var d *Difference
	if !errors.As(err, &d) || d.Line != 2 || !strings.Contains(err.Error(), `apply: action 1 was "1 Start `) {
		t.Errorf("%v", err)
	}
}

// TestBrokenRecordings: what is no recording, or none of ours, is told with the line; one that breaks off is used.
func TestBrokenRecordings(t *testing.T) {
	text, _ := record(t, Limit)
	lines := strings.SplitAfter(text, "\n")
	head, body, end := lines[0], strings.Join(lines[1:len(lines)-2], ""), lines[len(lines)-2]
	for name, tt := range map[string]struct{ text, want string }{
		"empty":            {"", "line 1: the file is empty"},
		"a configuration":  {"vrrp_instance VI {\n}\n", "line 1: this is no recording"},
		"another version":  {strings.Replace(head, `"version":1`, `"version":2`, 1) + body, "version 2 of the format, and this program reads version 1"},
		"junk":             {head + "{}\n" + body, `line 2: call "" is not known`},
		"no JSON":          {head + "x\n" + body, "line 2: invalid character"},
		"unknown event":    {head + `{"at":0,"call":"step","to":1,"event":"quake"}` + "\n", `line 2: event "quake" is not known`},
		"no data":          {head + `{"at":0,"call":"step","to":1,"event":"link"}` + "\n", "line 2: unexpected end of JSON input"},
		"an empty failure": {head + `{"at":0,"call":"step","to":1,"event":"lost","data":[{}]}` + "\n", "line 2: a resource of no known kind"},
		"a short header":   {head + `{"at":0,"call":"step","to":1,"event":"advert","data":{"Advert":{"AH":"00"}}}` + "\n", "line 2: this is no authentication header"},
		"the far future":   {head + `{"at":9223372036854775807,"call":"wake"}` + "\n", "line 2: 9223372036854775807 ns is no time"},
		"a long interval":  {head + strings.Replace(lines[1], `"AdvertInterval":1000000000`, `"AdvertInterval":9000000000000000000`, 1), "line 2: 9000000000000000000 ns is no duration"},
		"a long patience":  {head + strings.Replace(lines[1], `"DownTimerAdverts":3`, `"DownTimerAdverts":300000`, 1), "line 2: 300000 adverts"},
		"a long hold":      {head + `{"at":0,"call":"step","to":1,"event":"stop","data":{"Hold":9000000000000000000}}` + "\n", "line 2: 9000000000000000000 ns is no duration"},
		"after the end":    {head + end + body, "line 3: the recording goes on after its end"},
		"a line left out":  {head + strings.Join(lines[2:], ""), "line 2"},
	} {
		_, err := Replay(strings.NewReader(tt.text), nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	held := head + `{"at":5,"call":"wake"}` + "\n" + `{"at":4,"call":"wake"}` + "\n"
	if sum, err := Replay(strings.NewReader(held), nil); err != nil || sum.Inputs != 2 || sum.Span != 0 {
		t.Errorf("a packet that came while the process was held up: %+v, %v", sum, err)
	}
	cut := text[:len(text)-len(end)-10]
	if sum, err := Replay(strings.NewReader(cut), nil); err != nil || sum.End != "" || sum.Inputs != len(inputs(t))-1 {
		t.Errorf("broken off: %+v, %v", sum, err)
	}
	failing := io.MultiReader(strings.NewReader(head), errReader{})
	if _, err := Replay(failing, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestRecordingIsBounded: at its limit a recording ends, says so once, and is whole.
func TestRecordingIsBounded(t *testing.T) {
	text, failures := record(t, 8000)
	sum, err := Replay(strings.NewReader(text), nil)
	if err != nil || sum.End != EndFull || sum.Inputs == 0 || len(text) > 8200 || len(failures) != 1 {
		t.Errorf("%+v, %v, %d bytes, %v", sum, err, len(text), failures)
	}
}

// stuck is a disk that takes nothing until it is let go.
type stuck struct {
	closer
	gate chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) { <-s.gate; return s.closer.Write(b) }

// TestRecordingNeverWaits: a disk that does not keep up ends the recording, and nobody waits for it.
func TestRecordingNeverWaits(t *testing.T) {
	disk := &stuck{gate: make(chan struct{})}
	told := 0
	r := begin(disk, "", Limit, func(error) { told++ })
	for i := range 3 * backlog {
		r.Record(&Input{At: election.Instant(i), Call: Wake}, nil)
	}
	close(disk.gate)
	if err := r.Close(); err != nil || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
	if sum, err := Replay(&disk.Buffer, nil); err != nil || sum.End != EndBehind || sum.Inputs == 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
func (full) Close() error              { return nil }

// TestRecordingOnAFullDisk: the error is told once.
func TestRecordingOnAFullDisk(t *testing.T) {
	var told []error
	r := begin(full{}, "", Limit, func(err error) { told = append(told, err) })
	for i := range 100 {
		r.Record(&Input{At: election.Instant(i), Call: Wake}, nil)
	}
	if err := r.Close(); err == nil || len(told) != 1 || !strings.Contains(told[0].Error(), "write the recording: no space left") {
		t.Errorf("%v, told %v", err, told)
	}
}

// TestCreate: the file is its owner's alone; a place where there can be none is told.
func TestCreate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "flight")
	r, err := Create(name, "x", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := Create(filepath.Join(name, "x"), "", nil); err == nil || !strings.HasPrefix(err.Error(), "begin a recording: ") {
		t.Errorf("%v", err)
	}
	var none *Recorder
	none.Record(&Input{}, nil)
	if none.Close() != nil {
		t.Error("a recording that is none cannot be closed")
	}
}

// TestCreateKeepsTheRunBefore: of two runs both recordings are there, of three the last two; and a file that is no recording is
// not lost.
func TestCreateKeepsTheRunBefore(t *testing.T) {
	name := filepath.Join(t.TempDir(), "flight")
	if err := os.WriteFile(name, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct{ program, before string }{{"first", "notes"}, {"second", `"program":"first"`}, {"third", `"program":"second"`}} {
		r, err := Create(name, run.program, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string]string{name: `"program":"` + run.program + `"`, name + Previous: run.before} {
			if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), want) {
				t.Errorf("%s in run %s: %q, %v, want %s", filepath.Base(file), run.program, b, err, want)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(name+Previous+".d", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(name+Previous), os.Rename(name+Previous+".d", name+Previous)); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(name, "", nil); err == nil || !strings.HasPrefix(err.Error(), "begin a recording: ") {
		t.Errorf("where the one before cannot be kept: %v", err)
	}
}

// FuzzReplay: no file makes it panic, whatever is wrong with it.
func FuzzReplay(f *testing.F) {
	text, _ := record(f, Limit)
	lines := strings.SplitAfter(text, "\n")
	f.Add([]byte(text))
	for i := range min(8, len(lines)-1) {
		f.Add([]byte(lines[0] + lines[1] + strings.Join(slices.Delete(slices.Clone(lines[2:]), i, i+1), "")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if sum, err := Replay(bytes.NewReader(b), nil); err == nil && sum.Inputs > bytes.Count(b, []byte("\n"))+1 {
			t.Errorf("%+v", sum)
		}
	})
}
