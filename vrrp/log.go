package vrrp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// The texts are keepalived's, which operators grep for. What keepalived says only with --log-detail is logged at
// slog.LevelDebug, everything else at slog.LevelInfo, failures of the system at slog.LevelError.

// instanceLog logs what happens to one virtual router. The handler behind it must not block: the Runner's goroutine
// logs, and adverts wait for it.
type instanceLog struct {
	logger *slog.Logger
	name   confparse.InstanceName
}

func newInstanceLog(logger *slog.Logger, s *election.InstanceSpec) instanceLog {
	return instanceLog{name: s.Name, logger: logger.With(
		slog.String("instance", string(s.Name)), slog.Int("vrid", int(s.VRID)), slog.String("interface", s.Link))}
}

func (l instanceLog) logf(level slog.Level, format string, args ...any) {
	if l.logger.Enabled(context.Background(), level) {
		l.logger.Log(context.Background(), level, "("+string(l.name)+") "+fmt.Sprintf(format, args...))
	}
}

func (l instanceLog) infof(format string, args ...any)  { l.logf(slog.LevelInfo, format, args...) }
func (l instanceLog) debugf(format string, args ...any) { l.logf(slog.LevelDebug, format, args...) }

// stateChanged logs a transition. A router that was told to stop enters no state that keepalived has a line for.
func (l instanceLog) stateChanged(c election.StateChanged) {
	switch {
	case c.To == election.Init:
	case c.Initial && c.To != election.Master:
		l.infof("Entering %s STATE (init)", c.To)
	case c.Cause == election.CauseResume:
		l.infof("Entering %s STATE (resumed)", c.To)
	default:
		l.infof("Entering %s STATE", c.To)
	}
}

// report logs a Report of the Machine, which has already limited the rate.
func (l instanceLog) report(r election.Report, s *election.InstanceSpec) {
	switch r.Kind {
	case election.ReportAdvertTimeout:
		l.debugf("Receive advertisement timeout")
	case election.ReportPriorityZeroReceived:
		l.infof("Backup received priority 0 advertisement")
	case election.ReportMasterPriorityZero:
		l.infof("Master received priority 0 message")
	case election.ReportLowerPriority:
		election := ", forcing new election"
		if s.LowerPriorityNoAdvert {
			election = ""
		}
		l.infof("Received advert from %s with lower priority %d, ours %d%s", r.Source, r.Theirs, r.Ours, election)
	case election.ReportLowerDiscarded:
		l.infof("received lower priority (%d) advert from %s - discarding", r.Theirs, r.Source)
	case election.ReportSameAddress:
		l.infof("WARNING - equal priority advert received from remote host with our IP address.")
	case election.ReportHigherPriority:
		l.infof("Master received advert from %s with higher priority %d, ours %d", r.Source, r.Theirs, r.Ours)
	case election.ReportSamePriority:
		l.infof("Master received advert from %s with same priority %d but higher IP address than ours", r.Source, r.Theirs)
	case election.ReportIntervalDiffers:
		l.infof("advertisement interval mismatch ours = %d centi-sec rcv'd=%d centi-sec", r.Ours, r.Theirs)
	case election.ReportAddressesDiffer:
		if r.Theirs != r.Ours {
			l.infof("expected %d VIPs but received %d from %s", r.Ours, r.Theirs, r.Source)
			return
		}
		l.infof("ip address associated with VRID %d not present in advert from %s", s.VRID, r.Source)
	case election.ReportPriorityChanged:
		l.infof("Changing effective priority from %d to %d", r.Theirs, r.Ours)
	case election.ReportPreemptDelayStarted:
		l.infof("start preempt delay (%d.%06d)", s.PreemptDelay/time.Second, s.PreemptDelay%time.Second/time.Microsecond)
	case election.ReportPreemptDelayStopped:
		l.infof("stop preempt delay")
	case election.ReportPreemptionWaits:
		l.infof("takes over from %s when %s", r.Source, condition(election.TrackSpec{ID: s.PreemptWhen}, true))
	case election.ReportPriorityZeroSent:
		l.debugf("sent 0 priority")
	case election.ReportResourceFailed:
		l.resourceFailed(r.Resource, r.Removing, r.Err)
	case election.ReportResourceInstalled:
		l.infof("%s is in place now", resourceText(r.Resource))
	case election.ReportResourceRepaired:
		l.infof("%s is put back", resourceText(r.Resource))
	case election.ReportResourceLeft:
		if r.Theirs > 0 {
			l.infof("%s was removed again, it is put back in %d ms", resourceText(r.Resource), r.Theirs)
		}
	case election.ReportHookFailed:
		l.failed(r.Hook.String()+" failed", r.Err)
	case election.ReportHookTimedOut:
		l.infof("%v is not waited for any longer", r.Hook)
	case election.ReportHookSucceeded:
		l.infof("%v has succeeded", r.Hook)
	case election.ReportClockSkew:
		l.infof("clock of %s differs by %d sec, which is more than half of the window of %d sec", r.Source, r.Theirs, r.Ours)
	case election.ReportChecksumDiffers:
		l.infof("checksums of %s cover %s, ours %s", r.Source, wire.Checksum(r.Theirs), wire.Checksum(r.Ours))
	case election.ReportRejected:
		l.rejected(r, s)
	}
}

// resourceText names a resource.
func resourceText(res election.Resource) string {
	switch res := res.(type) {
	case election.Address:
		return res.Prefix.String()
	case election.NoAccept:
		return "no_accept of " + res.Addr.String()
	case election.Promote:
		return "promote_secondaries of " + res.Link
	}
	return fmt.Sprint(res)
}

// rejected logs why a packet was refused.
func (l instanceLog) rejected(r election.Report, s *election.InstanceSpec) {
	switch r.Rejected {
	case wire.DropTruncated:
		l.infof("truncated vrrp packet from %s", r.Source)
	case wire.DropLength:
		l.infof("vrrp packet from %s has wrong length", r.Source)
	case wire.DropTTL:
		if r.Theirs > 0 { // from a unicast peer, outside of the range of the configuration
			l.infof("TTL/HL %d from %s not in range", r.Theirs, r.Source)
			return
		}
		l.infof("invalid TTL/HL from %s. expect %d", r.Source, wire.TTL)
	case wire.DropVersion:
		l.infof("wrong VRRP version from %s. Received %d and expect %d", r.Source, r.Theirs, s.Version)
	case wire.DropAuthTypeInvalid:
		l.infof("Invalid auth type from %s: %d", r.Source, r.Theirs)
	case wire.DropAuthTypeMismatch:
		l.infof("received a %d auth from %s, expecting %d!", r.Theirs, r.Source, r.Ours)
	case wire.DropTrailerMissing, wire.DropTrailerMalformed:
		l.infof("%s from %s", r.Rejected, r.Source)
	case wire.DropKeyUnknown:
		l.infof("unknown authentication key id %d from %s", r.Theirs, r.Source)
	case wire.DropHMAC:
		l.infof("invalid authentication HMAC from %s", r.Source)
	case wire.DropStale:
		l.infof("stale authentication trailer from %s, clock skew %d sec exceeds window %d sec", r.Source, r.Theirs, r.Ours)
	case wire.DropReplay:
		l.infof("replayed authentication trailer from %s", r.Source)
	case wire.DropSPI:
		l.infof("IPSEC AH : invalid IPSEC SPI value from %s", r.Source)
	case wire.DropSequence:
		l.infof("IPSEC-AH : sequence number %d from %s already processed. Packet dropped. Local(%d)", r.Theirs, r.Source, r.Ours)
	case wire.DropOwner:
		l.infof("Dropping packet(s) from %s since we are address owner", r.Source)
	case wire.DropAuthFailure:
		if s.AuthType == wire.AuthAH {
			l.infof("IPSEC-AH : invalid IPSEC HMAC-MD5 value from %s. Due to fields mutation or bad password !", r.Source)
			return
		}
		l.infof("received an invalid passwd from %s!", r.Source)
	case wire.DropInterval:
		l.infof("advertisement interval mismatch with %s mine=%d sec rcv'd=%d sec", r.Source, r.Ours, r.Theirs)
	case wire.DropType:
		l.infof("Invalid packet type from %s. expect %d", r.Source, wire.TypeAdvert)
	case wire.DropChecksum:
		l.infof("Invalid VRRPv%d checksum from %s", s.Version, r.Source)
	case wire.DropNotPeer:
		l.infof("unicast source address %s not a unicast peer", r.Source)
	default:
		l.infof("packet from %s rejected: %s", r.Source, r.Rejected)
	}
}

// resources logs that resources are about to be installed or removed.
func (l instanceLog) resources(present bool, s *election.InstanceSpec) {
	verb, what := "removing", []string{"Virtual Rules", "Virtual Routes", "VIPs.", "E-VIPs."}
	there := []bool{len(s.Rules) > 0, len(s.Routes) > 0, len(s.Addresses) > 0, len(s.Excluded) > 0}
	order := []int{0, 1, 2, 3}
	if present {
		verb, order = "setting", []int{2, 3, 1, 0}
	}
	for _, i := range order {
		if there[i] {
			l.debugf("%s %s", verb, what[i])
		}
	}
}

// resourceFailed logs what could not be installed or removed: of routes and rules in keepalived's words, and in ours.
func (l instanceLog) resourceFailed(res election.Resource, removing bool, err error) {
	kinds := map[bool]string{false: "RTM_NEWROUTE(24)", true: "RTM_DELROUTE(25)"}
	var errno syscall.Errno
	switch res.(type) {
	case election.Route:
	case election.Rule:
		kinds = map[bool]string{false: "RTM_NEWRULE(32)", true: "RTM_DELRULE(33)"}
	default:
		l.failed("cannot change addresses", err)
		return
	}
	if !errors.As(err, &errno) || errno == 0 {
		l.failed("cannot change routes and rules", err)
		return
	}
	text := errno.Error()
	l.failed(fmt.Sprintf("Netlink: error: %s(%d), type=%s", strings.ToUpper(text[:1])+text[1:], int(errno), kinds[removing]), err)
}

// announcement is what keepalived calls a gratuitous ARP or a neighbour advertisement.
func announcement(addr netip.Addr, many bool) string {
	switch {
	case addr.Is4() && many:
		return "gratuitous ARPs"
	case addr.Is4():
		return "gratuitous ARP"
	case many:
		return "unsolicited Neighbour Adverts"
	}
	return "unsolicited Neighbour Advert"
}

func (l instanceLog) announcing(addr netip.Addr, link string) {
	l.debugf("Sending/queueing %s on %s for %s", announcement(addr, true), link, addr)
}

// announced logs one announcement; keepalived has no instance in this line.
func (l instanceLog) announced(addr netip.Addr, link string) {
	if l.logger.Enabled(context.Background(), slog.LevelDebug) {
		l.logger.Debug(fmt.Sprintf("Sending %s on %s for %s", announcement(addr, false), link, addr))
	}
}

func (l instanceLog) announceFailed(err error) { l.failed("announcement failed", err) }

func (l instanceLog) passOnFailed(err error) {
	l.logger.Warn("("+string(l.name)+") connections under way will be reset", slog.Any("err", err))
}

func (l instanceLog) quietFailed(err error) {
	l.logger.Warn("("+string(l.name)+") neighbours that ask during a hand-over may learn the old address", slog.Any("err", err))
}

func (l instanceLog) failed(what string, err error) {
	l.logger.Error("("+string(l.name)+") "+what, slog.Any("err", err))
}

// sendFailed logs an advert that could not be sent.
func (l instanceLog) sendFailed(to netip.Addr, unicast bool, err error) {
	var errno syscall.Errno
	switch ok := errors.As(err, &errno); {
	case unicast:
		l.failed(fmt.Sprintf("Cant send advert to %s (%s)", to, err), err)
	case ok:
		l.failed(fmt.Sprintf("send advert error %d (%s)", errno, errno), err)
	default:
		l.failed(fmt.Sprintf("send advert error (%s)", err), err)
	}
}

// groupChanged logs that a sync group moved; keepalived does not mention the first state.
func groupChanged(logger *slog.Logger, g election.GroupChanged) {
	if !g.Initial && g.To != election.Init {
		logger.Info(fmt.Sprintf("VRRP_Group(%s) Syncing instances to %s state", g.Group, g.To),
			slog.String("group", string(g.Group)))
	}
}
