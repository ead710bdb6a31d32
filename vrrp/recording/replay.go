package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"vigil/vrrp/election"
)

// maxLine is how long a line may be: a reload of many thousand virtual routers.
const maxLine = 256 << 20

// Summary is what a recording has.
type Summary struct {
	Program string // that wrote it
	Inputs  int
	Actions int
	Span    time.Duration // from the first input to the last
	End     string        // why it ends; "" when it breaks off
}

// Error is a line that cannot be used.
type Error struct {
	Line    int
	Message string
}

// Error returns line N: message.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Difference is the first input from which something else came than then.
type Difference struct {
	Line      int
	Input     Input
	Then, Now []string                  // a word for each action
	Actions   []election.InstanceAction // now
}

// Error says which action differs.
func (d *Difference) Error() string {
	i := 0
	for i < len(d.Then) && i < len(d.Now) && d.Then[i] == d.Now[i] {
		i++
	}
	word := func(list []string) string {
		if i < len(list) {
			return list[i]
		}
		return "nothing more"
	}
	s := fmt.Sprintf("line %d: at %v, %s: action %d was %q and is %q", d.Line, time.Duration(d.Input.At), d.Input.what(), i+1, word(d.Then), word(d.Now))
	if i < len(d.Actions) {
		s += fmt.Sprintf(": %+v", d.Actions[i].Action)
	}
	return s
}

func (in *Input) what() string {
	switch in.Call {
	case Step:
		return fmt.Sprintf("%T to router %d", in.Event, in.To)
	case Track:
		return fmt.Sprintf("%v is %d", in.ID, in.Value)
	}
	return string(in.Call)
}

// Replay gives what a recording has to a new Engine and compares what comes of it. visit, if not nil, is called with every
// input and its actions, before they are compared. The error is an *Error, a *Difference or that of r; a recording that breaks
// off in the middle of a line is used up to there.
func Replay(r io.Reader, visit func(*Input, []election.InstanceAction)) (sum Summary, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	whole := false // whether the line had its end
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		n, line, err := bufio.ScanLines(data, atEOF)
		whole = n > 0 && data[n-1] == '\n'
		return n, line, err
	})
	if !lines.Scan() {
		return sum, readError(lines.Err(), 1, "the file is empty: it is no recording")
	}
	var h header
	if err := json.Unmarshal(lines.Bytes(), &h); err != nil || h.Recording != format {
		return sum, &Error{1, "this is no recording: it does not begin with {\"recording\":\"" + format + "\""}
	}
	if h.Version != version {
		return sum, &Error{1, fmt.Sprintf("the recording has version %d of the format, and this program reads version %d: use the one that wrote it (%s)", h.Version, version, h.Program)}
	}
	sum.Program = h.Program
	p := player{engine: election.NewEngine(), visit: visit, sum: &sum}
	line := 1
	for lines.Scan() {
		line++
		if sum.End != "" {
			return sum, &Error{line, "the recording goes on after its end"}
		}
		if err := p.play(line, lines.Bytes(), whole); err != nil {
			return sum, err
		}
	}
	return sum, readError(lines.Err(), line+1, "")
}

func readError(err error, line int, otherwise string) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return &Error{line, fmt.Sprintf("the line is longer than %d MiB", maxLine>>20)}
	case err != nil:
		return err
	case otherwise != "":
		return &Error{line, otherwise}
	}
	return nil
}

type player struct {
	engine *election.Engine
	visit  func(*Input, []election.InstanceAction)
	sum    *Summary
	first  election.Instant
	last   election.Instant
}

func (p *player) play(line int, text []byte, whole bool) error {
	if bytes.HasPrefix(text, []byte(`{"end":`)) {
		var t trailer
		if json.Unmarshal(text, &t) == nil && t.End != "" {
			p.sum.End = t.End
			return nil
		}
	}
	in, then, err := decode(text)
	switch {
	case err != nil && !whole:
		return nil // the process died while it was written
	case err != nil:
		return &Error{line, strings.TrimPrefix(err.Error(), "json: ")}
	}
	if p.sum.Inputs == 0 {
		p.first, p.last = in.At, in.At
	}
	// A packet that came while the process was held up is of a later moment than what is concluded next.
	p.last = max(p.last, in.At)
	p.sum.Inputs++
	p.sum.Span = p.last.Sub(p.first)
	actions := in.Into(p.engine)
	p.sum.Actions += len(actions)
	if p.visit != nil {
		p.visit(&in, actions)
	}
	now, err := digest(actions)
	if err != nil {
		return &Error{line, err.Error()}
	}
	if !slices.Equal(then, now) {
		return &Difference{Line: line, Input: in, Then: then, Now: now, Actions: slices.Clone(actions)}
	}
	return nil
}
