package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/status"
)

// explained is what a daemon could say.
func explained() status.Explanations {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) time.Time { return at.Add(-d) }
	peer := netip.MustParseAddr("192.0.2.3")
	return status.Explanations{At: at, Instances: []status.Explanation{
		{Name: "VI_1", VRID: 51, Interface: "eth0", State: "BACKUP", Since: before(3*time.Hour + 400*time.Millisecond), From: "MASTER",
			Cause: "a master of higher priority was heard", By: peer, ByPriority: 150, BasePriority: 100, EffectivePriority: 84,
			Contributions: []status.Contribution{{Kind: "script", Name: "chk", Weight: -20, Points: -20}, {Kind: "file", Name: "f", Value: 2, Weight: -2, Reverse: true, Points: 4}},
			Vetoes:        []status.Veto{{Kind: "interface", Name: "eth1", Value: 1, Known: true}, {Kind: "script", Name: "new", Value: 1}},
			Heard: []status.Heard{{Address: peer, Priority: 150, IntervalSeconds: status.Seconds(time.Second), At: before(420 * time.Millisecond)},
				{Address: netip.MustParseAddr("192.0.2.4"), Priority: 90, At: before(90 * time.Second), Resigned: true},
				{Address: netip.MustParseAddr("192.0.2.5"), Rejected: 12, Reason: "version"},
				{Address: netip.MustParseAddr("192.0.2.6"), UnicastPeer: true},
				{Address: netip.MustParseAddr("192.0.2.7"), UnicastPeer: true, Rejected: 1, Reason: "checksum"}},
			Mismatches: []status.Mismatch{{Kind: "version", Address: netip.MustParseAddr("192.0.2.5"), Theirs: "version 2", Ours: "version 3", Refused: true,
				At: before(700 * time.Millisecond), Times: 12},
				{Kind: "addresses", Address: peer, Theirs: "1 address", Ours: "2 addresses, 192.0.2.101 among them", At: before(420 * time.Millisecond), Times: 9000}},
			Next: "becomes MASTER", NextAt: at.Add(3190 * time.Millisecond), Changes: []string{"takes over from 192.0.2.3 with a priority above 150"}},
		{Name: "VI_2", VRID: 52, State: "FAULT", Since: before(1500 * time.Millisecond), From: "INIT", Cause: "it has started", BasePriority: 100, EffectivePriority: 100,
			Vetoes:   []status.Veto{{Kind: "bfd", Name: "up", Known: true, Fails: true}},
			Failures: []status.Failure{{Resource: "address 192.0.2.100/24", Error: "permission denied"}},
			Changes:  []string{"leaves FAULT when bfd up is up"}},
		{Name: "VI_3", VRID: 53, Interface: "eth0", State: "MASTER", Since: before(time.Minute), From: "BACKUP", Cause: "no advert came in time", By: peer, ByPriority: 150,
			BasePriority: 100, EffectivePriority: 100,
			Heard: []status.Heard{{Address: peer, Priority: 150, IntervalSeconds: status.Seconds(time.Second), At: before(63600 * time.Millisecond), Silent: true}},
			Rivals: []status.Rival{
				{Address: netip.MustParseAddr("192.0.2.8"), Priority: 90, Since: before(2 * time.Second), At: before(time.Second), Adverts: 2},
				{Address: netip.MustParseAddr("192.0.2.9"), Priority: 80, Since: before(time.Minute), At: before(200 * time.Millisecond), Adverts: 60, OneWay: true, Causes: "a wall"}},
			Lateness: &status.Lateness{LatestSeconds: status.Seconds(123456), LatestAt: before(500 * time.Millisecond),
				WorstSeconds: status.Seconds(12 * time.Millisecond), WorstAt: before(40 * time.Second), ToleratedSeconds: status.Seconds(2007812500)}},
	}}
}

const explainedText = `VI_1 (VRID 51 on eth0): BACKUP for 3h0m0s
  from MASTER: a master of higher priority was heard (192.0.2.3, priority 150)
  priority 84
    +100  configured
     -20  script chk is down, weight -20
      +4  file f says 2, weight -2, reverse
    ok    interface eth1 is up
    wait  script new is up
  heard 192.0.2.3 420ms ago: priority 150, every 1s
  heard 192.0.2.4 1m30s ago: it resigned
  heard of 192.0.2.5 nothing of use, 12 packets refused (version)
  never heard 192.0.2.6, a unicast peer (which says nothing unless it is MASTER)
  heard of 192.0.2.7 nothing of use, 1 packets refused (checksum)
  MISMATCH of version with 192.0.2.5: theirs version 2, ours version 3; 12 times, 700ms ago; its adverts are refused
  MISMATCH of addresses with 192.0.2.3: theirs 1 address, ours 2 addresses, 192.0.2.101 among them; 9000 times, 420ms ago; its adverts count all the same
  next: becomes MASTER in 3.19s
  takes over from 192.0.2.3 with a priority above 150

VI_2 (VRID 52 on no interface): FAULT for 1.5s
  from INIT: it has started
  priority 100
    +100  configured
    FAULT bfd up is down
  failed: address 192.0.2.100/24: permission denied
  leaves FAULT when bfd up is up

VI_3 (VRID 53 on eth0): MASTER for 1m0s
  from BACKUP: no advert came in time (192.0.2.3, priority 150)
  priority 100
    +100  configured
  SILENT 192.0.2.3: it was MASTER with priority 150, every 1s, and has said nothing for 1m4s, without having resigned
  RIVAL 192.0.2.8 is MASTER too: priority 90, 2 adverts in 1s, the latest 1s ago
  RIVAL 192.0.2.9 is MASTER too: priority 80, 60 adverts in 59.8s, the latest 200ms ago
    ONE-WAY: it goes on although it has to give way, so it does not hear this router: a wall
  own adverts: the latest 120µs late 500ms ago, the worst 12ms late 40s ago; a backup tolerates 2.00781s
`

func TestExplainAsksADaemon(t *testing.T) {
	var asked string
	answer, code := "", http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		w.WriteHeader(code)
		_, _ = w.Write([]byte(answer))
	}))
	defer s.Close()
	address := "--address=" + strings.TrimPrefix(s.URL, "http://")
	text, err := json.Marshal(explained())
	if err != nil {
		t.Fatal(err)
	}
	answer = string(text)
	got, out, stderr := call(t, "", "explain", address)
	if diff := cmp.Diff(explainedText, out); got != exitOK || stderr != "" || asked != "/explain" || diff != "" {
		t.Errorf("%d, %q, asked for %s (-want +got):\n%s", got, stderr, asked, diff)
	}
	if got, out, _ = call(t, "", "explain", "--json", address, "a b&c"); got != exitOK || out != answer || asked != "/explain?instance=a+b%26c" {
		t.Errorf("as JSON: %d, asked for %s, %s", got, asked, out)
	}
	answer = "{}"
	if got, out, _ = call(t, "", "explain", address); got != exitOK || out != "no instance runs\n" {
		t.Errorf("none: %d, %q", got, out)
	}
	answer = "<html>"
	if got, _, stderr = call(t, "", "explain", address); got != exitErrors || !strings.Contains(stderr, "the answer of") {
		t.Errorf("no JSON: %d, %q", got, stderr)
	}
	answer, code = "no vrrp_instance X runs\n", http.StatusNotFound
	if got, out, stderr = call(t, "", "explain", address, "X"); got != exitErrors || out != "" || stderr != "vigil explain: no vrrp_instance X runs\n" {
		t.Errorf("unknown: %d, %q, %q", got, out, stderr)
	}
	s.Close()
	if got, _, stderr = call(t, "", "explain", address); got != exitErrors || !strings.Contains(stderr, "--metrics-listen") {
		t.Errorf("nobody there: %d, %q", got, stderr)
	}
	if got, _, _ = call(t, "", "explain", "A", "B"); got != exitUsage {
		t.Errorf("two instances: %d", got)
	}
}
