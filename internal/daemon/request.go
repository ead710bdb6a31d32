package daemon

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// Command is what an operator can ask of the running daemon.
type Command string

// The commands.
const (
	CommandReload     Command = "reload"
	CommandData       Command = "data"
	CommandStats      Command = "stats"
	CommandStatsClear Command = "stats-clear"
	CommandJSON       Command = "json"
)

// Request is a Command on its way into the goroutine that owns the daemon. Requests are handled one after the other.
type Request struct {
	Command Command
	Reply   chan<- Reply // gets one Reply, and has room for it; nil when nobody waits
}

// Reply is the outcome of a Request.
type Reply struct {
	Text string // for the operator
	Err  error  // why it was not done
}

// The errors of a Reply that say nothing about the configuration.
var (
	errUnknownCommand = errors.New("unknown command")
	errStopping       = errors.New("the daemon is stopping")
)

// commands is what each Command does. One that takes its time answers later.
var commands = map[Command]func(*daemon, context.Context, Request){
	CommandReload:     (*daemon).beginReload,
	CommandData:       (*daemon).printData,
	CommandStats:      (*daemon).printStats,
	CommandStatsClear: (*daemon).printAndClearStats,
	CommandJSON:       (*daemon).printJSON,
}

func (d *daemon) handle(ctx context.Context, r Request) {
	do, ok := commands[r.Command]
	if !ok {
		r.answer(Reply{Err: errUnknownCommand})
		return
	}
	do(d, ctx, r)
}

func (r Request) answer(a Reply) {
	if r.Reply != nil {
		r.Reply <- a
	}
}

// signalCommands are the signals that ask for something.
var signalCommands = map[os.Signal]Command{
	syscall.SIGHUP:   CommandReload,
	syscall.SIGUSR1:  CommandData,
	syscall.SIGUSR2:  CommandStats,
	signalStatsClear: CommandStatsClear,
	signalJSON:       CommandJSON,
}

// RequestsOf turns signals into the requests of Options.Requests, until ctx ends.
func RequestsOf(ctx context.Context, signals <-chan os.Signal) <-chan Request {
	requests := make(chan Request)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				select {
				case requests <- Request{Command: signalCommands[s]}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return requests
}
