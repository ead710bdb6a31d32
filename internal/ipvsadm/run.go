package ipvsadm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"

	"vigil/ipvs"
)

// Kernel is the kernel's IPVS, as a program that is used by hand needs it.
type Kernel interface {
	Info() (ipvs.Info, error)
	// Services returns all services in the kernel's order.
	Services(context.Context) ([]ipvs.Listed, error)
	// Service returns one; the error is ESRCH that there is none.
	Service(context.Context, ipvs.ServiceKey) (ipvs.Listed, error)
	Timeouts(context.Context) (ipvs.Timeouts, error)
	SyncDaemons(context.Context) ([]ipvs.SyncDaemon, error)
	// Connections returns the connection table as text.
	Connections() (io.ReadCloser, error)
	// Apply makes one change. Its error is the kernel's errno.
	Apply(context.Context, ipvs.Op) error
	// Flush removes every service.
	Flush(context.Context) error
	Close() error
}

// Program is one run of ipvsadm, or of ipvsadm-save or ipvsadm-restore if that is what the first word is called.
type Program struct {
	Args     []string
	In       io.Reader
	Out, Err io.Writer
	Names    Resolver
	Open     func(context.Context) (Kernel, error)
}

// Run carries the command line out and returns the exit status.
func (p Program) Run(ctx context.Context) int {
	argv, fresh, err := p.argv()
	if err != nil {
		return p.fail(err)
	}
	if c, err := Parse(argv, p.Names); err == nil && c.Verb == Help {
		fmt.Fprintf(p.Out, usage, argv[0])
		return exitOK
	}
	k, err := p.Open(ctx)
	if err != nil {
		fmt.Fprintf(p.Err, "Can't initialize ipvs: %s\nAre you sure that IP Virtual Server is built in the kernel or as module?\n", openText(err))
		return exitUsage
	}
	defer k.Close()
	s := session{Program: p, kernel: k}
	if fresh {
		if _, err := s.execute(ctx, []string{name, "-C"}); err != nil {
			p.fail(err) // what is restored is complained about if it cannot be, too
		}
	}
	if _, err := s.execute(ctx, argv); err != nil {
		return p.fail(err)
	}
	return exitOK
}

// argv is the command line that the name of the program stands for. fresh is true if the table is to be emptied first.
func (p Program) argv() (argv []string, fresh bool, err error) {
	if len(p.Args) == 0 {
		return []string{name, "-L"}, false, nil
	}
	switch filepath.Base(p.Args[0]) {
	case name + "-save":
		argv, err := saveArgv(p.Args[1:])
		return argv, false, err
	case name + "-restore":
		return []string{name, "-R"}, true, nil // whatever else is there has no meaning
	}
	if len(p.Args) == 1 {
		return []string{p.Args[0], "-L"}, false, nil
	}
	return p.Args, false, nil
}

// name is what the program calls itself where it was called otherwise.
const name = "ipvsadm"

func saveArgv(args []string) ([]string, error) {
	argv := []string{name, "-S"}
	for _, a := range args {
		switch {
		case a == "-n":
			argv = []string{name, "-S", "-n"}
		case strings.HasPrefix(a, "-"):
			return nil, failure{"ipvsadm-save: Script to save the IPVS table to stdout.\n" +
				"   With the -n option, prints out the table in numeric format.", exitHelp, true}
		}
	}
	return argv, nil
}

// fail says what went wrong and returns the exit status for it.
func (p Program) fail(err error) int {
	var f failure
	if !errors.As(err, &f) {
		f = failure{err.Error(), exitRejected, true}
	}
	fmt.Fprintln(p.Err, f.text)
	return f.status
}

// session is a Program with the kernel open.
type session struct {
	Program
	kernel    Kernel
	restoring bool // the command line is one of those that Restore reads
}

// execute carries one command line out. What it was is in the result if it made sense.
func (s *session) execute(ctx context.Context, argv []string) (Command, error) {
	c, err := Parse(argv, s.Names)
	if err != nil {
		return c, err
	}
	switch c.Verb {
	case Help:
		fmt.Fprintf(s.Out, usage, argv[0])
		return c, nil
	case Restore:
		return c, s.restore(ctx, argv[0])
	case Save, List:
		return c, s.list(ctx, c)
	case Flush:
		err = s.kernel.Flush(ctx)
	default:
		err = s.kernel.Apply(ctx, c.op())
	}
	if err != nil {
		return c, failure{errorText(c.Verb, err), exitRejected, false}
	}
	return c, nil
}

// op is the change to the kernel's table that a command is.
func (c Command) op() ipvs.Op {
	op := ipvs.Op{Service: c.Service}
	switch c.Verb {
	case AddService:
		op.Kind, op.Attrs = ipvs.AddService, c.Attrs
	case EditService:
		op.Kind, op.Attrs = ipvs.SetService, c.Attrs
	case DeleteService:
		op.Kind = ipvs.DelService
	case AddServer:
		op.Kind, op.Dest, op.DestAttrs = ipvs.AddDest, c.Dest, c.DestAttrs
	case EditServer:
		op.Kind, op.Dest, op.DestAttrs = ipvs.SetDest, c.Dest, c.DestAttrs
	case DeleteServer:
		op.Kind, op.Dest = ipvs.DelDest, c.Dest
	case Zero:
		op.Kind = ipvs.ZeroCounters
	case SetTimeouts:
		op.Kind, op.Timeouts = ipvs.SetTimeouts, &c.Timeouts
	case StartDaemon:
		op.Kind, op.Sync = ipvs.StartSync, &c.Sync
	case StopDaemon:
		op.Kind, op.Sync = ipvs.StopSync, &c.Sync
	}
	return op
}

// list prints what List and Save ask for.
func (s *session) list(ctx context.Context, c Command) error {
	out := newPrinter(s.Out, s.Names, c.Show)
	err := s.print(ctx, c, out)
	if errors.Is(err, syscall.ESRCH) {
		return failure{errorText(List, err), exitMissing, true}
	}
	return errors.Join(err, out.flush())
}

func (s *session) print(ctx context.Context, c Command, out *printer) error {
	switch {
	case c.Verb == List && c.Show.Connections:
		table, err := s.kernel.Connections()
		if err != nil {
			return err
		}
		defer table.Close()
		return out.connections(table)
	case c.Verb == List && c.Show.Timeouts:
		t, err := s.kernel.Timeouts(ctx)
		if err == nil {
			out.printf("Timeout (tcp tcpfin udp): %d %d %d\n", t.TCP, t.TCPFin, t.UDP)
		}
		return err
	case c.Verb == List && c.Show.Daemons:
		daemons, err := s.kernel.SyncDaemons(ctx)
		out.daemons(daemons)
		return err
	case c.Service != ipvs.ServiceKey{}:
		service, err := s.kernel.Service(ctx, c.Service)
		if err != nil {
			return err
		}
		out.table(sorted([]ipvs.Listed{service}, c.Show))
		return nil
	}
	services, err := s.kernel.Services(ctx)
	if err != nil {
		return err
	}
	services = sorted(services, c.Show)
	if c.Verb == Save {
		out.save(services)
		return nil
	}
	info, err := s.kernel.Info()
	if err != nil {
		return err
	}
	out.version(info)
	out.table(services)
	return nil
}

// daemons prints the synchronization daemons, the master first.
func (p *printer) daemons(daemons []ipvs.SyncDaemon) {
	for _, role := range []ipvs.SyncRole{ipvs.SyncMaster, ipvs.SyncBackup} {
		for _, d := range daemons {
			if d.Role == role {
				p.printf("%s sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%s, port=%d, ttl=%d)\n",
					map[ipvs.SyncRole]string{ipvs.SyncMaster: "master", ipvs.SyncBackup: "backup"}[role],
					d.Interface, d.ID, d.MaxLen, addressText(d.Group), d.Port, d.TTL)
			}
		}
	}
}
