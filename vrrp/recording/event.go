package recording

import (
	"encoding/json"
	"fmt"

	"vigil/vrrp/election"
)

// resource is a Resource with its kind; exactly one field is set.
type resource struct {
	Address  *election.Address  `json:",omitempty"`
	Route    *election.Route    `json:",omitempty"`
	Rule     *election.Rule     `json:",omitempty"`
	NoAccept *election.NoAccept `json:",omitempty"`
	Promote  *election.Promote  `json:",omitempty"`
}

type failure struct {
	Resource resource
	Err      string
}

type effectDone struct {
	Generation uint64
	Failures   []failure `json:",omitempty"`
}

type hookDone struct {
	Hook   election.HookKind
	Serial uint64
	Err    string `json:",omitempty"`
}

type specChanged struct{ Spec instance }

func resourceOf(r election.Resource) (resource, error) {
	switch r := r.(type) {
	case election.Address:
		return resource{Address: &r}, nil
	case election.Route:
		return resource{Route: &r}, nil
	case election.Rule:
		return resource{Rule: &r}, nil
	case election.NoAccept:
		return resource{NoAccept: &r}, nil
	case election.Promote:
		return resource{Promote: &r}, nil
	}
	return resource{}, fmt.Errorf("resource %T cannot be recorded", r)
}

func (r resource) original() (election.Resource, error) {
	switch {
	case r.Address != nil:
		return *r.Address, nil
	case r.Route != nil:
		return *r.Route, nil
	case r.Rule != nil:
		return *r.Rule, nil
	case r.NoAccept != nil:
		return *r.NoAccept, nil
	case r.Promote != nil:
		return *r.Promote, nil
	}
	return nil, fmt.Errorf("a resource of no known kind")
}

// encodeEvent returns the name and the data of an event.
func encodeEvent(ev election.Event) (name string, data []byte, err error) {
	var body any = ev
	switch ev := ev.(type) {
	case election.Started:
		name = "started"
	case election.AdvertReceived:
		name = "advert"
	case election.AdvertRejected:
		name = "rejected"
	case election.LinkChanged:
		name = "link"
	case election.SourceChanged:
		name = "source"
	case election.TrackerChanged:
		name = "tracker"
	case election.Stop:
		name = "stop"
	case election.Wake:
		name = "wake"
	case election.HookDone:
		name, body = "hook", hookDone{ev.Hook, ev.Serial, textOf(ev.Err)}
	case election.SpecChanged:
		name, body = "spec", specChanged{instance{ev.Spec, ev.Spec.Told.Told()}}
	case election.ResourcesLost:
		list := []resource{}
		for _, r := range ev.Resources {
			one, err := resourceOf(r)
			if err != nil {
				return "", nil, err
			}
			list = append(list, one)
		}
		name, body = "lost", list
	case election.EffectDone:
		done := effectDone{Generation: ev.Generation}
		for _, f := range ev.Failures {
			one, err := resourceOf(f.Resource)
			if err != nil {
				return "", nil, err
			}
			done.Failures = append(done.Failures, failure{one, textOf(f.Err)})
		}
		name, body = "effect", done
	default:
		return "", nil, fmt.Errorf("event %T cannot be recorded", ev)
	}
	data, err = json.Marshal(body)
	return name, data, err
}

// decoded reads data into a T.
func decoded[T election.Event](data []byte) (election.Event, error) {
	var ev T
	err := json.Unmarshal(data, &ev)
	return ev, err
}

func decodeEvent(name string, data []byte) (election.Event, error) {
	switch name {
	case "started":
		return decoded[election.Started](data)
	case "advert":
		return decoded[election.AdvertReceived](data)
	case "rejected":
		return decoded[election.AdvertRejected](data)
	case "link":
		return decoded[election.LinkChanged](data)
	case "source":
		return decoded[election.SourceChanged](data)
	case "tracker":
		return decoded[election.TrackerChanged](data)
	case "stop":
		return decoded[election.Stop](data)
	case "wake":
		return election.Wake{}, nil
	case "hook":
		var h hookDone
		err := json.Unmarshal(data, &h)
		return election.HookDone{Hook: h.Hook, Serial: h.Serial, Err: errText(h.Err)}, err
	case "spec":
		var s specChanged
		err := json.Unmarshal(data, &s)
		s.Spec.InstanceSpec.Told = election.AudienceOf(s.Spec.Audience)
		return election.SpecChanged{Spec: s.Spec.InstanceSpec}, err
	case "lost":
		return decodeLost(data)
	case "effect":
		return decodeEffect(data)
	}
	return nil, fmt.Errorf("event %q is not known", name)
}

func decodeLost(data []byte) (election.Event, error) {
	var list []resource
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	var ev election.ResourcesLost
	for _, r := range list {
		one, err := r.original()
		if err != nil {
			return nil, err
		}
		ev.Resources = append(ev.Resources, one)
	}
	return ev, nil
}

func decodeEffect(data []byte) (election.Event, error) {
	var done effectDone
	if err := json.Unmarshal(data, &done); err != nil {
		return nil, err
	}
	ev := election.EffectDone{Generation: done.Generation}
	for _, f := range done.Failures {
		one, err := f.Resource.original()
		if err != nil {
			return nil, err
		}
		ev.Failures = append(ev.Failures, election.Failure{Resource: one, Err: errText(f.Err)})
	}
	return ev, nil
}
