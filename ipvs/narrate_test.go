package ipvs

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// The lines are those of keepalived 2.2.7.
func TestNoteLines(t *testing.T) {
	id := confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: addr("10.0.0.1"), Port: 80}
	rs := netip.MustParseAddrPort("192.168.0.1:8080")
	sorry := pool.SorryServer{Addr: addr("192.168.0.9"), Port: 80}
	inhibited := sorry
	inhibited.Inhibit = true
	const r, v, s = "[192.168.0.1]:tcp:8080", "[10.0.0.1]:tcp:80", "[192.168.0.9]:tcp:80"
	for _, c := range []struct {
		note pool.Note
		want []string
	}{
		{pool.Note{Kind: pool.ServerUp, Server: rs, Up: true}, []string{"Adding service " + r + " to VS " + v}},
		{pool.Note{Kind: pool.ServerUp, Server: rs, Up: true, Inhibit: true}, []string{"Enabling service " + r + " of VS " + v}},
		{pool.Note{Kind: pool.ServerDown, Server: rs}, []string{"Removing service " + r + " from VS " + v}},
		{pool.Note{Kind: pool.ServerDown, Server: rs, Inhibit: true}, []string{"Disabling service " + r + " of VS " + v}},
		{pool.Note{Kind: pool.ServerGone, Server: rs}, []string{"service " + r + " no longer exist"}},
		{pool.Note{Kind: pool.WeightChanged, Server: rs, Up: true, From: 1, To: 5},
			[]string{"Changing weight from 1 to 5 for active service " + r + " of VS " + v}},
		{pool.Note{Kind: pool.WeightChanged, Server: rs, From: 5, To: 0},
			[]string{"Changing weight from 5 to 0 for inactive service " + r + " of VS " + v}},
		{pool.Note{Kind: pool.QuorumGained, Quorum: 2, Hysteresis: 1, Live: 3},
			[]string{"Gained quorum 2+1=3 <= 3 for VS " + v}},
		{pool.Note{Kind: pool.QuorumLost, Quorum: 2, Hysteresis: 1, Live: 0}, []string{"Lost quorum 2-1=1 > 0 for VS " + v}},
		{pool.Note{Kind: pool.QuorumLost, Quorum: 1, Initial: true, Swap: true, Sorry: sorry}, []string{
			"Starting with quorum down 1-0=1 > 0 for VS " + v, "Adding sorry server " + s + " to VS " + v,
			"Removing alive servers from the pool for VS " + v}},
		{pool.Note{Kind: pool.QuorumLost, Quorum: 1, Swap: true, Sorry: inhibited}, []string{
			"Lost quorum 1-0=1 > 0 for VS " + v, "Enabling sorry server " + s + " to VS " + v,
			"Removing alive servers from the pool for VS " + v}},
		{pool.Note{Kind: pool.QuorumGained, Quorum: 1, Live: 1, Swap: true, Sorry: sorry}, []string{
			"Gained quorum 1+0=1 <= 1 for VS " + v, "Removing sorry server " + s + " from VS " + v,
			"Adding alive servers to the pool for VS " + v}},
		{pool.Note{Kind: pool.QuorumGained, Quorum: 1, Live: 1, Swap: true, Sorry: inhibited}, []string{
			"Gained quorum 1+0=1 <= 1 for VS " + v, "Disabling sorry server " + s + " from VS " + v,
			"Adding alive servers to the pool for VS " + v}},
	} {
		if diff := cmp.Diff(c.want, noteLines(id, c.note)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.note, diff)
		}
	}
	if got := removedLine(id); got != "Removing Virtual Server "+v {
		t.Error(got)
	}
	if got := removedLine(confparse.VirtualServerID{Group: "web", Ordinal: 1}); got != "Removing Virtual Server Group [web]" {
		t.Error(got)
	}
}
