package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"vigil/internal/control"
	"vigil/internal/status"
)

// drainPoll is how often it is looked how many connections are left.
const drainPoll = time.Second

// drainCommand lets no new clients come to a server, and waits until it has no connections.
func drainCommand(args []string, s streams) (int, error) {
	f := newFlags("drain", "SERVER --reason TEXT\n\nLets no new clients come to a real server, ADDRESS or ADDRESS:PORT, and waits until it has no connections. It stays\ndrained, over reloads and restarts, until \"vigil undrain\". Its checks go on.", s)
	socket := socketFlag(f)
	of := f.String("of", "", "only in this virtual server: \"ADDRESS PORT\", \"fwmark N\" or \"group NAME\"")
	reason := f.String("reason", "", "why, for whoever sees it")
	deadline := f.Duration("deadline", 0, "wait no longer; what is left then stays (exit status 1)")
	noWait := f.Bool("no-wait", false, "do not wait")
	force := f.Bool("force", false, "also if nobody else takes the new clients of a virtual server")
	if err := parse(f, args, 1, 1); err != nil {
		return exitOK, err
	}
	if strings.TrimSpace(*reason) == "" {
		return exitUsage, errUsage{"--reason: say why"}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *deadline)
		defer cancel()
	}
	begun := time.Now()
	arguments := status.DrainArguments{Server: f.Arg(0), VirtualServer: *of, Reason: *reason, Force: *force}
	var d status.Drain
	if err := askDaemon(*socket, "drain", arguments, &d); err != nil {
		return exitErrors, err
	}
	writeDrain(s.out, d)
	if *noWait {
		return exitOK, nil
	}
	return waitDrained(ctx, s.out, d, begun, func() (status.Drain, error) { return drainNow(*socket, d) })
}

// waitDrained follows how many connections are left until there are none, or ctx ends.
func waitDrained(ctx context.Context, w io.Writer, d status.Drain, begun time.Time, now func() (status.Drain, error)) (int, error) {
	active, inactive := d.Connections()
	for active+inactive > 0 {
		wait := time.NewTimer(drainPoll)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			fmt.Fprintf(w, "not waiting any longer: %d active and %d inactive connections are left; %s stays drained\n", active, inactive, d.Server)
			return exitWarnings, nil
		}
		next, err := now()
		if err != nil {
			return exitErrors, err
		}
		switch {
		case next.Error != "":
			return exitErrors, errors.New(next.Error)
		case len(next.RealServers) < len(d.RealServers):
			return exitErrors, fmt.Errorf("%s has left the configuration meanwhile: whether it has connections is not known, look at ipvsadm -Lnc", d.Server)
		}
		if a, i := next.Connections(); a != active || i != inactive {
			active, inactive = a, i
			fmt.Fprintf(w, "%6.0f s  %d active, %d inactive\n", time.Since(begun).Seconds(), active, inactive)
		}
	}
	fmt.Fprintf(w, "%s has no connections\n", d.Server)
	return exitOK, nil
}

// drainNow is how a drain is by now.
func drainNow(socket string, d status.Drain) (status.Drain, error) {
	var all []status.Drain
	if err := askDaemon(socket, "drains", nil, &all); err != nil {
		return status.Drain{}, err
	}
	for _, o := range all {
		if o.Server == d.Server && o.VirtualServer == d.VirtualServer {
			return o, nil
		}
	}
	return status.Drain{}, fmt.Errorf("%s is not drained any more", d.Server)
}

// undrainCommand lets clients come to a server again.
func undrainCommand(args []string, s streams) (int, error) {
	f := newFlags("undrain", "SERVER\n\nEnds what \"vigil drain\" with the same SERVER and --of has begun.", s)
	socket := socketFlag(f)
	of := f.String("of", "", "as for drain")
	if err := parse(f, args, 1, 1); err != nil {
		return exitOK, err
	}
	var d status.Drain
	if err := askDaemon(*socket, "undrain", status.DrainArguments{Server: f.Arg(0), VirtualServer: *of}, &d); err != nil {
		return exitErrors, err
	}
	fmt.Fprintf(s.out, "%s takes clients again; it was drained for %s by %s: %s\n", d.Server, time.Since(d.Since).Round(time.Second), d.By, d.Reason)
	return exitOK, nil
}

// drainsCommand lists what is drained.
func drainsCommand(args []string, s streams) (int, error) {
	f := newFlags("drains", "\n\nLists what is drained, since when, by whom and why, and the connections that are left.", s)
	socket := socketFlag(f)
	asJSON := f.Bool("json", false, "for programs")
	if err := parse(f, args, 0, 0); err != nil {
		return exitOK, err
	}
	all := []status.Drain{}
	if err := askDaemon(*socket, "drains", nil, &all); err != nil {
		return exitErrors, err
	}
	if *asJSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return exitOK, e.Encode(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(s.out, "nothing is drained")
	}
	for _, d := range all {
		writeDrain(s.out, d)
	}
	return exitOK, nil
}

// writeDrain prints a drain and the servers that it is about.
func writeDrain(w io.Writer, d status.Drain) {
	where := ""
	if d.VirtualServer != "" {
		where = " of " + d.VirtualServer
	}
	fmt.Fprintf(w, "%s%s is drained since %s by %s: %s\n", d.Server, where, d.Since.Local().Format(time.DateTime), d.By, d.Reason)
	if len(d.RealServers) == 0 {
		fmt.Fprintln(w, "  no real server is called so at present")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, rs := range d.RealServers {
		fmt.Fprintf(t, "  %s\tof %s\t%d active\t%d inactive", rs.Name, rs.VirtualServer, rs.Active, rs.Inactive)
		if rs.Clients > 0 {
			fmt.Fprintf(t, "\t%d clients that may come back", rs.Clients)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

// socketFlag is where the daemon listens for its tool.
func socketFlag(f *pflag.FlagSet) *string {
	return f.String("socket", status.DefaultSocket, "where the daemon listens: below the name of its pid file")
}

// askDaemon asks the daemon at a socket, for who has called sudo, if anybody.
func askDaemon(socket, command string, arguments, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	q := control.Question{Command: command, By: os.Getenv("SUDO_USER")}
	if arguments != nil {
		var err error
		if q.Arguments, err = json.Marshal(arguments); err != nil {
			return err
		}
	}
	err := control.Ask(ctx, socket, q, result)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return fmt.Errorf("%w; say --socket if its pid file is elsewhere", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: only root may", err)
	}
	return err
}
