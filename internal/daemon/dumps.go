package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/bfd"
	"vigil/internal/dump"
	"vigil/internal/wholefile"
	"vigil/vrrp"
)

// dumpSpec is what of a configuration is only seen in files that are written when somebody asks.
type dumpSpec struct {
	JSONVersion int
	JSONFile    string // json_dump_file; "" = keepalived's
	StatsFile   string // stats_dump_file
	StateFile   string // state_dump_file
	UseInstance bool   // data_use_instance: its name has the instance and the namespace in it
	RouterID    string
	Routers     map[confparse.InstanceName]dumpedRouter
}

// dumpedRouter is what a dump shows of an instance and nothing else depends on.
type dumpedRouter struct{ Strict, Mailed bool }

func dumpSpecOf(c *confparse.Config) dumpSpec {
	d, m := &c.Global.Daemon, &c.Global.Mail
	s := dumpSpec{JSONVersion: d.JSONVersion, JSONFile: d.JSONDumpFile, StatsFile: d.StatsDumpFile,
		StateFile: d.StateDumpFile, UseInstance: d.DataUseInstance, RouterID: c.Global.RouterID,
		Routers: make(map[confparse.InstanceName]dumpedRouter)}
	for _, in := range c.Instances {
		mailed := in.Notify.Mail.Or(m.VRRP.Or(m.Alerts.Or(false)))
		if in.Strict || mailed {
			s.Routers[in.Name] = dumpedRouter{in.Strict, mailed}
		}
	}
	return s
}

func (s dumpSpec) equal(o dumpSpec) bool {
	return s.JSONVersion == o.JSONVersion && s.JSONFile == o.JSONFile && s.StatsFile == o.StatsFile && s.StateFile == o.StateFile &&
		s.UseInstance == o.UseInstance && s.RouterID == o.RouterID && maps.Equal(s.Routers, o.Routers)
}

// errNoRouters says that there is nothing to write, as keepalived writes nothing then.
var errNoRouters = errors.New("no virtual router runs")

// dumps remembers what was counted when the statistics were cleared. The metrics go on counting.
type dumps struct {
	cleared map[confparse.InstanceName]vrrp.Counters
	writing sync.WaitGroup
}

// dumpStopLimit is how long the end of a process waits for what is being written.
const dumpStopLimit = time.Second

// finish waits for what is being written, unless the file system takes too long.
func (d *dumps) finish() {
	done := make(chan struct{})
	go func() { d.writing.Wait(); close(done) }()
	limit := time.NewTimer(dumpStopLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	}
}

// dumped are the virtual routers as a dump shows them.
func (d *daemon) dumped() ([]dump.Router, error) {
	runner := d.routers.runner.Load()
	if runner == nil {
		return nil, errNoRouters
	}
	var list []dump.Router
	for _, in := range runner.Status().Instances {
		if in.Resigning {
			continue // one of the same name may have come
		}
		extra := d.running.desired.Program.Dumps.Routers[in.Name]
		in.Counters = dump.Since(in.Counters, d.dumps.cleared[in.Name])
		list = append(list, dump.Router{InstanceStatus: in, Strict: extra.Strict, Mailed: extra.Mailed})
	}
	if len(list) == 0 {
		return nil, errNoRouters
	}
	return list, nil
}

func (d *daemon) printStats(_ context.Context, r Request) {
	d.log.Info(fmt.Sprintf("Printing VRRP stats for process(%d) on signal", os.Getpid()))
	d.writeStats(r)
}

func (d *daemon) printAndClearStats(_ context.Context, r Request) {
	d.log.Info(fmt.Sprintf("Printing and clearing VRRP stats for process(%d) on signal", os.Getpid()))
	d.writeStats(r)
	d.dumps.cleared = make(map[confparse.InstanceName]vrrp.Counters)
	if runner := d.routers.runner.Load(); runner != nil {
		for _, in := range runner.Status().Instances {
			d.dumps.cleared[in.Name] = in.Counters
		}
	}
}

func (d *daemon) writeStats(r Request) {
	list, err := d.dumped()
	d.write(r, d.running.desired.Program.Dumps.StatsFile, "keepalived.stats", []byte(dump.Stats(list)), d.dumpMode(), err)
}

// dumpMode is the mode of what the umask says something about.
func (d *daemon) dumpMode() os.FileMode { return os.FileMode(0o666 &^ d.umask()) }

func (d *daemon) umask() uint32 {
	if d.opts.Umask != nil {
		return *d.opts.Umask
	}
	return d.running.desired.Program.Umask
}

func (d *daemon) printData(_ context.Context, r Request) {
	d.log.Info(fmt.Sprintf("Printing VRRP data for process(%d) on signal", os.Getpid()))
	list, err := d.dumped()
	desired := &d.running.desired
	of := &desired.Program.Dumps
	id := d.running.identity
	globals := dump.Globals{Namespace: id.namespace, IPVSNamespace: id.ipvsNamespace, RouterID: of.RouterID, Umask: d.umask()}
	s := dump.State{Globals: globals, Routers: list}
	if err == nil {
		runner := d.routers.runner.Load()
		s.Trackers = runner.Trackers()
		for _, g := range runner.Status().Groups {
			one := dump.Group{GroupStatus: g}
			for _, spec := range desired.VRRP.Groups {
				if spec.Name == g.Name {
					one.Members = spec.Members
				}
			}
			s.Groups = append(s.Groups, one)
		}
	}
	for _, x := range desired.Tracking.Scripts {
		s.Scripts = append(s.Scripts, dump.Script{Name: x.Name, Argv: x.Argv, Interval: x.Interval, Timeout: x.Timeout, Rise: x.Rise, Fall: x.Fall,
			UID: x.As.UID, GID: x.As.GID})
	}
	for _, x := range desired.Tracking.Files {
		s.Files = append(s.Files, dump.File{Name: x.Name, Path: x.File.Path})
	}
	d.writeData(Request{}, "_parent", dump.Parent(globals), nil)
	if list := desired.BFD.Sessions; len(list) > 0 {
		var running []bfd.SessionStatus
		if runner := d.sessions.runner.Load(); runner != nil {
			running = runner.Status().Sessions
		}
		d.writeData(Request{}, "_bfd", dump.BFD(globals, list, running), nil)
	}
	d.writeData(r, "", dump.Data(s), err)
}

// writeData writes the file that a part has beside keepalived.data, or that itself.
func (d *daemon) writeData(r Request, part, text string, err error) {
	of, more := &d.running.desired.Program.Dumps, ""
	if of.UseInstance {
		more = strings.TrimPrefix(d.running.identity.suffix(), "_")
	}
	name, usual := of.StateFile, dump.Infix(dump.Suffixed("keepalived.data", part), more)
	if name != "" && !strings.HasSuffix(name, "/") {
		name = dump.Infix(dump.Suffixed(name, part), more)
	}
	d.write(r, name, usual, []byte(text), d.dumpMode(), err)
}

func (d *daemon) printJSON(_ context.Context, r Request) {
	d.log.Info(fmt.Sprintf("Printing VRRP as json for process(%d) on signal", os.Getpid()))
	desired := &d.running.desired
	scripts := make(map[string]string)
	for _, s := range desired.Tracking.Scripts {
		scripts[s.Name] = strings.Join(s.Argv, " ")
	}
	var text []byte
	list, err := d.dumped()
	if err == nil {
		text, err = dump.JSON(list, desired.Program.Dumps.JSONVersion, scripts)
	}
	d.write(r, desired.Program.Dumps.JSONFile, "keepalived.json", text, 0o600, err)
}

// write writes a dump, unless err says why there is none, and answers. The file system may take its time, so it is not waited
// for here.
func (d *daemon) write(r Request, name, usual string, text []byte, mode os.FileMode, err error) {
	path, log := dump.Path(name, usual, os.Getenv("TMPDIR")), d.log
	d.dumps.writing.Go(func() {
		if err == nil {
			err = wholefile.Write(path, text, mode)
		}
		if err != nil {
			log.Warn("nothing is printed", "err", err)
		}
		r.answer(Reply{Text: path, Err: err})
	})
}
