package simulate

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/track"
)

// TestParse: every command, in order of time.
func TestParse(t *testing.T) {
	const text = `
# a comment
lan A:eth0 B:ens3
seed 7
stop A at 2 min      # the last
cut eth1 of A at 5 s
cut A at 5s
heal eth1 of A at 5 s
heal A at 5 s
block A to B at 6 s
unblock A to B at 6 s
start A at 6 s
crash A at 6 s
halt A at 6 s
stall A for 300 ms at 7 s
reload A with b.conf at 7 s
script chk fails on B at 9 s
process p runs on B at 9 s
bfd peer down on B at 9 s
file f is -3 on B at 9 s
remove 192.0.2.1 on A at 10 s
refuse 192.0.2.1 on A at 10 s
allow 192.0.2.1 on A at 10 s
loss 20 % at 11 s
end at 3 min
`
	sc, err := Parse("x.sim", text)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr("192.0.2.1")
	want := Scenario{Seed: 7, End: 3 * time.Minute, LANs: [][]Port{{{"A", "eth0"}, {"B", "ens3"}}}, Steps: []Step{
		{Kind: Cut, Host: "A", Link: "eth1", At: 5}, {Kind: Cut, Host: "A", At: 5}, {Kind: Heal, Host: "A", Link: "eth1", At: 5}, {Kind: Heal, Host: "A", At: 5},
		{Kind: Block, Host: "A", Peer: "B", At: 6}, {Kind: Unblock, Host: "A", Peer: "B", At: 6}, {Kind: Start, Host: "A", At: 6},
		{Kind: Crash, Host: "A", At: 6}, {Kind: Halt, Host: "A", At: 6}, {Kind: Stall, Host: "A", For: 300 * time.Millisecond, At: 7},
		{Kind: Reload, Host: "A", File: "b.conf", At: 7}, {Kind: Track, Host: "B", ID: track.ID{Kind: track.Script, Name: "chk"}, At: 9},
		{Kind: Track, Host: "B", ID: track.ID{Kind: track.Process, Name: "p"}, N: track.Up, At: 9},
		{Kind: Track, Host: "B", ID: track.ID{Kind: track.BFD, Name: "peer"}, At: 9},
		{Kind: Track, Host: "B", ID: track.ID{Kind: track.File, Name: "f"}, N: -3, At: 9},
		{Kind: Remove, Host: "A", Addr: addr, At: 10}, {Kind: Refuse, Host: "A", Addr: addr, At: 10}, {Kind: Allow, Host: "A", Addr: addr, At: 10},
		{Kind: Loss, N: 20, At: 11}, {Kind: Stop, Host: "A", At: 120},
	}}
	for i := range want.Steps {
		want.Steps[i].At *= time.Second
	}
	for i := range sc.Steps {
		sc.Steps[i].Text, sc.Steps[i].Line = "", 0
	}
	if d := cmp.Diff(want, sc, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestParseErrors: a mistake is told with its place and what to write instead.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"stop A":                       "x.sim:1:6: it is not said when that happens; end the line with a time, as in: at 5 s",
		"\n\nstop A at soon":           `x.sim:3:8: "soon" is no time; write a number`,
		"stop A at -1 s":               "is no time",
		"  explode A at 1 s":           `x.sim:1:3: unknown command "explode"; there are cut, heal, block`,
		"cut eth0 from A at 1 s":       `"cut eth0 from A" cannot be understood; write: cut LINK of HOST, or cut HOST`,
		"script a explodes on A at 1s": `x.sim:1:10: "explodes" is no state; write fails or succeeds`,
		"file a is x on A at 1s":       `"x" is no number`,
		"remove x on A at 1s":          `x.sim:1:8: "x" is no address`,
		"loss 300 % at 1s":             "is no share of packets",
		"stall A for ever at 1s":       `"ever" is no time`,
		"lan A:eth0":                   "a LAN connects several links",
		"lan A:eth0 B":                 `x.sim:1:12: "B" is no link of a host; write HOST:LINK`,
		"seed x":                       "seed has no number",
		"at 5 s":                       "nothing happens at that time",
	} {
		_, err := Parse("x.sim", text)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.Remedy == "" {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParse: any text is a scenario or an error with a place.
func FuzzParse(f *testing.F) {
	f.Add("cut eth0 of A at 5 s\nend at 9 s")
	f.Add("lan A:eth0 B:eth1\nloss 5 % at 1 min")
	f.Add("at\nseed\n at at")
	f.Fuzz(func(t *testing.T, text string) {
		sc, err := Parse("x", text)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Line < 1 || e.Col < 1) {
			t.Fatalf("%v", err)
		}
		for i := 1; i < len(sc.Steps); i++ {
			if sc.Steps[i].At < sc.Steps[i-1].At {
				t.Fatal("not in order of time")
			}
		}
	})
}
