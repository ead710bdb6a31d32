package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// settleStrict undoes what strict mode forbids, in the order and the words of keepalived 2.2.7. What is only inherited from
// global_defs gives way without a word, but for down_timer_adverts.
func (d *decoder) settleStrict(vi *instanceScratch) {
	if !vi.Strict {
		return
	}
	switch {
	case vi.Priority == 255 && vi.State == StateBackup:
		d.strictly(vi, "(%s) State MASTER must match being address owner", "resetting to MASTER, since the priority is 255")
		vi.State = StateMaster
	case vi.Priority != 255 && vi.State == StateMaster:
		d.strictly(vi, "(%s) State MASTER must match being address owner", "resetting to BACKUP, since the priority is not 255")
		vi.State = StateBackup
	}
	if vi.AuthType != AuthNone {
		d.strictly(vi, "(%s) Strict mode does not support authentication. Ignoring.", "")
		vi.AuthType, vi.AuthPass = AuthNone, ""
	}
	if vi.VMAC.MACIsSet {
		d.strictly(vi, "(%s): cannot specify MAC address with strict mode - clearing", "the one of RFC 9568 is used")
		vi.VMAC.MAC, vi.VMAC.MACIsSet = [6]byte{}, false
	}
	if vi.Family == IPv6 && len(vi.VirtualAddresses) > 0 && !vi.VirtualAddresses[0].Prefix.Addr().IsLinkLocalUnicast() {
		d.strictly(vi, "(%s) the first IPv6 VIP address must be link local", "it is advertised all the same; RFC 9568 asks for it in section 5.2.9")
	}
	if vi.PreemptDelay != 0 && vi.State != StateMaster && vi.Priority != 255 { // of those, settlePreemption says so
		d.strictly(vi, "(%s) preempt_delay is incompatible with strict mode - resetting", "")
		vi.PreemptDelay = 0
	}
	if vi.DownTimerAdverts != 3 {
		d.strictly(vi, "(%s) down_timer_adverts is incompatible with strict mode - resetting", "it is 3")
		vi.DownTimerAdverts = 3
	}
	if vi.Version == 2 && vi.Accept && vi.Priority != 255 {
		d.strictly(vi, "(%s) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting", "")
		vi.Accept = false
	}
	d.strictAnswers(vi)
}

// strictAnswers leaves what an instance does when it hears another master to the RFC.
func (d *decoder) strictAnswers(vi *instanceScratch) {
	if vi.lowerRepeat.or(0) != 0 {
		d.strictly(vi, "(%s) Strict mode requires no repeat garps. resetting", "that is garp_lower_prio_repeat")
	}
	if vi.lowerDelay.or(0) != 0 {
		d.strictly(vi, "(%s) Strict mode requires no repeat garp delay. resetting", "that is garp_lower_prio_delay")
	}
	vi.lowerRepeat.put(0)
	vi.lowerDelay.put(0)
	if !vi.lowerNoAdvert.or(true) {
		d.strictly(vi, "(%s) Strict mode requires no lower priority advert. resetting", "that is lower_prio_no_advert")
	}
	if vi.higherSend.or(false) {
		d.strictly(vi, "(%s) strict mode requires higher_prio_send_advert to be clear. resetting", "")
	}
	vi.LowerPriorityNoAdvert, vi.HigherPrioritySendAdvert = true, false
}

// strictly reports what strict mode undoes. The %s in summary is the name of vi.
func (d *decoder) strictly(vi *instanceScratch, summary, detail string) {
	d.about(vi.node, diag.CodeStrict, fmt.Sprintf(summary, vi.Name), detail)
}
