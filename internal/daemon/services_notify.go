package daemon

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/internal/script"
	"vigil/ipvs"
)

// tellStopLimit is how long programs that are told of the end may take.
const tellStopLimit = time.Second

// pipeSpec is lvs_notify_fifo.
type pipeSpec struct {
	Path   string // "": none
	Owner  confparse.Identity
	Reader confparse.Program // lvs_notify_fifo_script
}

func pipeOf(f *confparse.FIFO) pipeSpec {
	if f.Path == "" {
		return pipeSpec{}
	}
	return pipeSpec{Path: f.Path, Owner: f.Owner, Reader: confparse.ProgramOf(&f.Script)}
}

// teller tells a pipe and programs what happens to virtual and real servers. Its tell may be called from any goroutine, the
// rest is for the daemon's.
type teller struct {
	log      *slog.Logger
	scripts  *script.Runner
	programs *notify.Programs[confparse.Program]
	pipe     atomic.Pointer[notify.Pipe] // nil: none

	mail atomic.Pointer[mailing] // nil: nobody is written to

	spec        pipeSpec
	writer      *task              // of the pipe
	reader      context.CancelFunc // nil: nobody that we have started reads
	readerEnded chan struct{}
}

func newTeller(log *slog.Logger, scripts *script.Runner) *teller {
	t := &teller{log: log, scripts: scripts}
	t.programs = notify.NewPrograms(t.run)
	return t
}

// run runs a program to its end.
func (t *teller) run(ctx context.Context, p confparse.Program) {
	if e := t.scripts.Insist(ctx, command(p)); e.Err != nil && ctx.Err() == nil {
		t.log.Error("A program cannot be run", "program", p.Argv()[0], "err", e.Err)
	}
}

func command(p confparse.Program) script.Command {
	return script.Command{Argv: p.Argv(),
		As: script.Identity{UID: p.As.UID, GID: p.As.GID, Supplementary: p.As.Supplementary}}
}

// tell tells of an event: first the pipe, then the program that is meant for it.
func (t *teller) tell(e ipvs.Event) {
	line, object, up := told(e)
	if line == "" {
		return
	}
	if p := t.pipe.Load(); p != nil {
		p.Write(line)
	}
	to := e.Notify.Told()
	if m := t.mail.Load(); m != nil {
		if alert, wanted := m.spec.alert(e, up, to.Mail); wanted {
			m.mailer.Send(alert)
		}
	}
	program := to.Down
	if up {
		program = to.Up
	}
	if len(program.Argv()) > 0 {
		t.programs.Start(object, program)
	}
}

// told is the line of an event, what it is about and whether that is up. There is no line for what only the log tells of.
func told(e ipvs.Event) (line, object string, up bool) {
	id := e.VirtualServer
	switch e.Kind {
	case ipvs.ServerUp, ipvs.ServerDown, ipvs.ServerGone:
		if e.Kind == ipvs.ServerGone && !e.Up {
			return "", "", false // of one that was down that has been told
		}
		rs := confparse.RealServerID{VS: id, Addr: e.Server.Addr(), Port: e.Server.Port()}
		object, up = "RS "+rs.String()+" "+id.String(), e.Kind == ipvs.ServerUp
	case ipvs.QuorumGained, ipvs.QuorumLost:
		object, up = "VS "+id.String(), e.Kind == ipvs.QuorumGained
	default:
		return "", "", false
	}
	if up {
		return object + " UP", object, true
	}
	return object + " DOWN", object, false
}

// set makes next the pipe. One that cannot be had is reported, and there is none then.
func (t *teller) set(next pipeSpec) {
	if next == t.spec {
		return
	}
	t.closePipe()
	t.spec = next
	if next.Path == "" {
		return
	}
	p, err := notify.OpenPipe(next.Path, int(next.Owner.UID), int(next.Owner.GID))
	if err != nil {
		t.log.Error("lvs_notify_fifo cannot be had", "err", err)
		return
	}
	if argv := next.Reader.Argv(); len(argv) > 0 {
		t.read(command(next.Reader), next.Path)
	}
	t.writer = startTask("lvs_notify_fifo", nil, func(ctx context.Context) error {
		err := p.Run(ctx)
		if err != nil {
			t.log.Error("lvs_notify_fifo is not written any more", "err", err)
		}
		return err
	})
	t.pipe.Store(p)
}

// read has a program run that reads the pipe, whose path is its last argument.
func (t *teller) read(c script.Command, path string) {
	c.Argv = append(c.Argv, path)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.reader, t.readerEnded = cancel, ended
	go func() {
		defer close(ended)
		if e := t.scripts.Execute(ctx, c); ctx.Err() == nil {
			t.log.Warn("lvs_notify_fifo_script has ended", "program", c.Argv[0], "how", e.String())
		}
	}()
}

// closePipe writes what is left, as far as it is read, and has the reader end.
func (t *teller) closePipe() {
	t.pipe.Store(nil)
	t.writer.stop(tellStopLimit)
	t.writer = nil
	if t.reader != nil {
		t.reader()
		<-t.readerEnded
		t.reader = nil
	}
}

// close ends everything: programs that run get a second.
func (t *teller) close() {
	ctx, cancel := context.WithTimeout(context.Background(), tellStopLimit)
	defer cancel()
	t.programs.Close(ctx)
	t.closePipe()
	t.setMail(mailSpec{})
}
