// Package labkit is what the scenario tests, the benchmark and the demonstration share: a web server and a probing client
// that run as programs of their own inside a namespace, and directors and networks put together for the usual cases.
package labkit

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// toolName as the first argument turns a program that calls Main into the tool.
const toolName = "labkit-tool"

// Main must be the first call of main or TestMain of a program that uses labkit: the program starts copies of itself as
// servers and clients inside namespaces, and those copies never return from here.
func Main() {
	if len(os.Args) < 3 || os.Args[1] != toolName {
		return
	}
	if err := tool(os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "labkit:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func tool(verb string, args []string) error {
	switch {
	case verb == "serve" && len(args) >= 2:
		return serve(args[0], args[1:])
	case verb == "probe" && len(args) == 3:
		every, err := time.ParseDuration(args[2])
		if err != nil {
			return err
		}
		return probe(args[0], args[1], every)
	case verb == "estranged" && len(args) == 2:
		every, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return estranged(args[0], every)
	case verb == "hold" && len(args) == 2:
		every, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return hold(args[0], every)
	case verb == "get" && len(args) == 3:
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return get(args[0], args[1], n)
	}
	return fmt.Errorf("unknown request %q %q", verb, args)
}

// self is the command line that starts this program as the tool.
func self(args ...string) ([]string, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("path of this program: %w", err)
	}
	return append([]string{path, toolName}, args...), nil
}
