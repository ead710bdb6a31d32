package dump

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// router is one with something of everything.
func router() Router {
	program := func(words ...string) confparse.Program { return confparse.ProgramOf(&confparse.Script{Argv: words}) }
	spec := election.InstanceSpec{Name: "V1", Link: "eth0", TrackLink: true, GARP: confparse.GARP{MasterDelay: 1500 * time.Millisecond, MasterRepeat: 5,
		MasterRefreshRepeat: 1, LowerPrioDelay: time.Second, LowerPrioRepeat: 5}, AuthType: 1, AuthData: [8]byte{'s', 'e', 'c', 'r', 'e', 't'},
		Addresses: []election.Address{{Prefix: netip.MustParsePrefix("10.99.0.100/24"), Link: "eth0"},
			{Prefix: netip.MustParsePrefix("10.99.0.101/24"), Link: "eth0", Label: "eth0:1", Broadcast: netip.MustParseAddr("10.99.0.255")}},
		Excluded: []election.Address{{Prefix: netip.MustParsePrefix("10.99.0.110/32"), Link: "eth1", Scope: 254, NoTrack: true}},
		Told:     election.AudienceOf(election.Told{Any: program("/etc/n.sh", "x", "y z"), Master: program("/etc/nm.sh")}),
		Trackers: []election.TrackSpec{{ID: track.InterfaceID("lo")}, {ID: track.ID{Kind: track.Script, Name: "chk"}}, {ID: track.ID{Kind: track.Process, Name: "p"}}}}
	return Router{InstanceStatus: vrrp.InstanceStatus{Name: "V1", VRID: 51, Interface: "eth0", Version: 2, State: vrrp.Master, Want: vrrp.Master, BasePriority: 100,
		Priority: 100, AdvertInterval: time.Second, MasterInterval: time.Second, LastTransition: time.Unix(1795252028, 874174000), AddressesPresent: true,
		Counters: election.Counters{AdvertsSent: 3, BecameMaster: 1, Replayed: 7}, Spec: spec}, Mailed: true}
}

// TestJSONIsKeepalivedsOwn: keys, their order, and the text of what is in them.
func TestJSONIsKeepalivedsOwn(t *testing.T) {
	const want = `{"data":{"iname":"V1","dont_track_primary":0,"skip_check_adv_addr":0,"strict_mode":0,"vmac_ifname":"","ifp_ifname":"eth0","master_priority":0,` +
		`"last_transition":1795252028.874174,"garp_delay":1.5,"garp_refresh":0,"garp_rep":5,"garp_refresh_rep":1,"garp_lower_prio_delay":1,"garp_lower_prio_rep":5,` +
		`"lower_prio_no_advert":0,"higher_prio_send_advert":0,"vrid":51,"base_priority":100,"effective_priority":100,"vipset":true,"promote_secondaries":false,` +
		`"adver_int":1,"master_adver_int":1,"accept":1,"nopreempt":false,"preempt_delay":0,"state":2,"wantstate":2,"version":2,"smtp_alert":true,"notify_deleted":false,` +
		`"script_master":"'\/etc\/nm.sh'","script":"'\/etc\/n.sh' 'x' 'y z'","vips":["10.99.0.100\/24 dev eth0 scope global set",` +
		`"10.99.0.101\/24 brd 10.99.0.255 dev eth0 scope global label eth0:1 set"],"evips":["10.99.0.110 dev eth1 scope host no_track set"],` +
		`"track_ifp":["lo"],"track_script":["\/bin\/chk -a <b>"],"track_process":["p"],"auth_type":1,"auth_data":"********"},` +
		`"stats":{"advert_rcvd":0,"advert_sent":3,"become_master":1,"release_master":0,"packet_len_err":0,"advert_interval_err":0,"ip_ttl_err":0,` +
		`"invalid_type_rcvd":0,"addr_list_err":0,"invalid_authtype":0,"authtype_mismatch":0,"auth_failure":0,"auth_ext_missing":0,"auth_ext_malformed":0,` +
		`"auth_ext_unknown_key":0,"auth_ext_invalid_hmac":0,"auth_ext_stale":0,"auth_ext_replay":7,"pri_zero_rcvd":0,"pri_zero_sent":0}}`
	scripts := map[string]string{"chk": "/bin/chk -a <b>"}
	for version, text := range map[int]string{1: "[" + want + "]\n", 2: `{"vrrp":[` + want + "]}\n"} {
		got, err := JSON([]Router{router()}, version, scripts)
		if diff := cmp.Diff(text, string(got)); err != nil || diff != "" {
			t.Errorf("version %d: %v (-want +got):\n%s", version, err, diff)
		}
		if !json.Valid(got) {
			t.Errorf("version %d is no JSON", version)
		}
	}
}

func TestStatsLayout(t *testing.T) {
	const want = `VRRP Instance: V1
  Advertisements:
    Received: 0
    Sent: 3
  Became master: 1
  Released master: 0
  Packet Errors:
    Length: 0
    TTL: 0
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 0
  Authentication Extension Errors:
    Missing: 0
    Malformed: 0
    Unknown Key: 0
    Invalid HMAC: 0
    Stale: 0
    Replay: 7
  Priority Zero:
    Received: 0
    Sent: 0
`
	if diff := cmp.Diff(want, Stats([]Router{router()})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSinceCoversWhatIsShown: every number of the file is less by what there was before, and one that began anew is whole.
func TestSinceCoversWhatIsShown(t *testing.T) {
	var now, before election.Counters
	for v, n := range map[*election.Counters]uint64{&now: 10, &before: 4} {
		for i := range reflect.ValueOf(v).Elem().NumField() {
			reflect.ValueOf(v).Elem().Field(i).SetUint(n)
		}
	}
	r := router()
	r.Counters = Since(now, before)
	if text := Stats([]Router{r}); strings.Contains(text, ": 10\n") || strings.Count(text, ": 6\n") != 20 {
		t.Error(text)
	}
	before.AdvertsSent = 11
	if got := Since(now, before); got.AdvertsSent != 10 || got.AdvertsReceived != 6 {
		t.Errorf("%+v", got)
	}
}

func TestPathOfADump(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, tmpdir, want string }{
		{"", "", "/tmp/u"}, {"", "relative", "/tmp/u"}, {"", "/nowhere/at/all", "/tmp/u"}, {"", dir, dir + "/u"},
		{"x.json", dir, dir + "/x.json"}, {"/run/x.json", dir, "/run/x.json"}, {"/run/d/", dir, "/run/d/u"}, {"d/", dir, dir + "/d/u"},
	} {
		if got := Path(c.name, "u", c.tmpdir); got != c.want {
			t.Errorf("%q below %q: %s, want %s", c.name, c.tmpdir, got, c.want)
		}
	}
}

// TestDataLayout: headings, indentation and the lines that programs look for.
func TestDataLayout(t *testing.T) {
	script := track.ID{Kind: track.Script, Name: "chk"}
	file := track.ID{Kind: track.File, Name: "tf"}
	b := router()
	b.Name, b.State, b.MasterAddress, b.MasterPriority = "B", vrrp.Backup, netip.MustParseAddr("10.99.0.3"), 150
	b.Spec.AuthType, b.Spec.Addresses, b.Spec.Excluded, b.Spec.Told = 0, nil, nil, election.Audience{}
	b.Spec.NoPreempt, b.Spec.PreemptDelay, b.AdvertInterval = true, time.Minute, 500*time.Millisecond
	b.Spec.Peers, b.Spec.Source, b.Source = []netip.Addr{netip.MustParseAddr("10.99.0.3")}, netip.MustParseAddr("10.99.0.2"), netip.MustParseAddr("10.99.0.2")
	b.Spec.VMAC.Name = "vrrp.51"
	b.Spec.Trackers = []election.TrackSpec{{ID: file, Weight: 2, Reverse: true}}
	got := Data(State{Globals: Globals{RouterID: "lb1", Umask: 0o177}, Routers: []Router{router(), b},
		Groups:  []Group{{GroupStatus: election.GroupStatus{Name: "G", State: vrrp.Master}, Members: []confparse.InstanceName{"V1"}}},
		Scripts: []Script{{Name: "chk", Argv: []string{"/bin/chk", "-a"}, Interval: 2 * time.Second, Rise: 2, Fall: 3}},
		Files:   []File{{Name: "tf", Path: "/run/f"}},
		Trackers: []vrrp.TrackerStatus{{ID: script, Known: true, Value: track.Up, Runs: true, Run: track.Terminating, Effects: []vrrp.TrackerEffect{{Instance: "V1", Weight: -20}}},
			{ID: file, Known: true, Value: 3, Effects: []vrrp.TrackerEffect{{Instance: "B", Weight: 2, Reverse: true}}}}})
	for _, want := range []string{
		"------< Global definitions >------\n Network namespace = (default)\n Network namespace ipvs = (main namespace)\n Router ID = lb1\n umask = 0177\n------< VRRP Topology >------\n VRRP Instance = V1\n   VRRP Version = 2\n   Sync group = G\n   State = MASTER\n   Wantstate = MASTER\n",
		"\n   Tracking instances :\n     V1, weight -20\n   State = requested termination\n", "\n   Interface = eth0\n", "\n   Gratuitous ARP delay = 1\n", "\n   Virtual Router ID = 51\n", "\n   Priority = 100\n   Effective priority = 100\n   Advert interval = 1 sec\n",
		"\n   Authentication type = SIMPLE_PASSWORD\n   Password = ********\n",
		"\n   Virtual IP (2):\n     10.99.0.100/24 dev eth0 scope global set\n     10.99.0.101/24 brd 10.99.0.255 dev eth0 scope global label eth0:1 set\n   Virtual IP Excluded :\n     10.99.0.110 dev eth1 scope host no_track set\n",
		"\n   Tracked interfaces :\n     lo weight 0\n   Tracked scripts :\n     chk weight 0\n   Tracked processes :\n     p weight 0\n   Using smtp notification = yes\n",
		"\n   Generic state transition script = '/etc/n.sh' 'x' 'y z', uid:gid 0:0\n VRRP Instance = B\n",
		"\n   State = BACKUP\n   Master router = 10.99.0.3\n   Master priority = 150\n", "\n   Interface = vrrp.51, vmac on eth0, xmit VMAC interface\n   Using src_ip = 10.99.0.2 (from configuration)\n",
		"\n   Advert interval = 500 milli-sec\n", "\n   Preempt = disabled\n   Preempt delay = 60 secs\n", "\n   Virtual IP (0):\n   Unicast Peer :\n     10.99.0.3\n   Tracked files :\n     tf, weight 2 reverse\n",
		"\n------< VRRP Sync groups >------\n VRRP Sync Group = G, MASTER\n   VRRP member instances :\n     V1\n",
		"\n------< VRRP Scripts >------\n VRRP Script = chk\n   Command = '/bin/chk' '-a'\n   Interval = 2 sec\n   Timeout = 0 sec\n   Rise = 2\n   Fall = 3\n   Status = GOOD\n",
		"\n------< VRRP Track files >------\n Track file = tf\n   File = /run/f\n   Status = 3\n   Tracking instances :\n     B, weight 2 reverse\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret") {
		t.Error("a password is shown")
	}
}

func TestInfix(t *testing.T) {
	for _, c := range [][3]string{{"keepalived.data", "", "keepalived.data"}, {"keepalived.data", "foo", "keepalived.foo.data"}, {"/run/x", "a_b", "/run/x.a_b"}} {
		if got := Infix(c[0], c[1]); got != c[2] {
			t.Errorf("%v: %s", c, got)
		}
	}
}
