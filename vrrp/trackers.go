package vrrp

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// TrackerStatus is what is known of an object that virtual routers follow. Interfaces are not among them: their state is
// that of the links.
type TrackerStatus struct {
	ID      track.ID
	Known   bool // something was heard of it
	Value   int  // track.Up or track.Down; of a file its number
	Since   time.Time
	Runs    bool // it is the script whose program is in the state Run
	Run     track.RunState
	Effects []TrackerEffect // in configuration order of the routers
}

// TrackerEffect is what comes of a tracked object for one virtual router.
type TrackerEffect struct {
	Instance confparse.InstanceName
	Weight   int
	Reverse  bool
	Points   int  // that it adds to the priority
	Fault    bool // it alone is a reason for FAULT
}

// State returns up, down or unknown. A file is up while it holds no router in FAULT.
func (t TrackerStatus) State() string {
	down := t.Value == track.Down
	if t.ID.Kind == track.File {
		down = slices.ContainsFunc(t.Effects, func(e TrackerEffect) bool { return e.Fault })
	}
	switch {
	case !t.Known:
		return "unknown"
	case down:
		return "down"
	}
	return "up"
}

// trackersOf combines what routers follow with what is known of it, by kind and name. A router that resigns follows nothing
// any more.
func trackersOf(routers []InstanceStatus, k known) []TrackerStatus {
	by := make(map[track.ID]*TrackerStatus)
	for i := range routers {
		in := &routers[i]
		if in.Resigning {
			continue
		}
		for _, t := range in.Spec.Trackers {
			if t.ID.Kind == track.Interface {
				continue
			}
			one := by[t.ID]
			if one == nil {
				value, known := k.values[t.ID]
				if !known && t.ID.Kind != track.File {
					value = track.Up // as it counts until something is heard
				}
				one = &TrackerStatus{ID: t.ID, Known: known, Value: value, Since: k.since[t.ID]}
				one.Run, one.Runs = k.runs[t.ID]
				by[t.ID] = one
			}
			e := TrackerEffect{Instance: in.Name, Weight: t.Weight, Reverse: t.Reverse}
			if owner := in.BasePriority == election.OwnerPriority; !owner && (one.Known || t.ID.Kind != track.Script) {
				e.Points = t.Points(one.Value)
			}
			if in.BasePriority != election.OwnerPriority || t.Weight == 0 {
				e.Fault = t.Fails(one.Value)
			}
			one.Effects = append(one.Effects, e)
		}
	}
	list := make([]TrackerStatus, 0, len(by))
	for _, t := range by {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b TrackerStatus) int {
		return cmp.Or(cmp.Compare(a.ID.Kind, b.ID.Kind), strings.Compare(a.ID.Name, b.ID.Name))
	})
	return list
}

// The metrics of trackers. keepalived_script_status and keepalived_script_state are the names that an exporter for keepalived has
// for them.
var (
	trackerLabels = []string{"kind", "name"}
	effectLabels  = []string{"kind", "name", "iname"}

	scriptDesc    = desc("script_status", "Whether the tracked script succeeds: 0 BAD, 1 GOOD. Absent until it has run.", []string{"name"})
	scriptRunDesc = desc("script_state", "How far the program of the tracked script is: 0 idle, 1 running, 2 told to end, 3 killed.", []string{"name"})
	trackerDesc   = desc("vrrp_tracker_value", "What a tracked object says: 1 up, 0 down; of a file its number. Absent until something is known.",
		trackerLabels)
	trackerSinceDesc = desc("vrrp_tracker_since_timestamp_seconds", "Unix time since which it has said so.", trackerLabels)
	pointsDesc       = desc("vrrp_tracker_points", "What a tracked object adds to the priority of a virtual router now.", effectLabels)
	trackerFaultDesc = desc("vrrp_tracker_fault", "Whether a tracked object holds a virtual router in FAULT.", effectLabels)
)

func describeTrackers(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{scriptDesc, scriptRunDesc, trackerDesc, trackerSinceDesc, pointsDesc, trackerFaultDesc} {
		ch <- d
	}
}

func collectTrackers(ch chan<- prometheus.Metric, list []TrackerStatus) {
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "\uFFFD")
		}
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, t := range list {
		kind := strings.ReplaceAll(t.ID.Kind.String(), " ", "_")
		if t.Runs {
			put(scriptRunDesc, float64(t.Run), t.ID.Name)
		}
		if t.Known {
			if t.ID.Kind == track.Script {
				put(scriptDesc, float64(t.Value), t.ID.Name)
			}
			put(trackerDesc, float64(t.Value), kind, t.ID.Name)
			put(trackerSinceDesc, float64(t.Since.UnixNano())/1e9, kind, t.ID.Name)
		}
		seen := make(map[confparse.InstanceName]bool, len(t.Effects))
		for _, e := range t.Effects {
			if seen[e.Instance] {
				continue // a series must not occur twice
			}
			seen[e.Instance] = true
			fault := 0.0
			if e.Fault {
				fault = 1
			}
			put(pointsDesc, float64(e.Points), kind, t.ID.Name, string(e.Instance))
			put(trackerFaultDesc, fault, kind, t.ID.Name, string(e.Instance))
		}
	}
}
