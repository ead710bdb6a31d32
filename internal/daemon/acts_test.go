package daemon

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/confparse/confparsetest"
)

// effects is everything the program takes from a configuration.
type effects struct {
	desired  Desired
	identity identity
	dynamic  bool // dynamic_interfaces, which decides what a reload refuses
}

// meaningOf is what text means to a machine that has what the samples name.
func meaningOf(text string) *confparse.Config {
	fsys := fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
	cfg, _ := confparse.Load(fsys, "k.conf", confparse.Env{Hostname: "lb1.example.net",
		System: confparse.System{Account: accountOf, Program: programOf, RealPath: realPathOf,
			RouteNames: namesOf}})
	return cfg
}

func effectsOf(text string) effects { return effectsOfConfig(meaningOf(text)) }

func effectsOfConfig(cfg *confparse.Config) effects {
	return effects{NewDesired(cfg), identityOf(cfg, Options{}), cfg.Global.DynamicInterfaces}
}

// accountOf is an account of a machine that has root, nobody and their groups.
func accountOf(user, group string) (uid, gid uint32, err error) {
	ids := map[string]uint32{"root": 0, "nobody": 65534, "nogroup": 65533}
	uid, known := ids[user]
	gid, ok := ids[group]
	if group == "" {
		gid, ok = uid, known
	}
	if !known || !ok {
		return 0, 0, fmt.Errorf("no account %s %s", user, group)
	}
	return uid, gid, nil
}

// namesOf has one table of iproute2, in a directory of its own.
func namesOf(dir, file string) map[string]uint32 {
	if dir == "/own" && file == "rt_tables" {
		return map[string]uint32{"mine": 77}
	}
	return nil
}

// realPathOf has one symbolic link.
func realPathOf(path string) string {
	if path == "/bin/link" {
		return "/bin/true"
	}
	return path
}

// programOf says that a program can be run, and by whom it can be changed.
func programOf(path string, _, _ uint32) confparse.ProgramState {
	if strings.HasPrefix(path, "/tmp/") {
		return confparse.ProgramInsecure
	}
	return confparse.ProgramOK
}

// differ reports whether two configurations make the program do different things.
func differ(a, b string) bool { return !reflect.DeepEqual(effectsOf(a), effectsOf(b)) }

const (
	actsInstance = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\n"
	actsUnicast  = actsInstance + "version 3\nunicast_peer {\n192.0.2.9\n}\n"
	actsService  = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nprotocol TCP\n"
	actsProgram  = "real_server 10.0.0.1 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}\n"
	actsLink     = "real_server 10.0.0.1 80 {\nMISC_CHECK {\nmisc_path /bin/link\n}\n}\n}\n"
	actsFile     = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nprotocol TCP\nreal_server 10.0.0.1 80 {\nFILE_CHECK {\ntrack_file f\n}\n}\n}\n"
	actsWebCheck = "real_server 10.0.0.1 80 {\nHTTP_GET {\nurl {\npath /\n}\n}\n"
)

// actsGroup is a virtual server of a group with an entry besides its first.
func actsGroup(entry string) string {
	return "virtual_server_group G {\n198.51.100.1 80\n" + entry + "\n}\nvirtual_server group G {\nlb_algo rr\nprotocol TCP\n" +
		actsWebCheck + "}\n}\n"
}

// actsMail is alerts by mail, with one more statement.
func actsMail(statement string) string {
	return "global_defs {\nsmtp_server 192.0.2.5\nnotification_email {\na@example.net\n}\n" + statement + "\n}\n"
}

// actsElsewhere are keywords whose effect the rows do not show, because it takes more than one block, or another
// surrounding: a configuration with and one without each of them.
var actsElsewhere = map[string][2]string{
	"global_defs: checker_log_all_failures": {"global_defs {\nchecker_log_all_failures\n}\n" + actsService + actsWebCheck + "}\n}\n",
		actsService + actsWebCheck + "}\n}\n"},
	"global_defs: default_interface": {"global_defs {\ndefault_interface eth1\n}\nstatic_ipaddress {\n192.0.2.1/24\n}\n",
		"static_ipaddress {\n192.0.2.1/24\n}\n"},
	"global_defs: script_user":       {"global_defs {\nscript_user nobody\n}\n" + actsService + actsProgram, actsService + actsProgram},
	"global_defs: use_symlink_paths": {"global_defs {\nuse_symlink_paths\n}\n" + actsService + actsLink, actsService + actsLink},
	"global_defs: set_supplementary_groups": {"global_defs {\nset_supplementary_groups\n}\n" + actsService + actsProgram,
		actsService + actsProgram},
	"global_defs: enable_script_security": {"global_defs {\nenable_script_security\n}\n" + actsService + actsProgram,
		actsService + actsProgram},
	"(root): track_file":      {"track_file f {\nfile /run/f\n}\n" + actsFile, actsFile},
	"(root): vrrp_track_file": {"vrrp_track_file f {\nfile /run/f\n}\n" + actsFile, actsFile},
	"track_file: file":        {"track_file f {\nfile /run/f\n}\n" + actsFile, "track_file f {\nfile /run/g\n}\n" + actsFile},
	"track_file: weight":      {"track_file f {\nfile /run/f\nweight 2\n}\n" + actsFile, "track_file f {\nfile /run/f\n}\n" + actsFile},
	"track_file: init_file":   {"track_file f {\nfile /run/f\ninit_file\n}\n" + actsFile, "track_file f {\nfile /run/f\n}\n" + actsFile},
	"global_defs: vrrp_mcast_group6": {"global_defs {\nvrrp_mcast_group6 ff02::99\n}\n" + actsInstance + "virtual_ipaddress {\nfe80::1\n}\n}\n",
		actsInstance + "virtual_ipaddress {\nfe80::1\n}\n}\n"},
	"virtual_server: virtualhost":             {actsService + "virtualhost a\n" + actsWebCheck + "}\n}\n", actsService + actsWebCheck + "}\n}\n"},
	"virtual_server/real_server: virtualhost": {actsService + actsWebCheck + "virtualhost a\n}\n}\n", actsService + actsWebCheck + "}\n}\n"},
	"(root): global_defs":                     {"global_defs {\nlvs_flush\n}\n", ""},
	"(root): vrrp_sync_group":                 {actsInstance + "}\nvrrp_sync_group G {\ngroup {\nV\n}\n}\n", actsInstance + "}\n"},
	"vrrp_sync_group: group":                  {actsInstance + "}\nvrrp_sync_group G {\ngroup {\nV\n}\n}\n", actsInstance + "}\n"},
	"@item:name: <NAME>":                      {actsInstance + "}\nvrrp_sync_group G {\ngroup {\nV\n}\n}\n", actsInstance + "}\n"},
	"virtual_server: ip_family": {"virtual_server fwmark 1 {\nip_family inet6\nlvs_method TUN\nreal_server 10.0.0.1 80 {\n}\n}\n",
		"virtual_server fwmark 1 {\nlvs_method TUN\nreal_server 10.0.0.1 80 {\n}\n}\n"},
	"virtual_server: lb_kind":    {actsService + "lb_kind DR\n" + actsWebCheck + "}\n}\n", actsService + actsWebCheck + "}\n}\n"},
	"virtual_server: lvs_method": {actsService + "lvs_method DR\n" + actsWebCheck + "}\n}\n", actsService + actsWebCheck + "}\n}\n"},
	"@item:lvs_method: NAT":      {actsService + "lvs_method DR\nlvs_method NAT\n" + actsWebCheck + "}\n}\n", actsService + "lvs_method DR\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: laddr_group": {"laddr_group L {\n192.0.2.9\n}\n" + actsService + "lvs_method FNAT\nladdr_group L\n" + actsWebCheck + "}\n}\n",
		"laddr_group L {\n192.0.2.9\n}\n" + actsService + "lvs_method FNAT\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: laddr_group_name": {"laddr_group L {\n192.0.2.9\n}\n" + actsService + "lvs_method FNAT\nladdr_group_name L\n" + actsWebCheck + "}\n}\n",
		"laddr_group L {\n192.0.2.9\n}\n" + actsService + "lvs_method FNAT\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: sh-port":     {actsService + "lb_algo sh\nsh-port\n" + actsWebCheck + "}\n}\n", actsService + "lb_algo sh\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: sh-fallback": {actsService + "lb_algo sh\nsh-fallback\n" + actsWebCheck + "}\n}\n", actsService + "lb_algo sh\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: mh-port":     {actsService + "lb_algo mh\nmh-port\n" + actsWebCheck + "}\n}\n", actsService + "lb_algo mh\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: mh-fallback": {actsService + "lb_algo mh\nmh-fallback\n" + actsWebCheck + "}\n}\n", actsService + "lb_algo mh\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: sorry_server_inhibit": {actsService + "sorry_server 10.0.0.9 80\nsorry_server_inhibit\n" + actsWebCheck + "}\n}\n",
		actsService + "sorry_server 10.0.0.9 80\n" + actsWebCheck + "}\n}\n"},
	"virtual_server: sorry_server_lvs_method": {actsService + "sorry_server 10.0.0.9 80\nsorry_server_lvs_method DR\n" + actsWebCheck + "}\n}\n",
		actsService + "sorry_server 10.0.0.9 80\n" + actsWebCheck + "}\n}\n"},
	"global_defs: lvs_notify_fifo_script":  {"global_defs {\nlvs_notify_fifo /run/f\nlvs_notify_fifo_script /bin/true\n}\n", "global_defs {\nlvs_notify_fifo /run/f\n}\n"},
	"global_defs: smtp_server":             {actsMail(""), "global_defs {\nnotification_email {\na@example.net\n}\n}\n"},
	"global_defs: notification_email":      {actsMail(""), "global_defs {\nsmtp_server 192.0.2.5\n}\n"},
	"global_defs: notification_email_from": {actsMail("notification_email_from b@example.net"), actsMail("")},
	"global_defs: smtp_helo_name":          {actsMail("smtp_helo_name b"), actsMail("")},
	"global_defs: smtp_connect_timeout":    {actsMail("smtp_connect_timeout 7"), actsMail("")},
	"global_defs: smtp_alert":              {actsMail("smtp_alert"), actsMail("")},
	"global_defs: smtp_alert_vrrp":         {actsMail("smtp_alert_vrrp"), actsMail("")},
	"global_defs: no_email_faults":         {actsMail("no_email_faults"), actsMail("")},
	"global_defs: no_checker_emails":       {actsMail("no_checker_emails"), actsMail("")},
	"global_defs: notify_fifo_script":      {"global_defs {\nnotify_fifo /run/f\nnotify_fifo_script /bin/true\n}\n", "global_defs {\nnotify_fifo /run/f\n}\n"},
	"global_defs: vrrp_notify_fifo_script": {"global_defs {\nvrrp_notify_fifo /run/f\nvrrp_notify_fifo_script /bin/true\n}\n", "global_defs {\nvrrp_notify_fifo /run/f\n}\n"},
	"global_defs: startup_script_timeout":  {"global_defs {\nstartup_script /bin/true\nstartup_script_timeout 7\n}\n", "global_defs {\nstartup_script /bin/true\n}\n"},
	"global_defs: shutdown_script_timeout": {"global_defs {\nshutdown_script /bin/true\nshutdown_script_timeout 7\n}\n", "global_defs {\nshutdown_script /bin/true\n}\n"},
	"global_defs: smtp_alert_checker":      {actsMail("smtp_alert_checker off"), actsMail("")},
	"global_defs: router_id":               {actsMail("router_id b"), actsMail("")},
	"global_defs: nftables_ipvs":           {"global_defs {\nnftables_ipvs\n}\n" + actsGroup(""), actsGroup("")},
	"global_defs: nftables_ipvs_priority": {"global_defs {\nnftables_ipvs\nnftables_ipvs_priority 5\n}\n" + actsGroup(""),
		"global_defs {\nnftables_ipvs\n}\n" + actsGroup("")},
	"global_defs: nftables_ipvs_start_fwmark": {"global_defs {\nnftables_ipvs\nnftables_ipvs_start_fwmark 5\n}\n" + actsGroup(""),
		"global_defs {\nnftables_ipvs\n}\n" + actsGroup("")},
	"(root): virtual_server_group":                   {actsGroup("192.0.2.9 80"), actsGroup("")},
	"@item:vsg_entry: <IPADDR> [<PORT>]":             {actsGroup("192.0.2.9 80"), actsGroup("192.0.2.9 81")},
	"@item:vsg_entry: <IPADDR>-<N> [<PORT>]":         {actsGroup("192.0.2.9-11 80"), actsGroup("192.0.2.9 80")},
	"@item:vsg_entry: <IPADDR>-<IPADDR> [<PORT>]":    {actsGroup("192.0.2.9-192.0.2.11 80"), actsGroup("192.0.2.9 80")},
	"@item:vsg_entry: <IPADDR>/<PREFIXLEN> [<PORT>]": {actsGroup("192.0.2.8/29 80"), actsGroup("192.0.2.8 80")},
	"@item:vsg_entry: fwmark":                        {actsGroup("fwmark 7"), actsGroup("")},
	"vrrp_instance: preempt":                         {actsInstance + "nopreempt\npreempt\n}\n", actsInstance + "nopreempt\n}\n"},
	"global_defs: v3_checksum_as_v2":                 {"global_defs {\nv3_checksum_as_v2\n}\n" + actsInstance + "version 3\n}\n", actsInstance + "version 3\n}\n"},
	"global_defs: vrrp_rx_bufs_multiplier": {"global_defs {\nvrrp_rx_bufs_policy MTU\nvrrp_rx_bufs_multiplier 5\n}\n" + actsInstance + "}\n",
		"global_defs {\nvrrp_rx_bufs_policy MTU\n}\n" + actsInstance + "}\n"},
	"vrrp_instance: v3_checksum_as_v2":    {actsInstance + "version 3\nv3_checksum_as_v2\n}\n", actsInstance + "version 3\n}\n"},
	"vrrp_instance: old_unicast_checksum": {actsUnicast + "old_unicast_checksum\n}\n", actsUnicast + "}\n"},
	"vrrp_instance: native_ipv6":          {actsInstance + "native_ipv6\n}\n", actsInstance + "}\n"},
}

// actsOfURLs adds the keywords of HTTP_GET and SSL_GET that go with others: a name to ask for, and an expression.
func actsOfURLs(elsewhere map[string][2]string) {
	for _, kind := range []string{"HTTP_GET", "SSL_GET"} {
		check := func(own, url string) string {
			return actsService + "virtualhost v\nreal_server 10.0.0.1 80 {\n" + kind + " {\n" + own + "\nurl {\npath /\n" + url + "\n}\n}\n}\n}\n"
		}
		path := "virtual_server/real_server/" + kind
		elsewhere[path+": enable_sni"] = [2]string{check("enable_sni", ""), check("", "")}
		for _, words := range []string{"regex_no_match", "regex_options caseless", "regex_min_offset 1", "regex_max_offset 1", "regex_stack 1024 2048"} {
			keyword, _, _ := strings.Cut(words, " ")
			elsewhere[path+"/url: "+keyword] = [2]string{check("", "regex a\n"+words), check("", "regex a")}
		}
	}
}

// actsOfSync adds the keywords that go with lvs_sync_daemon, which goes with virtual servers or an instance.
func actsOfSync(elsewhere map[string][2]string) {
	with := func(words string) string {
		return "global_defs {\nlvs_sync_daemon eth1\n" + words + "\n}\n" + actsService + actsWebCheck + "}\n}\n"
	}
	elsewhere["global_defs: lvs_sync_daemon"] = [2]string{with(""), actsService + actsWebCheck + "}\n}\n"}
	for _, words := range []string{"sync_threshold 5 60", "sync_refresh_period 5", "sync_retries 2", "sync_qlen_max 7", "backup_only", "sync_wait 7"} {
		keyword, _, _ := strings.Cut(words, " ")
		elsewhere["global_defs: "+keyword] = [2]string{with(words), with("")}
	}
}

// actsAnywhere is actsElsewhere with what other files add to it.
func actsAnywhere() map[string][2]string {
	elsewhere := maps.Clone(actsElsewhere)
	actsOfURLs(elsewhere)
	actsOfTracking(elsewhere)
	actsOfVirtualLinks(elsewhere)
	actsOfBFD(elsewhere)
	actsOfRoutes(elsewhere)
	actsOfSync(elsewhere)
	return elsewhere
}

// actsOnReading are keywords that decide what is read, or what is reported, and nothing else.
var actsOnReading = map[string]bool{"global_defs: include_check": true, "vrrp_instance: no_virtual_ipaddress": true, "virtual_server: hashed": true,
	"@item:ipaddress: (unknown word)": true, "@item:route: (unknown word)": true, "@item:rule: (unknown word)": true,
	"@item:route: inet": true, "@item:route: as": true}

// firstStatement cuts the statement that text begins with off what follows it on further lines.
func firstStatement(text string) (statement, rest string) {
	depth := 0
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		case '\n':
			if depth == 0 {
				return text[:i], text[i+1:]
			}
		}
	}
	return text, ""
}

// actsIn reports whether a try of the row changes what the program does: against what surrounds it or, for a word of an
// item, against the item up to that word.
func actsIn(b confparsetest.Block, r confparsetest.Row) bool {
	for _, x := range r.Tries {
		statement := b.Statement(r, x)
		_, without := firstStatement(statement)
		if b.IsList() {
			if x.Codes != "" {
				continue // that an item is dropped shows nothing of its words
			}
			without = b.Plain
			if before, _, found := strings.Cut(statement, " "+r.Word); found {
				without = before
			}
		}
		if differ(b.With(statement), b.With(without)) {
			return true
		}
	}
	return false
}

// TestActedOnMeansThatItChangesSomething: a keyword is listed as acted on exactly when some value of it changes what the
// program does.
func TestActedOnMeansThatItChangesSomething(t *testing.T) {
	listed := map[string]bool{}
	for _, c := range confparse.Keywords() {
		listed[c.Path+": "+c.Keyword] = c.ActedOn
	}
	shown := map[string]bool{}
	elsewhere := actsAnywhere()
	for _, b := range confparsetest.Read(t, "../../confparse/testdata/rows") {
		for _, r := range b.Rows {
			name := b.Path + ": " + r.Word
			want, known := listed[name]
			if !known {
				continue
			}
			acts := actsIn(b, r)
			if pair, ok := elsewhere[name]; ok && !acts {
				acts, shown[name] = differ(pair[0], pair[1]), true
			}
			if acts != want && !actsOnReading[name] {
				t.Errorf("%s: acts %v, listed %v", name, acts, want)
			}
			shown[name] = shown[name] || acts || actsOnReading[name]
		}
	}
	for name, acted := range listed {
		if acted && !shown[name] && !strings.HasPrefix(name, "(lexical)") {
			t.Errorf("%s is listed as acted on, and nothing shows it", name)
		}
	}
}
