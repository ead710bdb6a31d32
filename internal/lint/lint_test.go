package lint

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// read loads text as NAME.conf and fails on what must not be applied.
func read(t *testing.T, name, text string) File {
	t.Helper()
	fsys := fstest.MapFS{name + ".conf": {Data: []byte(text), Mode: 0o644}}
	env := confparse.Env{Hostname: "lb1"}
	cfg, ds := confparse.Load(fsys, name+".conf", env)
	if ds.HasFatal() {
		t.Fatalf("%s: %v", name, ds)
	}
	tree, _ := confparse.Parse(fsys, name+".conf", env)
	return File{Config: cfg, Tree: tree, Text: map[string]string{name + ".conf": text}}
}

// brief returns "CODE severity LINE" of each diagnostic.
func brief(ds confparse.Diagnostics) []string {
	list := []string{}
	for _, d := range ds {
		list = append(list, fmt.Sprintf("%s %s %d", d.Code, d.Severity, d.Subject.Start.Line))
	}
	return list
}

// instance returns a vrrp_instance on one line for each statement; more is added to it.
func instance(more ...string) string {
	return "vrrp_instance VI {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.100\n}\n" +
		strings.Join(more, "\n") + "\n}\n"
}

const service = "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\ndelay_loop 6\n" +
	"real_server 192.0.2.11 80 {\nTCP_CHECK {\nconnect_timeout 3\n}\n}\n}\n"

const script = "vrrp_script chk {\nscript \"/bin/true\"\ninterval 2\nweight %d\n}\n"

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		o    Options
		want []string
	}{
		"a sound file":             {text: instance("priority 150") + service},
		"a flag turned off":        {text: instance("state BACKUP", "nopreempt false"), want: []string{"VL3001 warning 8"}},
		"a boolean turned off":     {text: instance("skip_check_adv_addr false")},
		"a flag with another word": {text: instance("state BACKUP", "nopreempt please")},
		"a weight below the lowest priority": {
			text: fmt.Sprintf(script, -5) + instance("priority 1", "track_script {", "chk", "}"),
			want: []string{"VL1001 warning 14"}},
		"a weight above the highest priority": {
			text: instance("priority 254", "track_interface {", "eth1 weight 10", "}"),
			want: []string{"VL1001 warning 9"}},
		"a weight cut by the range, yet with an effect": {
			text: instance("priority 250", "track_interface {", "eth1 weight 10", "}")},
		"a weight too small for the peer": {
			text: instance("priority 100", "track_interface {", "eth1 weight -2", "}"), o: Options{PeerPriority: 90},
			want: []string{"VL1001 warning 9"}},
		"a weight that only ties": {
			text: instance("priority 100", "track_interface {", "eth1 weight -10", "}"), o: Options{PeerPriority: 90},
			want: []string{"VL1001 warning 9"}},
		"a weight just large enough": {
			text: instance("priority 100", "track_interface {", "eth1 weight -11", "}"), o: Options{PeerPriority: 90}},
		"a positive weight counts when all is well": {
			text: instance("priority 85", "track_interface {", "eth1 weight 10", "}"), o: Options{PeerPriority: 90}},
		"two weights that do it together": {
			text: instance("priority 100", "track_interface {", "eth1 weight -6", "eth2 weight -6", "}"), o: Options{PeerPriority: 90},
			want: []string{"VL1001 note 9", "VL1001 note 10"}},
		"the lower director's weights": {
			text: instance("priority 80", "track_interface {", "eth1 weight -2", "}"), o: Options{PeerPriority: 90}},
		"a group's tracker counts for its members": {
			text: instance("priority 100") + "vrrp_sync_group G {\ngroup {\nVI\n}\ntrack_interface {\neth1 weight -2\n}\n}\n",
			o:    Options{PeerPriority: 90}, want: []string{"VL1001 warning 14"}},
		"a file can have any value": {
			text: "track_file f {\nfile /run/f\n}\n" + instance("priority 100", "track_file {", "f", "}"), o: Options{PeerPriority: 90}},
		"weights next to nopreempt": {
			text: instance("state BACKUP", "nopreempt", "track_interface {", "eth1 weight -60", "}"),
			want: []string{"VL1002 note 10"}},
		"strict drops a service": {
			text: instance("version 3", "strict_mode on") + service, want: []string{"VL1003 warning 1"}},
		"strict with accept":       {text: instance("version 3", "strict_mode on", "accept") + service},
		"strict without a service": {text: instance("version 3", "strict_mode on")},
		"strict and the owner":     {text: instance("version 3", "strict_mode on", "state MASTER", "priority 255") + service},
		"a password with a bang": {
			text: instance("authentication {", "auth_type PASS", "auth_pass ab!cd", "}"), want: []string{"VL1004 warning 9"}},
		"a password with a hash": {
			text: instance("authentication {", "auth_type PASS", "auth_pass ab#cd", "}"), want: []string{"VL1004 warning 9"}},
		"a quoted password":                     {text: instance("authentication {", "auth_type PASS", `auth_pass "ab!cd"`, "}")},
		"an escaped bang":                       {text: instance("authentication {", "auth_type PASS", `auth_pass ab\!cd`, "}")},
		"a comment apart":                       {text: instance("authentication {", "auth_type PASS", "auth_pass abcd # as agreed", "}")},
		"a number may have a comment behind it": {text: instance("priority 100# the higher one")},
		"a parameter as password":               {text: "$P=ab\n" + instance("authentication {", "auth_type PASS", "auth_pass ${P}", "}")},
		"itself as peer": {
			text: instance("unicast_src_ip 192.0.2.2", "unicast_peer {", "192.0.2.3", "192.0.2.2", "}"),
			want: []string{"VL1005 error 10"}},
		"a script that overruns": {
			text: "vrrp_script chk {\nscript \"/bin/true\"\ninterval 2\ntimeout 5\nweight -60\n}\n" + instance("track_script {", "chk", "}"),
			want: []string{"VL1006 warning 1"}},
		"alerts to nobody": {text: "global_defs {\nsmtp_alert\n}\n" + instance(), want: []string{"VL1007 warning 0"}},
		"alerts of an instance without a server": {
			text: "global_defs {\nnotification_email {\na@example.net\n}\n}\n" + instance("smtp_alert"), want: []string{"VL1007 warning 6"}},
		"alerts to somebody": {
			text: "global_defs {\nnotification_email {\na@example.net\n}\nsmtp_server 192.0.2.5\nsmtp_alert\n}\n" + instance()},
		"an address of nobody": {
			text: instance() + strings.Replace(service, "192.0.2.100", "192.0.2.101", 1), want: []string{"VL2001 warning 9"}},
		"an excluded address is owned": {
			text: instance("virtual_ipaddress_excluded {", "192.0.2.101", "}") + strings.Replace(service, "192.0.2.100", "192.0.2.101", 1)},
		"no instances at all": {text: service},
		"a group with an address of nobody": {
			text: instance() + "virtual_server_group G {\n192.0.2.100 80\n192.0.2.100-101 443\n}\n" +
				strings.Replace(service, "192.0.2.100 80", "group G", 1),
			want: []string{"VL2001 warning 11"}},
		"one finding for two services of an address": {
			text: instance() + strings.ReplaceAll(service, "192.0.2.100", "192.0.2.101") +
				strings.ReplaceAll(service, "192.0.2.100 80", "192.0.2.101 81"), want: []string{"VL2001 warning 9"}},
		"a connection that waits long": {
			text: instance() + strings.Replace(service, "connect_timeout 3", "connect_timeout 7", 1), want: []string{"VL2002 warning 15"}},
		"a connection that waits until the next": {text: instance() + strings.Replace(service, "connect_timeout 3", "connect_timeout 6", 1)},
		"a program that ends in time": {
			text: instance() + strings.Replace(service, "TCP_CHECK {\nconnect_timeout 3",
				"MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 6", 1)},
		"a program that overruns": {
			text: instance() + strings.Replace(service, "TCP_CHECK {\nconnect_timeout 3",
				"MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 30", 1),
			want: []string{"VL2002 warning 15"}},
		"no check": {
			text: instance() + strings.Replace(service, "TCP_CHECK {\nconnect_timeout 3\n}\n", "", 1), want: []string{"VL2003 note 14"}},
		"no check of members": {
			text: instance() + strings.Replace(service, "real_server ", "real_servers_from /m {\n}\nreal_server ", 1), want: []string{"VL2003 note 14"}},
		"members may have a weight": {
			text: instance() + strings.NewReplacer("TCP_CHECK", "weight 0\nTCP_CHECK", "real_server ", "real_servers_from /m {\nTCP_CHECK {\n}\n}\nreal_server ").Replace(service),
			want: []string{}},
		"another port": {
			text: instance() + strings.Replace(service, "connect_timeout 3", "connect_port 8080", 1), want: []string{"VL2004 note 15"}},
		"another port of every server": {
			text: instance() + strings.NewReplacer("connect_timeout 3\n}\n}\n}", "connect_port 8080\n}\n}\n"+
				"real_server 192.0.2.12 80 {\nTCP_CHECK {\nconnect_port 8080\n}\n}\nreal_server 192.0.2.13 80 {\nTCP_CHECK {\nconnect_port 81\n}\n}\n}").Replace(service),
			want: []string{"VL2004 note 15", "VL2004 note 25"}},
		"no weight": {
			text: instance() + strings.Replace(service, "TCP_CHECK", "weight 0\nTCP_CHECK", 1), want: []string{"VL2005 warning 9"}},
		"plain HTTP on 443": {
			text: instance() + strings.NewReplacer("192.0.2.11 80", "192.0.2.11 443",
				"TCP_CHECK {\nconnect_timeout 3", "HTTP_GET {\nurl {\npath /\nstatus_code 200\n}").Replace(service),
			want: []string{"VL2007 warning 15"}},
		"TLS on 80": {
			text: instance() + strings.Replace(service, "TCP_CHECK {\nconnect_timeout 3", "SSL_GET {\nurl {\npath /\nstatus_code 200\n}", 1),
			want: []string{"VL2007 warning 15"}},
		"TLS on 443": {
			text: instance() + strings.NewReplacer("192.0.2.11 80", "192.0.2.11 443",
				"TCP_CHECK {\nconnect_timeout 3", "SSL_GET {\nurl {\npath /\nstatus_code 200\n}").Replace(service)},
		"a group that meets a service": {
			text: instance() + "virtual_server_group G {\n192.0.2.100 80\n}\n" + service + strings.Replace(service, "192.0.2.100 80", "group G", 1),
			want: []string{"VL2008 warning 10"}},
		"groups that overlap": {
			text: instance("virtual_ipaddress_excluded {", "192.0.2.101", "192.0.2.102", "}") +
				"virtual_server_group G {\n192.0.2.100-102 80\n}\nvirtual_server_group H {\n192.0.2.101 80\n192.0.2.102 80\n}\n" +
				strings.Replace(service, "192.0.2.100 80", "group G", 1) + strings.Replace(service, "192.0.2.100 80", "group H", 1),
			want: []string{"VL2008 warning 16", "VL2008 warning 17"}},
		"marks of two groups": {
			text: "virtual_server_group G {\nfwmark 5\n}\nvirtual_server_group H {\nfwmark 5\n}\n" +
				strings.NewReplacer("192.0.2.100 80", "group G", "protocol TCP\n", "").Replace(service) +
				strings.NewReplacer("192.0.2.100 80", "group H", "protocol TCP\n", "").Replace(service),
			want: []string{"VL2008 warning 5"}},
		"a group for both protocols": {
			text: instance() + "virtual_server_group G {\n192.0.2.100 80\n}\n" + strings.Replace(service, "192.0.2.100 80", "group G", 1) +
				strings.NewReplacer("192.0.2.100 80", "group G", "protocol TCP", "protocol UDP", "connect_timeout 3", "").Replace(service)},
		"groups of two ports": {
			text: instance() + "virtual_server_group G {\n192.0.2.100 80\n}\nvirtual_server_group H {\n192.0.2.100 81\n}\n" +
				strings.Replace(service, "192.0.2.100 80", "group G", 1) + strings.Replace(service, "192.0.2.100 80", "group H", 1)},
		"nopreempt in half a group": {
			text: instance("nopreempt", "state BACKUP") + strings.NewReplacer("VI", "VJ", " 51", " 52", "192.0.2.100", "192.0.2.101").Replace(instance()) +
				"vrrp_sync_group G {\ngroup {\nVI\nVJ\n}\n}\n",
			want: []string{"VL1008 warning 18"}},
		"nopreempt in a whole group": {
			text: instance("nopreempt", "state BACKUP") +
				strings.NewReplacer("VI", "VJ", " 51", " 52", "192.0.2.100", "192.0.2.101").Replace(instance("nopreempt", "state BACKUP")) +
				"vrrp_sync_group G {\ngroup {\nVI\nVJ\n}\n}\n"},
		"adverts from a virtual address": {
			text: instance("unicast_src_ip 192.0.2.100", "unicast_peer {", "192.0.2.3", "}"), want: []string{"VL1009 warning 1"}},
		"multicast from a virtual address": {text: instance("mcast_src_ip 192.0.2.100"), want: []string{"VL1009 warning 1"}},
		"adverts from the owner": {
			text: instance("state MASTER", "priority 255", "unicast_src_ip 192.0.2.100", "unicast_peer {", "192.0.2.3", "}")},
		"adverts from an address of its own": {text: instance("unicast_src_ip 192.0.2.2", "unicast_peer {", "192.0.2.3", "}")},
		"a script nobody tracks":             {text: fmt.Sprintf(script, 0) + instance(), want: []string{"VL1011 note 1"}},
		"a script that a group tracks": {text: fmt.Sprintf(script, 0) + instance() +
			"vrrp_sync_group G {\ngroup {\nVI\n}\ntrack_script {\nchk\n}\n}\n"},
		"a file nobody tracks": {text: "track_file f {\nfile /f\n}\n" + instance(), want: []string{"VL1011 note 1"}},
		"a file that a check follows": {text: "track_file f {\nfile /f\n}\n" + instance() + strings.Replace(service,
			"TCP_CHECK {\nconnect_timeout 3", "FILE_CHECK {\ntrack_file f", 1)},
		"a process nobody tracks":           {text: "vrrp_track_process p {\nprocess sshd\n}\n" + instance(), want: []string{"VL1011 note 1"}},
		"a process that an instance tracks": {text: "vrrp_track_process p {\nprocess sshd\n}\n" + instance("track_process {", "p", "}")},
		"a session nobody tracks":           {text: "bfd_instance b {\nneighbor_ip 192.0.2.9\n}\n" + instance(), want: []string{"VL1011 note 1"}},
		"a session that a check follows": {text: "bfd_instance b {\nneighbor_ip 192.0.2.9\n}\n" + instance() + strings.Replace(service,
			"TCP_CHECK {\nconnect_timeout 3", "BFD_CHECK {\nname b", 1)},
		"a process by the name of a script that is tracked": {text: "vrrp_track_process chk {\nprocess sshd\n}\n" +
			fmt.Sprintf(script, 0) + instance("track_script {", "chk", "}"), want: []string{"VL1011 note 1"}},
		"unicast from anywhere": {text: instance("unicast_peer {", "192.0.2.3", "}"), want: []string{"VL1010 note 1"}},
		"the service as its server": {
			text: instance() + strings.Replace(service, "192.0.2.11", "192.0.2.100", 1), want: []string{"VL2006 warning 14"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want == nil {
				test.want = []string{}
			}
			got := Check(read(t, "a", test.text), test.o)
			if d := cmp.Diff(test.want, brief(got)); d != "" {
				t.Errorf("findings (-want +got):\n%s%v", d, got)
			}
			for _, f := range got {
				if f.Subject.File != "" && f.Line == "" {
					t.Errorf("%s has a place, and no line", f.Code)
				}
			}
		})
	}
}

func TestArithmeticIsShown(t *testing.T) {
	got := Check(read(t, "a", instance("priority 100", "track_interface {", "eth1 weight -2", "}")), Options{PeerPriority: 90})
	want := "all well: 100 against the peer's 90; when it fails: 100 - 2 = 98, not below 90; the weight must be above 10, or 0 for FAULT"
	if len(got) != 1 || got[0].Detail != want {
		t.Errorf("detail: %v", got)
	}
}
