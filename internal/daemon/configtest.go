package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/confparse/diag"
	"vigil/internal/members"
)

// testCannotRun is the exit status of --config-test when there would be nothing to run.
const testCannotRun = 4

// ConfigTest is --config-test: it checks the configuration, prints every problem to file or, when that is "", to
// stderr, and returns keepalived's exit status. Each problem is printed in keepalived's form, with every line that
// keepalived names for it, and then with the line it stands on. Silence means that all is well.
func ConfigTest(o Options, file string, stderr io.Writer) int {
	elsewhere := func(name string) int {
		err := reexec(o, name, false, func() error { return nil })
		forgiven, ok := errors.AsType[notEntered](err)
		if !ok {
			fmt.Fprintln(stderr, err)
			return ExitFatal
		}
		for _, line := range forgiven.lines(name) {
			fmt.Fprintln(stderr, line)
		}
		return 0
	}
	if o.Namespace != "" && o.entered == "" {
		return elsewhere(o.Namespace) // the interfaces are there
	}
	w := stderr
	if file != "" {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			fmt.Fprintf(stderr, "Unable to open config-test log file %s - %v\n", file, err)
			return ExitFatal
		}
		defer f.Close()
		w = f
	}
	if !configured(o.files(), o.ConfigFile) {
		fmt.Fprintf(w, "Config files missing '%s'.\n", o.ConfigFile)
		if o.AllConfig {
			return testCannotRun
		}
		return 0
	}
	env := environment(o)
	env.System.Resolve = confparse.OSSystem().Resolve
	cfg, diags := testConfig(o, env)
	name := cfg.Global.Daemon.NetNamespace
	missing := slices.ContainsFunc(diags, func(d confparse.Diagnostic) bool { return d.Code == diag.CodeNoNamespace })
	if name != "" && o.entered == "" && !missing {
		return elsewhere(name)
	}
	if err := writeTest(w, diags); err != nil {
		fmt.Fprintln(stderr, err)
		return ExitFatal
	}
	return diags.ExitCode()
}

// checkConfig checks the configuration where the process is, for a reload, and returns the exit status of --config-test. What
// cannot be written to w is no reason to refuse it.
func checkConfig(o Options, env confparse.Env, w io.Writer) (code int) {
	if !configured(o.files(), o.ConfigFile) {
		fmt.Fprintf(w, "Config files missing '%s'.\n", o.ConfigFile)
		return ExitNoConfig
	}
	_, diags := testConfig(o, env)
	_ = writeTest(w, diags)
	return diags.ExitCode()
}

// testConfig loads the configuration to know what is wrong with it.
func testConfig(o Options, env confparse.Env) (*confparse.Config, confparse.Diagnostics) {
	env.ConfigTest, env.System.MemberFile = true, members.Check
	if o.entered != "" {
		env.System.Namespace = nil // it is known
	}
	return confparse.Load(o.files(), o.ConfigFile, env)
}

// writeTest prints each problem in keepalived's form, and then with the line it stands on.
func writeTest(w io.Writer, diags confparse.Diagnostics) error {
	var b strings.Builder
	for _, d := range diags {
		one := confparse.Diagnostics{d}
		_ = one.ConfigTest(&b) // a strings.Builder takes everything
		_ = one.Render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
