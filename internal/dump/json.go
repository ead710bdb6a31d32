package dump

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// Router is a virtual router and what of its configuration only a dump shows.
type Router struct {
	vrrp.InstanceStatus
	Strict bool // strict_mode
	Mailed bool // smtp_alert, or what stands for it
}

// JSON is the text of keepalived.json, on one line. Version 1 is a list of the routers, version 2 an object that has it.
// scripts are the commands of the vrrp_scripts by name.
func JSON(routers []Router, version int, scripts map[string]string) ([]byte, error) {
	list := make([]object, len(routers))
	for i := range routers {
		list[i] = object{dataOf(&routers[i], scripts), statsOf(&routers[i].Counters)}
	}
	var v any = list
	if version == 2 {
		v = map[string]any{"vrrp": list}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("/"), []byte(`\/`)), nil // a slash is only in strings
}

type object struct {
	Data  data  `json:"data"`
	Stats stats `json:"stats"`
}

// seconds is a number of seconds as %g prints it: 1, 0.5.
type seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'g', 6, 64), nil
}

// moment is a Unix time with microseconds.
type moment time.Time

// MarshalJSON implements json.Marshaler.
func (m moment) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%06d", time.Time(m).Unix(), time.Time(m).Nanosecond()/1000), nil
}

// bit is a boolean that is written as a number.
type bit bool

// MarshalJSON implements json.Marshaler.
func (b bit) MarshalJSON() ([]byte, error) {
	if b {
		return []byte("1"), nil
	}
	return []byte("0"), nil
}

// data is a router in keepalived's order.
type data struct {
	Name             string   `json:"iname"`
	DontTrackPrimary bit      `json:"dont_track_primary"`
	SkipCheckAdvAddr bit      `json:"skip_check_adv_addr"`
	Strict           bit      `json:"strict_mode"`
	VMAC             string   `json:"vmac_ifname"`
	Interface        string   `json:"ifp_ifname,omitempty"`
	MasterPriority   uint8    `json:"master_priority"`
	LastTransition   moment   `json:"last_transition"`
	GARPDelay        seconds  `json:"garp_delay"`
	GARPRefresh      seconds  `json:"garp_refresh"`
	GARPRepeat       int      `json:"garp_rep"`
	GARPRefreshRep   int      `json:"garp_refresh_rep"`
	GARPLowerDelay   seconds  `json:"garp_lower_prio_delay"`
	GARPLowerRepeat  int      `json:"garp_lower_prio_rep"`
	LowerNoAdvert    bit      `json:"lower_prio_no_advert"`
	HigherSendAdvert bit      `json:"higher_prio_send_advert"`
	VRID             uint8    `json:"vrid"`
	BasePriority     uint8    `json:"base_priority"`
	Priority         uint8    `json:"effective_priority"`
	VIPSet           bool     `json:"vipset"`
	Promote          bool     `json:"promote_secondaries"`
	Interval         seconds  `json:"adver_int"`
	MasterInterval   seconds  `json:"master_adver_int"`
	Accept           bit      `json:"accept"`
	NoPreempt        bool     `json:"nopreempt"`
	PreemptDelay     seconds  `json:"preempt_delay"`
	State            int      `json:"state"`
	Want             int      `json:"wantstate"`
	Version          uint8    `json:"version"`
	Mailed           bool     `json:"smtp_alert"`
	NotifyDeleted    bool     `json:"notify_deleted"`
	Backup           string   `json:"script_backup,omitempty"`
	Master           string   `json:"script_master,omitempty"`
	Fault            string   `json:"script_fault,omitempty"`
	Stop             string   `json:"script_stop,omitempty"`
	Deleted          string   `json:"script_deleted,omitempty"`
	Any              string   `json:"script,omitempty"`
	LowerMaster      string   `json:"script_master_rx_lower_pri,omitempty"`
	VIPs             []string `json:"vips,omitempty"`
	Excluded         []string `json:"evips,omitempty"`
	Routes           []string `json:"vroutes,omitempty"`
	Rules            []string `json:"vrules,omitempty"`
	Interfaces       []string `json:"track_ifp,omitempty"`
	Scripts          []string `json:"track_script,omitempty"`
	Processes        []string `json:"track_process,omitempty"`
	AuthType         uint8    `json:"auth_type"`
	AuthData         string   `json:"auth_data,omitempty"` // never the password itself
}

func dataOf(r *Router, scripts map[string]string) data {
	s, told := &r.Spec, r.Spec.Told.Told()
	d := data{Name: string(r.Name), DontTrackPrimary: bit(!s.TrackLink), SkipCheckAdvAddr: bit(s.SkipCheckAdvAddr), Strict: bit(r.Strict),
		VMAC: s.VMAC.Name, Interface: r.Interface, MasterPriority: r.MasterPriority, LastTransition: moment(r.LastTransition),
		GARPDelay: seconds(s.GARP.MasterDelay), GARPRefresh: seconds(s.GARP.MasterRefresh), GARPRepeat: s.GARP.MasterRepeat,
		GARPRefreshRep: s.GARP.MasterRefreshRepeat, GARPLowerDelay: seconds(s.GARP.LowerPrioDelay), GARPLowerRepeat: s.GARP.LowerPrioRepeat,
		LowerNoAdvert: bit(s.LowerPriorityNoAdvert), HigherSendAdvert: bit(s.HigherPrioritySendAdvert), VRID: r.VRID,
		BasePriority: r.BasePriority, Priority: r.Priority, VIPSet: r.AddressesPresent, Promote: s.Promote, Interval: seconds(r.AdvertInterval),
		MasterInterval: seconds(r.MasterInterval), Accept: bit(!s.NoAccept), NoPreempt: s.NoPreempt, PreemptDelay: seconds(s.PreemptDelay),
		State: int(r.State), Want: int(r.Want), Version: r.Version, Mailed: r.Mailed, NotifyDeleted: told.SaysDeleted,
		Backup: command(told.Backup), Master: command(told.Master), Fault: command(told.Fault), Stop: command(told.Stop),
		Deleted: command(told.Deleted), Any: command(told.Any), LowerMaster: command(told.LowerMaster),
		VIPs: addresses(s.Addresses, r.AddressesPresent), Excluded: addresses(s.Excluded, r.AddressesPresent), AuthType: uint8(s.AuthType)}
	if s.AuthType != 0 {
		d.AuthData = "********"
	}
	d.Routes, d.Rules = texts(s.Routes), texts(s.Rules)
	for _, t := range s.Trackers {
		switch t.ID.Kind {
		case track.Interface:
			d.Interfaces = append(d.Interfaces, t.ID.Name)
		case track.Script:
			d.Scripts = append(d.Scripts, scripts[t.ID.Name])
		case track.Process:
			d.Processes = append(d.Processes, t.ID.Name)
		}
	}
	return d
}

// command is a program as keepalived prints it: each word in quotes.
func command(p confparse.Program) string { return quotedWords(p.Argv()) }

func quotedWords(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = "'" + w + "'"
	}
	return strings.Join(words, " ")
}

// scopes are the names of address scopes.
var scopes = map[uint8]string{0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}

// addresses are virtual addresses as keepalived prints them: without the length of a host address.
func addresses(list []election.Address, set bool) (texts []string) {
	for _, a := range list {
		var b strings.Builder
		b.WriteString(a.Prefix.String())
		if a.Prefix.IsSingleIP() {
			b.Reset()
			b.WriteString(a.Prefix.Addr().String())
		}
		if a.Broadcast.IsValid() {
			b.WriteString(" brd " + a.Broadcast.String())
		}
		scope, named := scopes[a.Scope]
		if !named {
			scope = strconv.Itoa(int(a.Scope))
		}
		b.WriteString(" dev " + a.Link + " scope " + scope)
		if a.Label != "" {
			b.WriteString(" label " + a.Label)
		}
		if a.Peer.IsValid() {
			b.WriteString(" peer " + a.Peer.String())
		}
		if a.NoTrack {
			b.WriteString(" no_track")
		}
		if set {
			b.WriteString(" set")
		}
		texts = append(texts, b.String())
	}
	return texts
}

// stats are the counters in keepalived's order.
type stats struct {
	AdvertsReceived      uint64 `json:"advert_rcvd"`
	AdvertsSent          uint64 `json:"advert_sent"`
	BecameMaster         uint64 `json:"become_master"`
	ReleasedMaster       uint64 `json:"release_master"`
	LengthErrors         uint64 `json:"packet_len_err"`
	IntervalErrors       uint64 `json:"advert_interval_err"`
	TTLErrors            uint64 `json:"ip_ttl_err"`
	InvalidTypeErrors    uint64 `json:"invalid_type_rcvd"`
	AddressListErrors    uint64 `json:"addr_list_err"`
	InvalidAuthTypes     uint64 `json:"invalid_authtype"`
	AuthTypeMismatches   uint64 `json:"authtype_mismatch"`
	AuthFailures         uint64 `json:"auth_failure"`
	TrailersMissing      uint64 `json:"auth_ext_missing"`
	TrailersMalformed    uint64 `json:"auth_ext_malformed"`
	KeysUnknown          uint64 `json:"auth_ext_unknown_key"`
	HMACFailures         uint64 `json:"auth_ext_invalid_hmac"`
	Stale                uint64 `json:"auth_ext_stale"`
	Replayed             uint64 `json:"auth_ext_replay"`
	PriorityZeroReceived uint64 `json:"pri_zero_rcvd"`
	PriorityZeroSent     uint64 `json:"pri_zero_sent"`
}

func statsOf(c *election.Counters) stats {
	return stats{AdvertsReceived: c.AdvertsReceived, AdvertsSent: c.AdvertsSent, BecameMaster: c.BecameMaster, ReleasedMaster: c.ReleasedMaster,
		LengthErrors: c.LengthErrors, IntervalErrors: c.IntervalErrors, TTLErrors: c.TTLErrors, InvalidTypeErrors: c.InvalidTypeErrors,
		AddressListErrors: c.AddressListErrors, InvalidAuthTypes: c.InvalidAuthTypes, AuthTypeMismatches: c.AuthTypeMismatches,
		AuthFailures: c.AuthFailures, TrailersMissing: c.TrailersMissing, TrailersMalformed: c.TrailersMalformed, KeysUnknown: c.KeysUnknown,
		HMACFailures: c.HMACFailures, Stale: c.Stale, Replayed: c.Replayed, PriorityZeroReceived: c.PriorityZeroReceived,
		PriorityZeroSent: c.PriorityZeroSent}
}
