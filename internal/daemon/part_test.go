package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vigil/internal/status"
)

// recorder is a part that notes what is asked of it.
type recorder struct {
	name                 string
	refuse, fail, linger error // of prepare, commit and stop
	idle                 bool  // has nothing to commit nor to abort
	log                  *[]string
}

func (r *recorder) note(what string)             { *r.log = append(*r.log, what+" "+r.name) }
func (r *recorder) String() string               { return r.name }
func (r *recorder) diff(old, new Desired) []Step { return []Step{step(Change, "%s", r.name)} }
func (r *recorder) status(*status.Status)        {}
func (r *recorder) unready() string              { return "" }
func (r *recorder) stop() error                  { r.note("stop"); return r.linger }

func (r *recorder) prepare(context.Context, Desired) (prepared, error) {
	r.note("prepare")
	if r.refuse != nil || r.idle {
		return prepared{}, r.refuse
	}
	return prepared{
		commit: func(context.Context) error { r.note("commit"); return r.fail },
		abort:  func() { r.note("abort") },
	}, nil
}

// partsOf makes recorders called a, b, c …
func partsOf(list ...*recorder) (parts []part, log *[]string) {
	log = new([]string)
	for i, r := range list {
		r.name, r.log = string(rune('a'+i)), log
		parts = append(parts, r)
	}
	return parts, log
}

func TestPartsArePreparedCommittedAndStopped(t *testing.T) {
	no := errors.New("no")
	for name, tt := range map[string]struct {
		parts []*recorder
		err   error
		want  []string
	}{
		"all well":           {[]*recorder{{}, {}}, nil, []string{"prepare a", "prepare b", "commit a", "commit b", "stop b", "stop a"}},
		"one has nothing":    {[]*recorder{{idle: true}, {}}, nil, []string{"prepare a", "prepare b", "commit b", "stop b", "stop a"}},
		"the first refuses":  {[]*recorder{{refuse: no}, {}}, no, []string{"prepare a", "stop b", "stop a"}},
		"the last refuses":   {[]*recorder{{}, {}, {refuse: no}}, no, []string{"prepare a", "prepare b", "prepare c", "abort b", "abort a", "stop c", "stop b", "stop a"}},
		"one fails for good": {[]*recorder{{}, {fail: no}, {}}, no, []string{"prepare a", "prepare b", "prepare c", "commit a", "commit b", "abort c", "stop c", "stop b", "stop a"}},
		"one does not stop":  {[]*recorder{{}, {linger: no}}, no, []string{"prepare a", "prepare b", "commit a", "commit b", "stop b", "stop a"}},
	} {
		parts, log := partsOf(tt.parts...)
		all, err := prepareAll(t.Context(), parts, Desired{})
		if err == nil {
			err = commitAll(t.Context(), all)
		}
		err = errors.Join(err, stopAll(parts))
		if !errors.Is(err, tt.err) || !slices.Equal(*log, tt.want) {
			t.Errorf("%s: %v, %q\nwant %v, %q", name, err, *log, tt.err, tt.want)
		}
	}
}

// TestEveryPreparationEndsOnce: whatever parts refuse or fail, each that was prepared is committed or aborted, never
// both, and nothing is committed before everything is prepared.
func TestEveryPreparationEndsOnce(t *testing.T) {
	no := errors.New("no")
	rapid.Check(t, func(t *rapid.T) {
		var list []*recorder
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			r := &recorder{}
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				r.refuse = no
			case 1:
				r.fail = no
			}
			list = append(list, r)
		}
		parts, log := partsOf(list...)
		all, err := prepareAll(context.Background(), parts, Desired{})
		if err == nil {
			_ = commitAll(context.Background(), all) // the ends are what is looked at
		}
		for _, r := range list {
			prepared := slices.Contains(*log, "prepare "+r.name) && r.refuse == nil
			committed, aborted := slices.Contains(*log, "commit "+r.name), slices.Contains(*log, "abort "+r.name)
			if prepared != (committed != aborted) {
				t.Errorf("%s: prepared %v, committed %v, aborted %v: %q", r.name, prepared, committed, aborted, *log)
			}
		}
		first := slices.IndexFunc(*log, func(s string) bool { return s[0] == 'c' })
		if first >= 0 && first != len(list) {
			t.Errorf("committed before everything was prepared: %q", *log)
		}
	})
}

func TestPlanIsTheSumOfTheParts(t *testing.T) {
	parts, _ := partsOf(&recorder{}, &recorder{})
	if got := planOf(parts, Desired{}, Desired{}); !slices.Equal(got.Steps, []Step{{Change, "a"}, {Change, "b"}}) {
		t.Errorf("%v", got)
	}
	if got := planOf(nil, Desired{}, Desired{}); !got.Empty() {
		t.Errorf("%v", got)
	}
}
