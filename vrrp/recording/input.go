// Package recording keeps what the engine of the virtual routers was given, and gives it to another engine again, whose every
// action must be the same: what happened at a user's becomes a test. The format is described in docs/recording.md.
package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// Input is one call of an Engine.
type Input struct {
	At    election.Instant
	Call  Call
	Spec  election.Spec   // of Apply; Statics are not kept, which no Engine looks at
	To    election.Handle // of Step
	Event election.Event  // of Step
	ID    track.ID        // of Track
	Value int             // of Track
}

// Call is which method was called.
type Call string

// The calls.
const (
	Apply Call = "apply"
	Step  Call = "step"
	Wake  Call = "wake"
	Track Call = "track"
	Stop  Call = "stop"
)

// Into calls e as it was called then.
func (in *Input) Into(e *election.Engine) []election.InstanceAction {
	switch in.Call {
	case Apply:
		return e.Apply(in.At, in.Spec)
	case Step:
		return e.Step(in.At, in.To, in.Event)
	case Wake:
		return e.Wake(in.At)
	case Track:
		return e.Track(in.At, in.ID, in.Value)
	}
	return e.Stop(in.At)
}

// entry is a line of a recording: an input and the actions that came of it.
type entry struct {
	At    election.Instant `json:"at"`
	Call  Call             `json:"call"`
	Spec  *spec            `json:"spec,omitempty"`
	To    election.Handle  `json:"to,omitempty"`
	Event string           `json:"event,omitempty"`
	Data  json.RawMessage  `json:"data,omitempty"`
	ID    *track.ID        `json:"id,omitempty"`
	Value int              `json:"value,omitempty"`
	Then  []string         `json:"then,omitempty"`
}

// spec is a Spec with what JSON would not see: who is told, behind handles.
type spec struct {
	election.Spec
	Instances []instance
	Groups    []group
}

type instance struct {
	election.InstanceSpec
	Audience election.Told
}

type group struct {
	election.GroupSpec
	Audience election.Told
}

func specOf(s *election.Spec) *spec {
	out := &spec{Spec: *s}
	out.Statics = nil
	for _, in := range s.Instances {
		out.Instances = append(out.Instances, instance{in, in.Told.Told()})
	}
	for _, g := range s.Groups {
		out.Groups = append(out.Groups, group{g, g.Told.Told()})
	}
	return out
}

func (s *spec) original() election.Spec {
	out := s.Spec
	out.Instances, out.Groups = nil, nil
	for _, in := range s.Instances {
		in.InstanceSpec.Told = election.AudienceOf(in.Audience)
		out.Instances = append(out.Instances, in.InstanceSpec)
	}
	for _, g := range s.Groups {
		g.GroupSpec.Told = election.AudienceOf(g.Audience)
		out.Groups = append(out.Groups, g.GroupSpec)
	}
	return out
}

// encode returns the line of an input and its actions, without the end of the line.
func encode(in *Input, actions []election.InstanceAction) ([]byte, error) {
	e := entry{At: in.At, Call: in.Call}
	var err error
	switch in.Call {
	case Apply:
		e.Spec = specOf(&in.Spec)
	case Step:
		e.To = in.To
		if e.Event, e.Data, err = encodeEvent(in.Event); err != nil {
			return nil, err
		}
	case Track:
		e.ID, e.Value = &in.ID, in.Value
	}
	if e.Then, err = digest(actions); err != nil {
		return nil, err
	}
	return json.Marshal(&e)
}

// decode is the reverse of encode. It is for the text of whoever wrote the file.
func decode(line []byte) (in Input, then []string, err error) {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return Input{}, nil, err
	}
	in = Input{At: e.At, Call: e.Call, To: e.To, Value: e.Value}
	switch {
	case e.Call == Apply && e.Spec != nil:
		in.Spec = e.Spec.original()
	case e.Call == Step:
		in.Event, err = decodeEvent(e.Event, e.Data)
	case e.Call == Track && e.ID != nil:
		in.ID = *e.ID
	case e.Call == Wake, e.Call == Stop:
	default:
		err = fmt.Errorf("call %q is not known, or incomplete", e.Call)
	}
	if err == nil {
		err = possible(&in)
	}
	return in, e.Then, err
}

// digest is a word for each action: the router, its kind and a sum of all that it says.
func digest(actions []election.InstanceAction) ([]string, error) {
	var list []string
	for _, a := range actions {
		sum := fnv.New64a()
		if err := json.NewEncoder(sum).Encode(plain(a.Action)); err != nil {
			return nil, fmt.Errorf("%T: %w", a.Action, err)
		}
		kind := strings.TrimPrefix(fmt.Sprintf("%T", a.Action), "election.")
		list = append(list, fmt.Sprintf("%d %s %016x", a.Handle, kind, sum.Sum64()))
	}
	return list, nil
}

// plain is an action with errors as their texts and audiences as what they are.
func plain(a election.Action) any {
	switch a := a.(type) {
	case election.Report:
		err := ""
		if a.Err != nil {
			err, a.Err = a.Err.Error(), nil
		}
		return []any{a, err}
	case election.Notify:
		return []any{a, a.Told.Told()}
	}
	return a
}

// errText is an error with the text of one that was recorded.
func errText(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
