package healthcheck

import (
	"math"
	"unique"

	"vigil/confparse"
	"vigil/internal/trackfile"
)

// The reasons of FILE_CHECK.
const (
	fileSuccess = "success"
	fileFault   = "failed"
)

var fileWords = words{
	check: "FILE_CHECK",
	verdict: func(t told) string {
		state := " now FAULT state"
		if t.verdict == up {
			state = " leaving FAULT state"
		}
		return "(" + t.server + "): tracked file " + t.spec.shared.Value().asks.(fileQuestion).spec.Value().name + state
	},
	alert: alerting("FILE CHECK succeed on service", "FILE CHECK failed on service"),
}

// fileQuestion is FILE_CHECK: what the number in a file says. It is told of changes.
type fileQuestion struct{ spec unique.Handle[fileSpec] }

type fileSpec struct {
	name    string // of the track_file
	file    trackfile.File
	weight  int32 // 0: the number decides whether the server is up
	reverse bool
}

func askFile(ck *confparse.Checker) question {
	var spec fileSpec
	if x, ok := ck.Detail.(*confparse.FileDetail); ok && x.File != nil {
		f := x.File
		spec = fileSpec{name: x.TrackFile, weight: int32(x.Weight), reverse: x.Reverse,
			file: trackfile.File{Path: f.Path, Init: f.Init, InitValue: f.InitValue, Overwrite: f.Overwrite}}
	}
	return fileQuestion{unique.Make(spec)}
}

// followFile tells of each new number in the file.
func followFile(from sources, asks question, tell func(Result)) (first Result, stop func()) {
	spec := asks.(fileQuestion).spec.Value()
	v, stop := from.files.Follow(spec.file, func(v int32) { tell(spec.judge(v)) })
	return spec.judge(v), stop
}

func (q fileQuestion) attempt(means, int) Checker {
	panic("healthcheck: FILE_CHECK is told, and not asked")
}

// policy: what a file says counts at once.
func (fileQuestion) policy(timing) policy { return policy{} }

func (q fileQuestion) same(o question) bool { return q == o }

// subject implements subject.
func (q fileQuestion) subject() string { return q.spec.Value().file.Path }

// judge says what a number means. Without a weight any number but 0 is a fault, or 0 is with reverse. With one, the
// product is added to the weight of the server, and the lowest there can be is a fault.
func (s fileSpec) judge(v int32) Result {
	status := int(v)
	if s.weight == 0 {
		if (v != 0) != s.reverse {
			return failed(CodeAnswerStatus, fileFault, nil).with(status)
		}
		return passed(CodeAnswered, fileSuccess).with(status)
	}
	product := int64(v) * int64(s.weight)
	if s.reverse {
		product = -product
	}
	if product <= math.MinInt32 {
		return failed(CodeAnswerStatus, fileFault, nil).with(status)
	}
	r := passed(CodeAnswered, fileSuccess).with(status)
	r.Weight.Weight = int32(min(product, math.MaxInt32))
	return r
}
