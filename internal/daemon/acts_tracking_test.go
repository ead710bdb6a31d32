package daemon

// actsTrackers are a tracker of each kind.
const actsTrackers = "vrrp_script x {\nscript /bin/true\n}\nvrrp_track_process x {\nprocess y\n}\ntrack_file x {\nfile /run/x\n}\n" +
	"bfd_instance x {\nneighbor_ip 192.0.2.9\n}\n"

// actsOfTracking adds the keywords about trackers that go with others.
func actsOfTracking(elsewhere map[string][2]string) {
	for _, kind := range []string{"script", "process", "file", "bfd"} {
		elsewhere["@item:track_"+kind+": <NAME>"] = [2]string{actsTrackers + actsInstance + "track_" + kind + " {\nx\n}\n}\n",
			actsTrackers + actsInstance + "}\n"}
	}
	group := func(words string) string {
		return actsTrackers + actsInstance + "track_script {\nx weight 5\n}\n}\nvrrp_sync_group G {\ngroup {\nV\n}\n" + words + "\n}\n"
	}
	for _, words := range []string{"sync_group_tracking_weight", "global_tracking"} {
		elsewhere["vrrp_sync_group: "+words] = [2]string{group(words), group("")}
	}
}
