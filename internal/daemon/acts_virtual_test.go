package daemon

// actsOfVirtualLinks adds the keywords that act only with a virtual link or with addresses that are not accepted.
func actsOfVirtualLinks(elsewhere map[string][2]string) {
	const (
		addresses = "virtual_ipaddress {\n192.0.2.1\n198.51.100.1 dev eth1\n}\n}\n"
		vmac      = actsInstance + "use_vmac\n" + addresses
		extra     = actsInstance + "use_vmac\nuse_vmac_addr\n" + addresses
	)
	global := func(statement, rest string) string { return "global_defs {\n" + statement + "\n}\n" + rest }
	for keyword, words := range map[string]string{"vrrp_iptables": "vrrp_iptables A B", "vrrp_ipsets": "vrrp_iptables\nvrrp_ipsets v4",
		"nftables": "nftables t", "nftables_priority": "nftables_priority 7", "nftables_ifindex": "nftables_ifindex",
		"nftables_counters": "nftables_counters", "vmac_prefix": "vmac_prefix v"} {
		elsewhere["global_defs: "+keyword] = [2]string{global(words, vmac), vmac}
	}
	elsewhere["global_defs: vmac_addr_prefix"] = [2]string{global("vmac_addr_prefix v", extra), extra}
	const routed = "vrrp_instance V {\nvirtual_router_id 1\nunicast_src_ip 192.0.2.8\nunicast_peer {\n192.0.2.9\n}\n" +
		"virtual_ipaddress {\n192.0.2.1 dev eth0\n}\n"
	elsewhere["vrrp_instance: vrf"] = [2]string{routed + "vrf blue\n}\n", routed + "}\n"}
	elsewhere["vrrp_instance: use_vmac_addr"] = [2]string{extra, vmac}
	elsewhere["vrrp_instance: accept"] = [2]string{actsInstance + "version 3\nstrict_mode\naccept\n" + addresses,
		actsInstance + "version 3\nstrict_mode\n" + addresses}
	elsewhere["@item:ipaddress: use_vmac"] = [2]string{actsInstance + "virtual_ipaddress {\n192.0.2.1 use_vmac\n}\n}\n",
		actsInstance + "virtual_ipaddress {\n192.0.2.1\n}\n}\n"}
}
