package ipvsadm

import (
	"errors"
	"fmt"

	"vigil/confparse"
	"vigil/ipvs"
)

const (
	defaultScheduler   = "wlc"
	defaultPersistence = 360               // seconds
	maxTimeout         = 31 * 24 * 60 * 60 // seconds
)

// parser turns one argument vector into a Command.
type parser struct {
	names  Resolver
	scan   scanner
	cmd    Command
	given  optionSet
	server endpoint
	flags  []string // of the scheduler, as written
}

// tryHelp is the answer to a command line without a command.
func tryHelp(program string) error {
	return failure{fmt.Sprintf("Try `%s -h' or '%s --help' for more information.", program, program), exitRejected, true}
}

func usageError(format string, args ...any) error {
	return failure{fmt.Sprintf(format, args...), exitUsage, true}
}

// Parse reads an argument vector, of which the first word is the program's name.
func Parse(argv []string, names Resolver) (Command, error) {
	p := &parser{names: names, scan: scanner{args: argv[1:]}}
	p.cmd.Attrs = ipvs.ServiceAttrs{Scheduler: defaultScheduler, Netmask: hostMask4}
	p.cmd.DestAttrs = ipvs.DestAttrs{Weight: 1, Forwarding: confparse.DR}
	first, value, err := p.scan.next()
	switch {
	case err != nil, first == nil, first.verb == 0:
		return Command{}, tryHelp(argv[0])
	case first.verb == Help:
		return Command{Verb: Help}, nil
	}
	p.cmd.Verb = first.verb
	if err := p.verb(value); err != nil {
		return Command{}, err
	}
	if err := p.options(); err != nil {
		return Command{}, err
	}
	if err := p.check(); err != nil {
		return Command{}, err
	}
	return p.cmd, p.complete()
}

// verb takes what belongs to the command itself.
func (p *parser) verb(value string) error {
	switch p.cmd.Verb {
	case StartDaemon, StopDaemon:
		switch value {
		case "master":
			p.cmd.Sync.Role = ipvs.SyncMaster
		case "backup":
			p.cmd.Sync.Role = ipvs.SyncBackup
		default:
			return usageError("illegal %s specified", [...]string{StartDaemon: "start-daemon parameter", StopDaemon: "start_daemon"}[p.cmd.Verb])
		}
	}
	return nil
}

// options takes the rest of the command line.
func (p *parser) options() error {
	for {
		d, value, err := p.scan.next()
		var bad scanError
		switch {
		case errors.As(err, &bad):
			return failure{text: bad.Error(), status: exitRejected}
		case d == nil:
			return p.words()
		case d.verb != 0:
			return usageError("invalid option `%s'", p.scan.word)
		}
		if err := d.set(p, value); err != nil {
			return err
		}
	}
}

// words takes what is no option.
func (p *parser) words() error {
	if p.cmd.Verb == SetTimeouts {
		if err := p.timeouts(); err != nil {
			return err
		}
	}
	if len(p.scan.strays) > 0 {
		return usageError("unexpected argument %s", p.scan.strays[0])
	}
	return nil
}

// give notes that an option was given; each may be once.
func (p *parser) give(o option) error {
	if p.given.has(o) {
		return usageError("multiple '%s' options specified", optionNames[o])
	}
	p.given |= setOf(o)
	return nil
}

// check compares what was given with what the command takes.
func (p *parser) check() error {
	r := rules[p.cmd.Verb]
	for o := range options {
		switch {
		case r.needs.has(o) && !p.given.has(o):
			return usageError("You need to supply the '%s' option for the '%s' command", optionNames[o], verbNames[p.cmd.Verb])
		case p.given.has(o) && !r.needs.has(o) && !r.takes.has(o):
			return usageError("Illegal '%s' option with the '%s' command", optionNames[o], verbNames[p.cmd.Verb])
		}
	}
	return nil
}

// complete checks what depends on several options.
func (p *parser) complete() error {
	switch p.cmd.Verb {
	case AddService, EditService:
		return p.completeService()
	case AddServer, EditServer, DeleteServer:
		return p.completeServer()
	case List:
		return p.conflicts()
	}
	return nil
}

// conflicts are the options of List of which only one makes sense.
func (p *parser) conflicts() error {
	what := []option{optConnection, optService, optTimeout, optDaemon}
	for i, o := range what {
		for _, other := range what[:i] {
			if p.given.has(o) && p.given.has(other) {
				return usageError("The option '%s' conflicts with the '%s' option in the '%s' command", optionNames[o],
					optionNames[other], verbNames[List])
			}
		}
	}
	columns := setOf(optStats, optRate, optThresholds)
	if p.given.has(optTimeout) || p.given.has(optDaemon) {
		columns |= setOf(optPersistentConn)
	}
	if p.given&setOf(optConnection, optTimeout, optDaemon) != 0 && p.given&columns != 0 {
		return usageError("options conflicts in the list command")
	}
	return nil
}

// timeouts takes the three words of --set, which are no options.
func (p *parser) timeouts() error {
	const words = 3
	if len(p.scan.strays) < words {
		return usageError("--set option requires 3 timeout values")
	}
	for i, to := range []*uint32{&p.cmd.Timeouts.TCP, &p.cmd.Timeouts.TCPFin, &p.cmd.Timeouts.UDP} {
		var err error
		if *to, err = seconds(p.scan.strays[i], 0); err != nil {
			return err
		}
	}
	p.scan.strays = p.scan.strays[words:]
	return nil
}

func seconds(s string, least uint64) (uint32, error) {
	n, ok := number(s, least, maxTimeout)
	if !ok {
		return 0, usageError("invalid timeout value `%s' specified", s)
	}
	return uint32(n), nil
}
