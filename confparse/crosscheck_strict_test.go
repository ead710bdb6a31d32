package confparse

import "strings"

const strictGlobal = "global_defs {\nvrrp_strict\n}\n"

const password = "authentication {\nauth_type PASS\nauth_pass x\n}"

// strictly is a file with vrrp_strict and one instance.
func strictly(more string, addresses ...string) string {
	return strictGlobal + instance("A", "eth0", 1, more, addresses...)
}

// strictlyAs is strictly of an instance whose state and priority are not BACKUP and 100.
func strictlyAs(state, priority, more string, addresses ...string) string {
	return strings.NewReplacer("state BACKUP\n", state+"\n", "priority 100\n", priority+"\n").Replace(strictly(more, addresses...))
}

// nowhere is an instance without an address.
func nowhere(name string, vrid int, more string) string {
	return strings.Replace(instance(name, "eth0", vrid, more), "virtual_ipaddress {\n192.0.2.1\n}\n", "", 1)
}

// strictChecks are the rules of strict mode, and those of version 3 without an address.
var strictChecks = []crossCheck{
	{name: "nothing that strict mode forbids", text: strictly("nopreempt\nuse_vmac\nmcast_dst_ip 224.0.0.19\nskip_check_adv_addr")},
	{name: "strict: unicast", text: strictly(peers("10.0.0.2"))},
	{name: "strict: state MASTER below 255", text: strictlyAs("state MASTER", "priority 100", ""), exit: 5,
		want: []string{"(A) State MASTER must match being address owner"}},
	{name: "strict: state BACKUP with 255", text: strictlyAs("state BACKUP", "priority 255", ""), exit: 5,
		want: []string{"(A) State MASTER must match being address owner"}},
	{name: "strict: an owner without a state", text: strictlyAs("", "priority 255", "")},
	{name: "strict: a MASTER without a priority", text: strictlyAs("state MASTER", "", "")},
	{name: "strict: password", text: strictly(password), exit: 5, want: []string{"(A) Strict mode does not support authentication. Ignoring."}},
	{name: "strict: password in version 3", text: strictly(password + "\nversion 3"), exit: 5,
		want: []string{"(A) Strict mode does not support authentication. Ignoring."}},
	{name: "strict: accept in version 2", text: strictly("accept"), exit: 5,
		want: []string{"(A) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting"}},
	{name: "strict: accept of an owner", text: strictlyAs("state MASTER", "priority 255", "accept")},
	{name: "strict: accept in version 3", text: strictly("version 3\naccept")},
	{name: "strict: preempt_delay", text: strictly("preempt_delay 5"), exit: 5,
		want: []string{"(A) preempt_delay is incompatible with strict mode - resetting"}},
	{name: "strict: preempt_delay of an owner", text: strictlyAs("", "priority 255", "preempt_delay 5"), exit: 5,
		want: []string{"(A) Warning - preempt delay will not work with initial state MASTER - clearing"}},
	{name: "strict: down_timer_adverts", text: strictly("down_timer_adverts 5"), exit: 5,
		want: []string{"(A) down_timer_adverts is incompatible with strict mode - resetting"}},
	{name: "strict: vrrp_down_timer_adverts", text: "global_defs {\nvrrp_strict\nvrrp_down_timer_adverts 5\n}\n" + instance("A", "eth0", 1, ""),
		exit: 5, want: []string{"(A) down_timer_adverts is incompatible with strict mode - resetting"}},
	{name: "strict: answers to a lower master", text: strictly("garp_lower_prio_repeat 3\ngarp_lower_prio_delay 4\nlower_prio_no_advert off"),
		exit: 5, want: []string{"(A) Strict mode requires no repeat garps. resetting", "(A) Strict mode requires no repeat garp delay. resetting",
			"(A) Strict mode requires no lower priority advert. resetting"}},
	{name: "strict: answers to a higher master", text: strictly("higher_prio_send_advert"), exit: 5,
		want: []string{"(A) strict mode requires higher_prio_send_advert to be clear. resetting"}},
	{name: "strict: answers that are inherited", text: "global_defs {\nvrrp_strict\nvrrp_lower_prio_no_advert off\nvrrp_higher_prio_send_advert\n" +
		"vrrp_garp_lower_prio_repeat 3\nvrrp_garp_lower_prio_delay 3\n}\n" + instance("A", "eth0", 1, "")},
	{name: "strict: answers that are none", text: strictly("garp_lower_prio_repeat 0\ngarp_lower_prio_delay 0\nlower_prio_no_advert\nhigher_prio_send_advert off")},
	{name: "strict: a MAC address", text: strictly("use_vmac vm 02:00:00:00:00:01"), exit: 5,
		want: []string{"(A): cannot specify MAC address with strict mode - clearing"}},
	{name: "strict: vmac_xmit_base", text: strictly("use_vmac\nvmac_xmit_base\npromote_secondaries"), exit: 5, want: []string{
		"(A) xmit_base is incompatible with strict mode - resetting", "(A) promote_secondaries is automatically set for vmacs - ignoring"}},
	{name: "strict: vmac_xmit_base without a virtual MAC", text: strictly("vmac_xmit_base"), exit: 5,
		want: []string{"(A) vmac_xmit_base is only valid with a vmac"}},
	{name: "strict: unicast with a virtual MAC", text: strictly(peers("10.0.0.2") + "\nuse_vmac"), exit: 5, want: []string{
		"(A) unicast with use_vmac requires vmac_xmit_base - setting", "(A) xmit_base is incompatible with strict mode - resetting"}},
	{name: "strict: IPv6 in version 2", text: strictly("version 2\nadvert_int 0.5", "fe80::1"), exit: 5,
		want: []string{"(A) cannot use IPv6 with VRRP version 2; setting version 3"}},
	{name: "strict: a link-local address first", text: strictly("", "fe80::1", "2001:db8::1")},
	{name: "strict: another address first", text: strictly("", "2001:db8::1", "fe80::1"), exit: 5,
		want: []string{"(A) the first IPv6 VIP address must be link local"}},
	{name: "strict: all at once", text: strictlyAs("state MASTER", "priority 100", password+"\nuse_vmac 02:00:00:00:00:01\nvmac_xmit_base\naccept\n"+
		"preempt_delay 4\ndown_timer_adverts 4", "192.0.2.1"), exit: 5, want: []string{
		"(A) State MASTER must match being address owner",
		"(A) Strict mode does not support authentication. Ignoring.",
		"(A): cannot specify MAC address with strict mode - clearing",
		"(A) preempt_delay is incompatible with strict mode - resetting",
		"(A) down_timer_adverts is incompatible with strict mode - resetting",
		"(A) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting",
		"(A) xmit_base is incompatible with strict mode - resetting"}},

	{name: "strict: no address", text: strictGlobal + nowhere("A", 1, ""), exit: 5,
		want: []string{"(A) No VIP specified; at least one is required"}},
	{name: "version 3: no address", text: nowhere("A", 1, "version 3"), exit: 5,
		want: []string{"(A) No VIP specified; at least one is required"}},
	{name: "version 3: none but excluded ones", text: nowhere("A", 1, "version 3\nvirtual_ipaddress_excluded {\n192.0.2.9\n}"), exit: 5,
		want: []string{"(A) No VIP specified; at least one is required"}},
	{name: "IPv6: no address", text: nowhere("A", 1, "mcast_src_ip fe80::5"), exit: 5,
		want: []string{"(A) No VIP specified; at least one is required"}},
	{name: "version 2: no address", text: nowhere("A", 1, ""), exit: 5,
		want: []string{"(A) No VIP specified; at least one is sensible"}},
}
