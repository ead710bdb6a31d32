package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/control"
	"vigil/internal/status"
	"vigil/ipvs"
)

const (
	// ControlOff in the place of the path of the control socket: there is none.
	ControlOff = "off"
	// controlStopLimit is how long the control socket may take to end.
	controlStopLimit = time.Second
)

// controlPath is where the control socket is: in a directory that is called as the pid file is.
func (d *daemon) controlPath() string {
	switch pid := d.opts.PIDFiles.Daemon; {
	case d.opts.Control == ControlOff || d.opts.Control == "" && pid == "":
		return ""
	case d.opts.Control != "":
		return d.opts.Control
	case strings.HasSuffix(pid, ".pid"):
		return filepath.Join(strings.TrimSuffix(pid, ".pid"), "control.sock")
	default:
		return filepath.Join(pid+".d", "control.sock")
	}
}

// serveControl starts to answer at the control socket. Without one everything else works. The function it returns ends that.
func (d *daemon) serveControl() func() {
	path := d.controlPath()
	if path == "" {
		return func() {}
	}
	log := d.log.With(componentKey, "control")
	l, err := control.Listen(path)
	if err != nil {
		log.Warn("no control socket", "err", err)
		return func() {}
	}
	commands := map[string]control.Handler{"drain": d.controlDrain, "undrain": d.controlUndrain, "drains": d.controlDrains}
	t := startTask("control", make(chan *task), func(ctx context.Context) error { return l.Serve(ctx, commands, log) })
	return func() {
		t.stop(controlStopLimit)
		if d.opts.Control == "" { // then the directory is for this, whoever has made it
			_ = os.Remove(filepath.Dir(path)) // unless something is in it
		}
	}
}

// drainOrder says to the daemon's goroutine that drains have changed.
type drainOrder struct {
	done chan<- error // gets what has come of it; has room
}

// errNoServers says that there is nothing to drain.
var errNoServers = errors.New("no virtual servers are configured")

// controlDrain lets no new clients come to servers.
func (d *daemon) controlDrain(ctx context.Context, by control.Caller, arguments json.RawMessage) (any, error) {
	var in status.DrainArguments
	if err := json.Unmarshal(arguments, &in); err != nil {
		return nil, err
	}
	one, err := drainedOf(in.Server, in.VirtualServer)
	if err != nil {
		return nil, err
	}
	if one.Reason = strings.TrimSpace(in.Reason); one.Reason == "" {
		return nil, errors.New("a reason is required")
	}
	one.By, one.Since = by.Name, time.Now()
	r := d.services.running.Load()
	if r == nil {
		return nil, errNoServers
	}
	d.draining.Lock() // of two at once the second knows of the first
	defer d.draining.Unlock()
	covers := d.drains.covers()
	if err := wrongDrain(r.checks.Status(), one, covers); err != nil && !(in.Force && errors.As(err, new(lastServer))) {
		return nil, err
	}
	if err := d.drains.put(one); err != nil {
		return nil, err
	}
	d.log.Info(fmt.Sprintf("%s is drained by %s: %s", one, one.By, one.Reason))
	if err := d.order(ctx); err != nil {
		return nil, err
	}
	return d.drainStatus(ctx, one)
}

// controlUndrain ends a drain.
func (d *daemon) controlUndrain(ctx context.Context, by control.Caller, arguments json.RawMessage) (any, error) {
	var in status.DrainArguments
	if err := json.Unmarshal(arguments, &in); err != nil {
		return nil, err
	}
	one, err := drainedOf(in.Server, in.VirtualServer)
	if err != nil {
		return nil, err
	}
	if one, err = d.drains.remove(one); err != nil {
		return nil, err
	}
	d.log.Info(fmt.Sprintf("%s is no longer drained, says %s", one, by.Name))
	if err := d.order(ctx); err != nil {
		return nil, err
	}
	return d.drainStatus(ctx, one)
}

// controlDrains lists all drains.
func (d *daemon) controlDrains(ctx context.Context, _ control.Caller, _ json.RawMessage) (any, error) {
	all := []status.Drain{}
	for _, one := range d.drains.all() {
		s, err := d.drainStatus(ctx, one)
		if err != nil {
			s.Error = err.Error()
		}
		all = append(all, s)
	}
	return all, nil
}

// order has the daemon's goroutine make drains what is desired, and waits for that.
func (d *daemon) order(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case d.drained <- drainOrder{done}:
	case <-ctx.Done():
		return errStopping
	}
	select {
	case err := <-done:
		if r := d.services.running.Load(); err == nil && r != nil { // the kernel's turn
			err = r.table.Sync(ctx)
		}
		if err != nil {
			err = fmt.Errorf("it is recorded, and will be so when it can: %w", err)
		}
		return err
	case <-ctx.Done():
		return errStopping
	}
}

// drainStatus is a drain with the servers that it is about, and their connections.
func (d *daemon) drainStatus(ctx context.Context, one drained) (status.Drain, error) {
	s := one.status()
	r := d.services.running.Load()
	if r == nil {
		return s, nil
	}
	list, err := r.table.Connections(ctx, one.covers)
	for _, c := range list {
		s.RealServers = append(s.RealServers, status.DrainedServer{Name: c.Server.String(), VirtualServer: c.Server.VS.String(), Active: c.Active,
			Inactive: c.Inactive, Clients: c.Clients})
	}
	if errors.Is(err, ipvs.ErrLost) {
		return s, fmt.Errorf("how many connections there are: %w", err)
	}
	return s, err
}

// lastServer is the error of a drain that would leave a virtual server without anybody who takes new clients.
type lastServer struct{ server string }

func (e lastServer) Error() string {
	return fmt.Sprintf("virtual server %s would have nobody left who takes new clients; --force drains it all the same", e.server)
}

// wrongDrain says why one should not be drained, beside what covers says that is drained already: there is no such server, or it is the last
// one of a virtual server (a lastServer).
func wrongDrain(now healthcheck.Status, one drained, covers func(confparse.RealServerID) bool) error {
	any, last := false, error(nil)
	for _, vs := range now.VirtualServers {
		goes, stays := false, false
		for _, rs := range vs.RealServers {
			takes := rs.Up && rs.Weight > 0 && !covers(rs.ID)
			if one.covers(rs.ID) {
				any, goes = true, goes || takes
			} else {
				stays = stays || takes
			}
		}
		if goes && !stays && last == nil {
			last = lastServer{vs.ID.String()}
		}
	}
	if !any {
		return fmt.Errorf("no real_server is called %s", one)
	}
	return last
}
