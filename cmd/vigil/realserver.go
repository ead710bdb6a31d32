package main

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"vigil/internal/realserver"
)

const realServerUsage = `apply|undo|check ADDRESS...

apply puts the virtual addresses on lo, or behind a tunnel on the interface that packets for them come out of (tunl0, gre0; for
IPv6 ip6tnl0, ip6gre0), after it has seen to it that they are neither answered for nor announced by ARP.
undo takes them away and, after the last one, restores what was found. check says what is missing; its status is 1 then.
Nothing of it outlives a reboot: call it from the boot scripts.`

// realServerCommand prepares this machine to be a real server for direct routing or behind a tunnel.
func realServerCommand(args []string, s streams) (int, error) {
	f := newFlags("real-server", realServerUsage, s)
	var server realserver.Server
	var want realserver.Wanted
	f.VarPF(&want.Tunnel, "tunnel", "", "unpack what the director sends, and accept what comes out: ipip, gre (without csum) or gue.\n"+
		"The packet around one is of its family").NoOptDefVal = string(realserver.IPIP)
	port := f.Uint("gue-port", realserver.DefaultGUEPort, "the UDP `port` that GUE comes to, as the director has it")
	f.StringVar(&server.State, "state", realserver.StateFile, "where to keep what was found at first")
	if err := parse(f, args, 0, len(args)); err != nil {
		return exitOK, err
	}
	if f.NArg() == 0 {
		return exitOK, errUsage{"apply, undo or check?"}
	}
	if *port == 0 || *port > math.MaxUint16 {
		return exitOK, errUsage{fmt.Sprintf("%d is no port", *port)}
	}
	want.GUEPort = uint16(*port)
	verb := f.Arg(0)
	for _, text := range f.Args()[1:] {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" || a.IsUnspecified() {
			return exitOK, errUsage{fmt.Sprintf("%s is no address", text)}
		}
		want.Addresses = append(want.Addresses, a)
	}
	if len(want.Addresses) == 0 && slices.Contains([]string{"apply", "undo"}, verb) {
		return exitOK, errUsage{verb + " which addresses?"}
	}
	switch verb {
	case "apply":
		return exitOK, server.Apply(want)
	case "undo":
		return exitOK, server.Undo(want)
	case "check":
		missing, err := server.Check(want)
		for _, m := range missing {
			fmt.Fprintln(s.out, m)
		}
		if len(missing) > 0 {
			return exitWarnings, err
		}
		return exitOK, err
	}
	return exitOK, errUsage{fmt.Sprintf("%q is none of apply, undo and check", verb)}
}
