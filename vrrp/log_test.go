package vrrp

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// logbook keeps what was logged as "LEVEL text key=value …".
type logbook struct {
	lines *[]string
	attrs []slog.Attr
}

func (r logbook) Enabled(context.Context, slog.Level) bool { return true }
func (r logbook) WithGroup(string) slog.Handler            { return r }
func (r logbook) WithAttrs(a []slog.Attr) slog.Handler {
	r.attrs = append(r.attrs[:len(r.attrs):len(r.attrs)], a...)
	return r
}
func (r logbook) Handle(_ context.Context, rec slog.Record) error {
	line := rec.Level.String() + " " + rec.Message
	for _, a := range r.attrs {
		line += " " + a.String()
	}
	*r.lines = append(*r.lines, line)
	return nil
}

// Operators grep for these lines; monitoring parses them. What keepalived says only with --log-detail is DEBUG.
func TestLogLinesAreKeepaliveds(t *testing.T) {
	source := netip.MustParseAddr("10.77.0.2")
	spec := testInstance("VI_1", 51, 100)
	spec.PreemptDelay = 2500 * time.Millisecond
	spec.Excluded = []election.Address{{Prefix: netip.MustParsePrefix("10.77.51.200/32"), Link: "eth0"}}
	quiet := spec
	quiet.LowerPriorityNoAdvert = true
	report := func(r election.Report) func(instanceLog) { return func(l instanceLog) { l.report(r, &spec) } }
	state := func(c election.StateChanged) func(instanceLog) { return func(l instanceLog) { l.stateChanged(c) } }
	rejected := func(why wire.DropReason, theirs, ours int) func(instanceLog) {
		return report(election.Report{Kind: election.ReportRejected, Rejected: why, Source: source, Theirs: theirs, Ours: ours})
	}
	for _, tc := range []struct {
		log  func(instanceLog)
		want string // "" for no line
	}{
		{state(election.StateChanged{From: election.Init, To: election.Backup, Initial: true}), "INFO (VI_1) Entering BACKUP STATE (init)"},
		{state(election.StateChanged{From: election.Init, To: election.Fault, Initial: true}), "INFO (VI_1) Entering FAULT STATE (init)"},
		{state(election.StateChanged{From: election.Init, To: election.Master, Initial: true, Cause: election.CauseOwner}), "INFO (VI_1) Entering MASTER STATE"},
		{state(election.StateChanged{From: election.Backup, To: election.Master}), "INFO (VI_1) Entering MASTER STATE"},
		{state(election.StateChanged{From: election.Master, To: election.Backup}), "INFO (VI_1) Entering BACKUP STATE"},
		{state(election.StateChanged{From: election.Master, To: election.Fault}), "INFO (VI_1) Entering FAULT STATE"},
		{state(election.StateChanged{From: election.Master, To: election.Init, Cause: election.CauseStop}), ""},
		{report(election.Report{Kind: election.ReportAdvertTimeout}), "DEBUG (VI_1) Receive advertisement timeout"},
		{report(election.Report{Kind: election.ReportHigherPriority, Source: source, Theirs: 150, Ours: 100}),
			"INFO (VI_1) Master received advert from 10.77.0.2 with higher priority 150, ours 100"},
		{report(election.Report{Kind: election.ReportSamePriority, Source: source, Theirs: 100, Ours: 100}),
			"INFO (VI_1) Master received advert from 10.77.0.2 with same priority 100 but higher IP address than ours"},
		{report(election.Report{Kind: election.ReportLowerPriority, Source: source, Theirs: 50, Ours: 100}),
			"INFO (VI_1) Received advert from 10.77.0.2 with lower priority 50, ours 100, forcing new election"},
		{func(l instanceLog) {
			l.report(election.Report{Kind: election.ReportLowerPriority, Source: source, Theirs: 50, Ours: 100}, &quiet)
		}, "INFO (VI_1) Received advert from 10.77.0.2 with lower priority 50, ours 100"},
		{report(election.Report{Kind: election.ReportLowerDiscarded, Source: source, Theirs: 50}),
			"INFO (VI_1) received lower priority (50) advert from 10.77.0.2 - discarding"},
		{report(election.Report{Kind: election.ReportPriorityZeroReceived, Source: source}), "INFO (VI_1) Backup received priority 0 advertisement"},
		{report(election.Report{Kind: election.ReportMasterPriorityZero, Source: source}), "INFO (VI_1) Master received priority 0 message"},
		{report(election.Report{Kind: election.ReportPriorityZeroSent}), "DEBUG (VI_1) sent 0 priority"},
		{report(election.Report{Kind: election.ReportPriorityChanged, Theirs: 100, Ours: 80}), "INFO (VI_1) Changing effective priority from 100 to 80"},
		{report(election.Report{Kind: election.ReportSameAddress, Source: source}),
			"INFO (VI_1) WARNING - equal priority advert received from remote host with our IP address."},
		{report(election.Report{Kind: election.ReportPreemptDelayStarted}), "INFO (VI_1) start preempt delay (2.500000)"},
		{report(election.Report{Kind: election.ReportPreemptDelayStopped}), "INFO (VI_1) stop preempt delay"},
		{report(election.Report{Kind: election.ReportIntervalDiffers, Source: source, Theirs: 50, Ours: 100}),
			"INFO (VI_1) advertisement interval mismatch ours = 100 centi-sec rcv'd=50 centi-sec"},
		{report(election.Report{Kind: election.ReportAddressesDiffer, Source: source, Theirs: 2, Ours: 1}),
			"INFO (VI_1) expected 1 VIPs but received 2 from 10.77.0.2"},
		{report(election.Report{Kind: election.ReportAddressesDiffer, Source: source, Theirs: 1, Ours: 1}),
			"INFO (VI_1) ip address associated with VRID 51 not present in advert from 10.77.0.2"},
		{rejected(wire.DropVersion, 3, 2), "INFO (VI_1) wrong VRRP version from 10.77.0.2. Received 3 and expect 2"},
		{rejected(wire.DropAuthTypeInvalid, 7, 0), "INFO (VI_1) Invalid auth type from 10.77.0.2: 7"},
		{rejected(wire.DropAuthTypeMismatch, 0, 1), "INFO (VI_1) received a 0 auth from 10.77.0.2, expecting 1!"},
		{rejected(wire.DropAuthFailure, 0, 0), "INFO (VI_1) received an invalid passwd from 10.77.0.2!"},
		{rejected(wire.DropInterval, 2, 1), "INFO (VI_1) advertisement interval mismatch with 10.77.0.2 mine=1 sec rcv'd=2 sec"},
		{rejected(wire.DropChecksum, 0, 0), "INFO (VI_1) Invalid VRRPv2 checksum from 10.77.0.2"},
		{rejected(wire.DropNotPeer, 0, 0), "INFO (VI_1) unicast source address 10.77.0.2 not a unicast peer"},
		{func(l instanceLog) { l.sendFailed(group4, false, os.NewSyscallError("sendto", syscall.ENETUNREACH)) },
			"ERROR (VI_1) send advert error 101 (network is unreachable)"},
		{func(l instanceLog) { l.sendFailed(routerB, true, errNoSource) },
			"ERROR (VI_1) Cant send advert to 10.77.0.2 (no source address)"},
		{report(election.Report{Kind: election.ReportResourceFailed, Resource: election.Route{}, Err: fmt.Errorf("add: %w", syscall.ENETUNREACH)}),
			"ERROR (VI_1) Netlink: error: Network is unreachable(101), type=RTM_NEWROUTE(24)"},
		{report(election.Report{Kind: election.ReportResourceFailed, Resource: election.Route{}, Removing: true, Err: syscall.ESRCH}),
			"ERROR (VI_1) Netlink: error: No such process(3), type=RTM_DELROUTE(25)"},
		{report(election.Report{Kind: election.ReportResourceFailed, Resource: election.Rule{}, Err: syscall.EEXIST}),
			"ERROR (VI_1) Netlink: error: File exists(17), type=RTM_NEWRULE(32)"},
		{report(election.Report{Kind: election.ReportResourceFailed, Resource: election.Rule{}, Removing: true, Err: syscall.ENOENT}),
			"ERROR (VI_1) Netlink: error: No such file or directory(2), type=RTM_DELRULE(33)"},
		{func(l instanceLog) { l.announcing(vip100, "eth0") },
			"DEBUG (VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.77.0.100"},
		{func(l instanceLog) { l.announced(vip100, "eth0") }, "DEBUG Sending gratuitous ARP on eth0 for 10.77.0.100"},
		{func(l instanceLog) { l.announced(vips6[0], "eth0") }, "DEBUG Sending unsolicited Neighbour Advert on eth0 for fe80::100"},
		{func(l instanceLog) {
			groupChanged(l.logger, election.GroupChanged{Group: "G", From: election.Backup, To: election.Master})
		},
			"INFO VRRP_Group(G) Syncing instances to MASTER state"},
		{func(l instanceLog) {
			groupChanged(l.logger, election.GroupChanged{Group: "G", To: election.Backup, Initial: true})
		}, ""},
	} {
		var got []string
		tc.log(newInstanceLog(slog.New(logbook{lines: &got}), &spec))
		var want []string
		if tc.want != "" {
			want = []string{tc.want + " instance=VI_1 vrid=51 interface=eth0"}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("line (-want +got):\n%s", d)
		}
	}
}

func TestAddressesAreLoggedAsTwoLists(t *testing.T) {
	spec := testInstance("VI_1", 51, 100)
	spec.Excluded = spec.Addresses
	var got []string
	l := instanceLog{logger: slog.New(logbook{lines: &got}), name: "VI_1"}
	l.resources(true, &spec)
	spec.Excluded = nil
	l.resources(false, &spec)
	want := []string{"DEBUG (VI_1) setting VIPs.", "DEBUG (VI_1) setting E-VIPs.", "DEBUG (VI_1) removing VIPs."}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

// Every reason has a line of its own, also those without a text of keepalived's.
func TestEveryRejectionIsLogged(t *testing.T) {
	spec := testInstance("VI_1", 51, 100)
	seen := make(map[string]bool)
	for reason := wire.DropTruncated; reason <= wire.DropNotPeer; reason++ {
		var got []string
		l := instanceLog{logger: slog.New(logbook{lines: &got}), name: "VI_1"}
		l.report(election.Report{Kind: election.ReportRejected, Rejected: reason, Source: routerB}, &spec)
		if len(got) != 1 || seen[got[0]] {
			t.Errorf("%s: got %q, want one line of its own", reason, got)
			continue
		}
		seen[got[0]] = true
	}
}
