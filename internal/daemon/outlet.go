package daemon

import (
	"context"
	"log/slog"
	"sync/atomic"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/internal/script"
)

// pipeSpec is notify_fifo, lvs_notify_fifo or vrrp_notify_fifo.
type pipeSpec struct {
	Path   string // "": none
	Owner  confparse.Identity
	Reader confparse.Program // the _script, which gets the path as its last argument
}

func pipeOf(f *confparse.FIFO) pipeSpec {
	if f.Path == "" {
		return pipeSpec{}
	}
	return pipeSpec{Path: f.Path, Owner: f.Owner, Reader: confparse.ProgramOf(&f.Script)}
}

// outlet is a named pipe and the program that reads it. Its write may be called from any goroutine, the rest is for the
// daemon's.
type outlet struct {
	name    string
	log     *slog.Logger
	scripts *script.Runner
	pipe    atomic.Pointer[notify.Pipe] // nil: none

	spec        pipeSpec
	writer      *task              // of the pipe
	reader      context.CancelFunc // nil: nobody that we have started reads
	readerEnded chan struct{}
}

// write writes a line about an object, without its end.
func (o *outlet) write(about, line string) {
	if p := o.pipe.Load(); p != nil {
		p.Write(about, line)
	}
}

// lost is how many lines of the pipe nobody has read in time.
func (o *outlet) lost() uint64 {
	if p := o.pipe.Load(); p != nil {
		return p.Lost()
	}
	return 0
}

// set makes next the pipe. One that cannot be had is reported, and there is none then, until the next set.
func (o *outlet) set(next pipeSpec) {
	if next == o.spec {
		return
	}
	o.close()
	if next.Path == "" {
		return
	}
	p, err := notify.OpenPipe(next.Path, int(next.Owner.UID), int(next.Owner.GID))
	if err != nil {
		o.log.Error(o.name+" cannot be had", "err", err)
		return
	}
	if next.Reader.Exists() {
		o.read(command(next.Reader.With(next.Path)))
	}
	o.writer = startTask(o.name, nil, func(ctx context.Context) error {
		err := p.Run(ctx)
		if err != nil {
			o.log.Error(o.name+" is not written any more", "err", err)
		}
		return err
	})
	o.pipe.Store(p)
	o.spec = next
}

// read has a program run that reads the pipe.
func (o *outlet) read(c script.Command) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	o.reader, o.readerEnded = cancel, ended
	go func() {
		defer close(ended)
		if e := o.scripts.Execute(ctx, c); ctx.Err() == nil {
			o.log.Warn(o.name+"_script has ended", "program", c.Argv[0], "how", e.String())
		}
	}()
}

// close writes what is left, as far as it is read, and has the reader end.
func (o *outlet) close() {
	o.pipe.Store(nil)
	o.writer.stop(tellStopLimit)
	o.writer = nil
	if o.reader != nil {
		o.reader()
		<-o.readerEnded
		o.reader = nil
	}
	o.spec = pipeSpec{}
}

func command(p confparse.Program) script.Command {
	return script.Command{Argv: p.Argv(), File: p.File,
		As: script.Identity{UID: p.As.UID, GID: p.As.GID, Supplementary: p.As.Supplementary}}
}
