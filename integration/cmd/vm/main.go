// Command vm runs a program as root on a kernel that has IPVS, and exits with its status: in a throw-away virtual machine, or,
// with -if-needed on a kernel that has IPVS, here in a network namespace of its own.
//
//	vm [-suite bookworm] [-if-needed] [-limit 15m] [-cpus 2] [-mem 2048] [-env NAME,NAME] PROGRAM [ARGUMENT…]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"vigil/integration/debian"
	"vigil/integration/vm"
	"vigil/internal/testlan"
)

func main() {
	vm.Main()
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
		os.Exit(125)
	}
	os.Exit(status)
}

func run() (int, error) {
	ifNeeded := flag.Bool("if-needed", false, "use this kernel, in a network namespace of its own, if it has IPVS")
	suite := flag.String("suite", vm.Usual, "the release of Debian whose kernel to run")
	limit := flag.Duration("limit", 15*time.Minute, "how long the program may take")
	cpus := flag.Int("cpus", 2, "processors of the virtual machine")
	memory := flag.Int("mem", 2048, "its memory in MiB")
	names := flag.String("env", "", "comma-separated names of environment variables that the program is to see")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		return 2, nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if *ifNeeded && testlan.HaveIPVS() == nil {
		if err := debian.Install(ctx, os.Stderr, debian.Peers...); err != nil {
			return 0, err
		}
		return here(ctx, *limit)
	}
	var env []string
	for _, name := range strings.Split(*names, ",") {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return vm.Run(ctx, vm.Guest{Suite: *suite, Argv: flag.Args(), Env: env, CPUs: *cpus, MemoryMB: *memory, Limit: *limit, Stdout: os.Stdout, Notice: os.Stderr})
}

// here runs the program on this kernel, where the tables and the named namespaces of the machine cannot be touched.
func here(ctx context.Context, limit time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	const private = `mount --make-rprivate / && mount -t tmpfs run /run && ip link set lo up && exec "$@"`
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", private, "sh"}, flag.Args()...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "VIGIL_IN_VM=1")
	runtime.LockOSThread() // the program ends with this thread
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}
