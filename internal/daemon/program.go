package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/process"
	"vigil/internal/status"
)

// programSpec is what a configuration says of the program itself.
type programSpec struct {
	Process    process.Spec
	VRRPThread string // what the thread of the virtual routers is called; "" = as the process
	Umask      uint32
	Reloading  reloadSpec
	SaveDir    string // config_save_dir
	Dumps      dumpSpec
	// The receive buffers of the netlink sockets of VRRP, from the next start on.
	VRRPCommands, VRRPMonitor confparse.BufferSize
}

// defaultUmask is keepalived's: nobody but the owner, and nothing to be run.
const defaultUmask = 0o177

// programSpecOf derives what is said of the program. Of what keepalived's processes have each for itself, one process has what
// serves its parts best: the highest priority that one of them asks for, and all the CPUs that one of them may run on.
func programSpecOf(c *confparse.Config) programSpec {
	g, d := &c.Global, &c.Global.Daemon
	s := programSpec{Umask: defaultUmask, SaveDir: d.ConfigSaveDir, VRRPCommands: g.VRRPCommandBuffer, VRRPMonitor: g.VRRPMonitorBuffer,
		Reloading: reloadSpec{Check: d.ReloadCheck, CheckLog: d.ReloadCheckLog, TimeFile: d.ReloadTimeFile, Repeat: d.ReloadRepeat,
			Mark: d.ReloadFileSet, MarkFile: d.ReloadFile}}
	s.Dumps = dumpSpecOf(c)
	if d.UmaskSet {
		s.Umask = d.Umask
	}
	if s.VRRPThread = d.VRRPProcessName; s.VRRPThread == "" && d.ProcessNames {
		s.VRRPThread = "keepalived_vrrp"
	}
	p := &s.Process
	p.Name, p.MaxAuto, p.MinLate = d.ProcessName, max(0, g.VRRPScheduling.AutoRTMax), g.VRRPScheduling.AutoRTWait
	for _, of := range []*confparse.Scheduling{&g.VRRPScheduling, &g.CheckerScheduling, &g.BFDScheduling} {
		if of.NiceIsSet && (!p.NiceSet || of.Nice < p.Nice) {
			p.Nice, p.NiceSet = of.Nice, true
		}
		p.RealTime = max(p.RealTime, of.RealTime)
		if of.RTTimeSet {
			p.RealTimeLimit = max(p.RealTimeLimit, of.RTTime)
		}
		p.LockMemory = p.LockMemory || of.NoSwap
		if of.Affinity != nil {
			p.CPUs = union(p.CPUs, of.Affinity)
		}
	}
	return s
}

// union returns the CPUs of either list, in order.
func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// self is the part that the program itself is: how it is run, and when it reloads by itself. It is the first one, so that
// the threads of the others begin as it says.
type self struct {
	surroundings
	reload chan<- Request

	// Owned by the daemon's goroutine.
	keeper Keeper       // nil until something is asked of it
	clock  *reloadClock // nil until there is a file to look at
	tasks  struct{ keeper, clock *task }
}

func (p *self) String() string { return "program" }

func (p *self) diff(old, new Desired) (steps []Step) {
	a, b := old.Program, new.Program
	for _, x := range []struct {
		changed bool
		what    string
	}{
		{!a.Process.Equal(b.Process) || a.VRRPThread != b.VRRPThread, "how the process is run"},
		{a.Umask != b.Umask, "umask"},
		{a.Reloading != b.Reloading, "how it is reloaded"},
		{a.SaveDir != b.SaveDir, "config_save_dir"},
		{!a.Dumps.equal(b.Dumps), "what is written to files when asked"},
		{a.VRRPCommands != b.VRRPCommands || a.VRRPMonitor != b.VRRPMonitor, "vrrp_netlink buffers, for the next start"},
	} {
		if x.changed {
			steps = append(steps, step(Change, "%s", x.what))
		}
	}
	return steps
}

func (p *self) prepare(_ context.Context, next Desired) (prepared, error) {
	return prepared{commit: func(context.Context) error {
		p.setUmask(next.Program)
		p.run(next.Program.Process)
		p.look(next.Program.Reloading)
		return nil
	}}, nil
}

// setUmask has files made as s says, or the command line.
func (p *self) setUmask(s programSpec) {
	mask := s.Umask
	if p.opts.Umask != nil {
		mask = *p.opts.Umask
	}
	if p.opts.SetUmask != nil {
		p.opts.SetUmask(int(mask))
	}
}

// run has the process run as s says. What cannot be had is told; it is no reason not to serve.
func (p *self) run(s process.Spec) {
	if p.keeper == nil {
		if s.Zero() {
			return
		}
		if p.keeper = p.opts.Process; p.keeper == nil {
			p.keeper = process.NewKeeper(p.log)
		}
		p.tasks.keeper = startTask(p.String(), p.ended, p.keeper.Run)
	}
	if err := p.keeper.Set(s); err != nil {
		for _, one := range strings.Split(err.Error(), "\n") {
			p.log.Warn(one)
		}
	}
}

// look follows reload_time_file.
func (p *self) look(s reloadSpec) {
	if p.clock == nil {
		if s.TimeFile == "" {
			return
		}
		p.clock = newReloadClock(p.log, p.reload)
		p.tasks.clock = startTask("reload_time_file", p.ended, p.clock.run)
	}
	p.clock.follow(s.TimeFile, s.Repeat)
}

func (p *self) stop() error {
	return stopTasks(stopping{p.tasks.clock, time.Second}, stopping{p.tasks.keeper, time.Second})
}

func (p *self) status(*status.Status) {}
func (p *self) unready() string       { return "" }

// saver writes what was loaded to config_save_dir, one file for each time.
type saver struct{ count int }

// save writes text to dir. What is there of earlier processes stays.
func (s *saver) save(dir, text string) error {
	if err := os.Mkdir(dir, 0o700); err == nil {
		err = os.Chmod(dir, 0o700) // whatever the umask
		if err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("keepalived.conf.%d.%d", os.Getpid(), s.count))
	s.count++
	return os.WriteFile(name, []byte(text), 0o600)
}
