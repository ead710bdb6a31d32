// Command bench compares Vigil with Debian's keepalived on one kernel at scale: programming a large table, reloading, checking,
// stopping. Both run one after the other in the same virtual machine (or on this kernel, if it has IPVS), because only the
// ratio of two numbers of one run means anything there. It exits with 1 if a ratio is over its bar.
//
//	bench [-vigil bin/keepalived] [-keepalived /usr/sbin/keepalived] [-services 1000] [-servers 10] [-window 30s]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"vigil/integration/debian"
	"vigil/integration/labkit"
	"vigil/integration/vm"
	"vigil/internal/testlan"
)

func main() {
	vm.Main()
	labkit.Main()
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

func run() (int, error) {
	vigil := flag.String("vigil", "bin/keepalived", "the program under test")
	keepalived := flag.String("keepalived", labkit.Keepalived().Argv[0], "the program to compare with")
	s := scale{}
	flag.IntVar(&s.services, "services", 1000, "virtual servers")
	flag.IntVar(&s.servers, "servers", 10, "real servers of each")
	flag.DurationVar(&s.window, "window", 30*time.Second, "how long to watch the health checks")
	flag.Parse()
	path, err := filepath.Abs(*vigil)
	if err != nil {
		return 0, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if testlan.HaveIPVS() == nil {
		return compare(ctx, s, path, *keepalived)
	}
	if os.Getenv("VIGIL_IN_VM") == "1" {
		return 0, testlan.HaveIPVS()
	}
	fmt.Println("This kernel has no IPVS: measuring in a virtual machine that has …")
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	argv := []string{self, "-vigil", path, "-keepalived", *keepalived, "-services", fmt.Sprint(s.services),
		"-servers", fmt.Sprint(s.servers), "-window", s.window.String()}
	return vm.Run(ctx, vm.Guest{Argv: argv, MemoryMB: 4096, Limit: 20 * time.Minute, Stdout: os.Stdout, Notice: os.Stdout})
}

// compare measures both programs and prints the ratios.
func compare(ctx context.Context, s scale, vigilPath, keepalivedPath string) (int, error) {
	if err := debian.Install(ctx, os.Stdout, debian.Peers...); err != nil {
		return 0, err
	}
	fmt.Printf("%d virtual servers with %d real servers each, a TCP_CHECK on every one\n", s.services, s.servers)
	theirs, err := measure(ctx, s, labkit.Program{Name: "keepalived", Argv: []string{keepalivedPath}})
	if err != nil {
		return 0, err
	}
	ours, err := measure(ctx, s, labkit.Vigil(vigilPath))
	if err != nil {
		return 0, err
	}
	fmt.Printf("\n%-38s %12s %12s %8s %8s\n", "", "vigil", "keepalived", "ratio", "bar")
	status := 0
	line := func(name string, ours, theirs, bar float64, unit string) {
		ratio, verdict := ours/theirs, ""
		if !(ratio <= bar) {
			verdict, status = "  over the bar", 1
		}
		fmt.Printf("%-38s %9.2f %-2s %9.2f %-2s %8.3f %8.2f%s\n", name, ours, unit, theirs, unit, ratio, bar, verdict)
	}
	line("start to fully programmed", ours.programmed.Seconds(), theirs.programmed.Seconds(), 0.6, "s")
	line("CPU of a reload with nothing changed", ours.reloadCPU.Seconds(), theirs.reloadCPU.Seconds(), 0.02, "s")
	line("reload that drops one server", ours.dropped.Seconds(), theirs.dropped.Seconds(), 0.3, "s")
	line("memory after start", ours.memory, theirs.memory, 1.5, "MB")
	line("memory after reloads", ours.memoryAfter, theirs.memoryAfter, 1.5, "MB")
	line("CPU per check", ours.perCheck.Seconds()*1000, theirs.perCheck.Seconds()*1000, 1.3, "ms")
	stopped := ""
	if ours.left != 0 || ours.stopped > 2*time.Second {
		stopped, status = "  over the bar", 1
	}
	fmt.Printf("%-38s %9.2f s  %9.2f s  %8s %8s%s\n", "stop (bar: 0 left within 2 s)", ours.stopped.Seconds(), theirs.stopped.Seconds(), "", "", stopped)
	fmt.Printf("%-38s %12d %12d\n", "destinations left behind by it", ours.left, theirs.left)
	return status, nil
}
