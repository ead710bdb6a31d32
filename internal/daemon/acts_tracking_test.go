package daemon

import "strings"

// actsTrackers are a tracker of each kind.
const actsTrackers = "vrrp_script x {\nscript /bin/true\n}\nvrrp_track_process x {\nprocess y\n}\ntrack_file x {\nfile /run/x\n}\n" +
	"bfd_instance x {\nneighbor_ip 192.0.2.9\n}\n"

// actsOfTracking adds the keywords about trackers that go with others.
func actsOfTracking(elsewhere map[string][2]string) {
	for _, kind := range []string{"script", "process", "file", "bfd"} {
		elsewhere["@item:track_"+kind+": <NAME>"] = [2]string{actsTrackers + actsInstance + "track_" + kind + " {\nx\n}\n}\n",
			actsTrackers + actsInstance + "}\n"}
	}
	script := func(words string) string {
		return "vrrp_script x {\n" + words + "\n}\n" + actsInstance + "track_script {\nx\n}\n}\n"
	}
	for _, words := range []string{"user nobody", "interval 2", "timeout 2", "weight 5", "rise 2", "fall 2", "init_fail"} {
		keyword, _, _ := strings.Cut(words, " ")
		elsewhere["vrrp_script: "+keyword] = [2]string{script("script /bin/true\n" + words), script("script /bin/true")}
	}
	elsewhere["vrrp_script: script"] = [2]string{script("script /bin/false"), script("script /bin/true")}
	elsewhere["(root): vrrp_script"] = [2]string{script("script /bin/true"), script("")}
	process := func(words string) string {
		return "vrrp_track_process x {\n" + words + "\n}\n" + actsInstance + "track_process {\nx\n}\n}\n"
	}
	for _, words := range []string{"param_match", "weight 5", "quorum 2", "quorum_max 2", "delay 1", "terminate_delay 1", "fork_delay 1",
		"full_command"} {
		keyword, _, _ := strings.Cut(words, " ")
		elsewhere["vrrp_track_process: "+keyword] = [2]string{process("process y\n" + words), process("process y")}
	}
	elsewhere["vrrp_track_process: process"] = [2]string{process("process z"), process("process y")}
	elsewhere["(root): vrrp_track_process"] = [2]string{process("process y"), process("")}
	followed := "virtual_server 192.0.2.1 80 {\nprotocol TCP\nreal_server 10.0.0.1 80 {\n}\n}\n" + actsInstance
	elsewhere["vrrp_instance: track_virtual_server"] = [2]string{followed + "track_virtual_server 192.0.2.1 80\n}\n", followed + "}\n"}
	elsewhere["vrrp_sync_group: track_virtual_server"] = [2]string{
		followed + "}\nvrrp_sync_group G {\ngroup {\nV\n}\ntrack_virtual_server 192.0.2.1 80\n}\n",
		followed + "}\nvrrp_sync_group G {\ngroup {\nV\n}\n}\n"}
	group := func(words string) string {
		return actsTrackers + actsInstance + "track_script {\nx weight 5\n}\n}\nvrrp_sync_group G {\ngroup {\nV\n}\n" + words + "\n}\n"
	}
	for _, words := range []string{"sync_group_tracking_weight", "global_tracking"} {
		elsewhere["vrrp_sync_group: "+words] = [2]string{group(words), group("")}
	}
}
