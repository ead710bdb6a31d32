package main

import (
	"errors"
	"fmt"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/recording"
)

// replayCommand runs a recording again and compares every action.
func replayCommand(args []string, s streams) (int, error) {
	f := newFlags("replay", "FILE", s)
	verbose := f.BoolP("verbose", "v", false, "print every change of state")
	if err := parse(f, args, 1, 1); err != nil {
		return exitOK, err
	}
	name := f.Arg(0)
	fsys, path, err := open(name, s)
	if err != nil {
		return exitErrors, err
	}
	file, err := fsys.Open(path)
	if err != nil {
		return exitErrors, err
	}
	defer file.Close()
	var failed error
	show := func(in *recording.Input, actions []election.InstanceAction) {
		for _, a := range actions {
			if c, ok := a.Action.(election.StateChanged); ok && *verbose && failed == nil {
				_, failed = fmt.Fprintf(s.out, "%12.3f s  %s: %v -> %v, priority %d\n", time.Duration(in.At).Seconds(), a.Name, c.From, c.To, c.Priority)
			}
		}
	}
	sum, err := recording.Replay(file, show)
	switch {
	case err != nil:
		var d *recording.Difference
		if errors.As(err, &d) {
			return exitErrors, fmt.Errorf("%s: not as it was: %w", name, d)
		}
		return exitErrors, fmt.Errorf("%s: %w", name, err)
	case failed != nil:
		return exitErrors, failed
	}
	end := ""
	switch sum.End {
	case recording.EndStopped:
	case recording.EndFull:
		end = "; the recording ends there because it is full"
	case "":
		end = "; the recording breaks off there"
	default:
		end = "; the recording ends there: " + sum.End
	}
	_, err = fmt.Fprintf(s.out, "%s: %d inputs in %v by %s, %d actions, all as they were%s\n", name, sum.Inputs, sum.Span.Round(time.Millisecond), sum.Program, sum.Actions, end)
	return exitOK, err
}
