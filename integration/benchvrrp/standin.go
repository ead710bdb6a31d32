package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/daemon"
	"vigil/ipvs/ipvstest"
)

// standInName as the first argument turns this program into the daemon itself, the whole of it, with a table in memory in the
// place of the kernel's. It takes the place of the program where the kernel has no IPVS.
const standInName = "daemon-without-ipvs"

// standIn is the program for a kernel without IPVS.
func standIn() (labkit.Program, error) {
	self, err := os.Executable()
	return labkit.Program{Name: "vigil, its table in memory", Argv: []string{self, standInName}}, err
}

// standInMain returns only if the program is not asked to be the daemon.
func standInMain() {
	if len(os.Args) < 2 || os.Args[1] != standInName {
		return
	}
	if err := standInRun(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// standInRun takes the options that a labkit.Director gives.
func standInRun(args []string) error {
	o := daemon.DefaultOptions()
	o.MetricsListen = "off"
	o.Log.Console, o.Log.NoSyslog, o.Log.Detail = true, true, 1
	files := map[string]*string{"-f": &o.ConfigFile, "-p": &o.PIDFiles.Daemon, "-r": &o.PIDFiles.VRRP, "-c": &o.PIDFiles.Checkers, "-b": &o.PIDFiles.BFD}
	for i := 0; i < len(args); i++ {
		if file := files[args[i]]; file != nil && i+1 < len(args) {
			i++
			*file = args[i]
		}
	}
	table := ipvstest.New()
	o.Kernel = table.Open
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, daemon.HandledSignals()...)
	o.Requests = daemon.RequestsOf(ctx, caught)
	go func() {
		for ctx.Err() == nil { // what a kernel does not keep
			table.TakeLog()
			time.Sleep(time.Second)
		}
	}()
	err := daemon.Run(ctx, o)
	var exit *daemon.ExitError
	if errors.As(err, &exit) {
		return exit
	}
	return err
}
