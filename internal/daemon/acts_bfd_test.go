package daemon

// actsOfBFD adds the keywords of bfd_instance that go with what follows the session.
func actsOfBFD(elsewhere map[string][2]string) {
	session := func(words string) string { return "bfd_instance x {\nneighbor_ip 192.0.2.9\n" + words + "\n}\n" }
	tracking := actsInstance + "track_bfd {\nx\n}\n}\n"
	check := func(words string) string { return actsService + "real_server 10.0.0.1 80 {\n" + words + "\n}\n}\n" }
	follows := check("BFD_CHECK {\nname x\n}")
	elsewhere["bfd_instance: weight"] = [2]string{session("weight 5 reverse") + tracking, session("") + tracking}
	elsewhere["bfd_instance: vrrp"] = [2]string{session("vrrp") + follows, session("") + follows}
	elsewhere["bfd_instance: checker"] = [2]string{session("checker") + tracking, session("") + tracking}
	elsewhere["virtual_server/real_server/BFD_CHECK: name"] = [2]string{session("") + follows, session("") + check("")}
}
