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
	"os/signal"
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
	cmd, err := parseFlags(argv)
	for _, line := range cmd.messages {
		fmt.Fprintln(stderr, line)
	}
	if err != nil {
		return 1
	}
	if len(cmd.strays) > 0 {
		fmt.Fprintf(stdout, "Unexpected argument(s): %s\n", cmd.strayWords())
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
	if cmd.namespace != "" {
		fmt.Fprintf(stderr, "Running in network namespace %s (--namespace) is not supported yet; not starting in another one\n", cmd.namespace)
		return daemon.ExitFatal
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
	return serve(cmd.options, stderr)
}

// serve turns signals into a context and requests and runs the daemon.
func serve(o daemon.Options, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals(o)...)
	defer stop()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, daemon.HandledSignals()...)
	disregard(syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGQUIT, syscall.SIGABRT)
	o.Requests = daemon.RequestsOf(ctx, signals)
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

func stopSignals(o daemon.Options) []os.Signal {
	if o.IgnoreInterrupt {
		disregard(os.Interrupt)
		return []os.Signal{syscall.SIGTERM}
	}
	return []os.Signal{syscall.SIGTERM, os.Interrupt}
}

// disregard makes signals have no effect here. They are not ignored: programs that are run would inherit that.
func disregard(signals ...os.Signal) { signal.Notify(make(chan os.Signal, 1), signals...) }
