// Command keepalived is Vigil's daemon: a drop-in for keepalived by name, configuration file, command line, signals,
// files and logs.
//
// SSL_GET asks whether a server works and does not judge its certificate or the age of its TLS, so what the library
// refuses beyond that is allowed: a negative serial number, RSA keys below 1024 bits, signatures with SHA-1.
//
//go:debug x509negativeserial=1
//go:debug rsa1024min=0
//go:debug tlssha1=1
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"vigil/internal/daemon"
	"vigil/internal/genhash"
)

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is main with its surroundings handed in; it returns the exit status.
func run(argv []string, stdout, stderr io.Writer) int {
	if filepath.Base(argv[0]) == "genhash" {
		return genhash.Main(context.Background(), "genhash", argv[1:], stdout, stderr)
	}
	if at, word := genhashAt(argv[1:]); at >= 0 {
		if at > 0 || strings.HasPrefix(argv[1], "-") && !strings.HasPrefix(argv[1], "--") && argv[1] != "-T" {
			fmt.Fprintf(stderr, "Warning -- `%s` not used as first option, previous options ignored\n", word)
		}
		return genhash.Main(context.Background(), "keepalived --genhash", argv[2+at:], stdout, stderr)
	}
	caught := catch()
	cmd, err := parseFlags(argv)
	if err := cmd.options.Reentered(); err != nil {
		fmt.Fprintln(stderr, err)
		return daemon.ExitFatal
	}
	for _, line := range cmd.messages {
		fmt.Fprintln(stderr, line)
	}
	if err != nil {
		return 1
	}
	switch cmd.action {
	case actionHelp:
		writeUsage(stderr, argv[0])
		return 0
	case actionVersion:
		daemon.WriteVersion(stderr)
		return 0
	case actionSignum:
		n, ok := daemon.SignalNumber(cmd.signum)
		if !ok {
			fmt.Fprintf(stderr, "Unknown sigfunc %s\n", cmd.signum)
			return 1
		}
		fmt.Fprintln(stdout, n)
		return 0
	}
	if len(cmd.strays) > 0 {
		fmt.Fprintf(stdout, "Unexpected argument(s): %s\n", cmd.strayWords())
	}
	if cmd.action == actionConfigTest {
		return daemon.ConfigTest(cmd.options, cmd.testFile, stderr)
	}
	if !cmd.foreground {
		goOn, status, err := daemon.Background(&cmd.options, argv)
		switch {
		case err != nil:
			fmt.Fprintln(stderr, err)
			return status
		case !goOn && status != 0:
			fmt.Fprintf(stderr, "%s has not started (exit status %d); the log says why\n", argv[0], status)
			return status
		case !goOn:
			return 0
		}
	}
	return serve(cmd.options, caught, stderr)
}

// serve runs the daemon until a signal stops it, or it ends by itself.
func serve(o daemon.Options, caught *caughtSignals, stderr io.Writer) int {
	ctx, release := caught.until(o.IgnoreInterrupt)
	defer release()
	o.SetUmask = syscall.Umask
	o.Requests, o.LastSignals = daemon.RequestsOf(ctx, caught.requests), release
	err := daemon.Run(ctx, o)
	if err == nil {
		return 0
	}
	var exit *daemon.ExitError
	if errors.As(err, &exit) {
		if exit.Err != nil {
			fmt.Fprintln(stderr, exit.Err)
		}
		return exit.Code
	}
	fmt.Fprintln(stderr, err)
	return daemon.ExitFatal
}
