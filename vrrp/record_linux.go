package vrrp

import (
	"log/slog"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/recording"
)

// recordedEngine is an Engine whose inputs are recorded, with what comes of them.
type recordedEngine struct {
	*election.Engine
	recorder *recording.Recorder // nil records nothing
}

func (e recordedEngine) note(in recording.Input, actions []election.InstanceAction) []election.InstanceAction {
	if e.recorder != nil {
		e.recorder.Record(&in, actions)
	}
	return actions
}

// Apply is that of the Engine, recorded; so are the others.
func (e recordedEngine) Apply(now election.Instant, spec election.Spec) []election.InstanceAction {
	return e.note(recording.Input{At: now, Call: recording.Apply, Spec: spec}, e.Engine.Apply(now, spec))
}

func (e recordedEngine) Step(now election.Instant, h election.Handle, ev election.Event) []election.InstanceAction {
	return e.note(recording.Input{At: now, Call: recording.Step, To: h, Event: ev}, e.Engine.Step(now, h, ev))
}

func (e recordedEngine) Wake(now election.Instant) []election.InstanceAction {
	return e.note(recording.Input{At: now, Call: recording.Wake}, e.Engine.Wake(now))
}

func (e recordedEngine) Track(now election.Instant, id track.ID, value int) []election.InstanceAction {
	return e.note(recording.Input{At: now, Call: recording.Track, ID: id, Value: value}, e.Engine.Track(now, id, value))
}

func (e recordedEngine) Stop(now election.Instant) []election.InstanceAction {
	return e.note(recording.Input{At: now, Call: recording.Stop}, e.Engine.Stop(now))
}

// record begins the recording. Without one the addresses are served all the same.
func (r *Runner) record(file, program string) {
	warn := func(err error) {
		r.log.Warn("recording", slog.String("file", file), slog.Any("err", err))
	}
	recorder, err := recording.Create(file, program, warn)
	if err != nil {
		warn(err)
		return
	}
	r.engine.recorder = recorder
}

// endRecord ends the recording. That it could not be written has been told.
func (r *Runner) endRecord() { _ = r.engine.recorder.Close() }
