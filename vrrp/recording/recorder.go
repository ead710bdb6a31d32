package recording

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"vigil/vrrp/election"
)

// header is the first line of a recording.
type header struct {
	Recording string `json:"recording"` // format
	Version   int    `json:"version"`
	Program   string `json:"program,omitempty"` // that wrote it
}

// trailer is the last line of a recording that was ended on purpose.
type trailer struct {
	End string `json:"end"`
}

const (
	format  = "vigil"
	version = 1

	// Limit is how many bytes a recording has at most, but for its last line.
	Limit = 64 << 20
	// backlog is how many lines may wait for the disk.
	backlog = 8192
)

// Why a recording ended.
const (
	EndStopped = "stopped" // the daemon was
	EndFull    = "full"    // Limit is reached
	EndBehind  = "behind"  // the disk did not keep up
	EndFailed  = "failed"  // an input could not be written down
)

// Recorder writes a recording. Its methods are for one goroutine; they never wait for the disk: a recording that cannot keep
// up ends. A nil Recorder records nothing.
type Recorder struct {
	lines   chan []byte
	done    chan struct{}
	written int64
	limit   int64
	ended   bool
	failed  func(error) // called once
	err     error       // of the file; after done
}

// Previous is what is put behind the name of a recording when another is begun in its place: what led to the end of a process
// outlives the start of the next.
const Previous = ".1"

// Create begins a recording in the file of that name, which only its owner can read: passwords are in it. A recording that is
// there already has Previous behind its name from then on. program is who writes it. failed is told, at most once and from any
// goroutine, when the file cannot be written or the recording ends early.
func Create(name, program string, failed func(error)) (*Recorder, error) {
	if was, err := os.Lstat(name); err == nil && was.Mode().IsRegular() && was.Size() > 0 {
		if err := os.Rename(name, name+Previous); err != nil {
			return nil, fmt.Errorf("begin a recording: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin a recording: %w", err)
	}
	return begin(f, program, Limit, failed), nil
}

func begin(w io.WriteCloser, program string, limit int64, failed func(error)) *Recorder {
	r := &Recorder{lines: make(chan []byte, backlog), done: make(chan struct{}), limit: limit, failed: failed}
	go r.write(w)
	r.line(header{format, version, program})
	return r
}

// write is the goroutine that waits for the disk.
func (r *Recorder) write(w io.WriteCloser) {
	defer close(r.done)
	buf := bufio.NewWriter(w)
	keep := func(err error) {
		if err != nil && r.err == nil {
			r.err = fmt.Errorf("write the recording: %w", err)
			r.failed(r.err)
		}
	}
	for line := range r.lines {
		_, err := buf.Write(append(line, '\n'))
		if len(r.lines) == 0 && err == nil {
			err = buf.Flush()
		}
		keep(err)
	}
	keep(buf.Flush())
	keep(w.Close())
}

func (r *Recorder) line(v any) {
	if b, err := json.Marshal(v); err == nil {
		r.lines <- b
	}
}

// Record notes a call of the Engine and what came of it.
func (r *Recorder) Record(in *Input, actions []election.InstanceAction) {
	if r == nil || r.ended {
		return
	}
	b, err := encode(in, actions)
	switch {
	case err != nil:
		r.end(EndFailed, fmt.Errorf("the recording ends: %w", err))
	case r.written+int64(len(b)) > r.limit:
		r.end(EndFull, fmt.Errorf("the recording ends: it has %d MiB", r.limit>>20))
	case len(r.lines) >= cap(r.lines)-1: // the last place is for the last line
		r.end(EndBehind, fmt.Errorf("the recording ends: the disk does not keep up"))
	default:
		r.written += int64(len(b)) + 1
		r.lines <- b
	}
}

func (r *Recorder) end(why string, err error) {
	r.ended = true
	r.line(trailer{why})
	close(r.lines)
	if err != nil {
		r.failed(err)
	}
}

// Close ends the recording and waits for the disk. The error is that of the file.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	if !r.ended {
		r.end(EndStopped, nil)
	}
	<-r.done
	return r.err
}
