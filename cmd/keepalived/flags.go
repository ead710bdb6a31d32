package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"vigil/internal/daemon"
)

// action is what a command line asks for.
type action int

const (
	actionRun action = iota
	actionHelp
	actionVersion
	actionSignum
	actionConfigTest
)

// command is a parsed command line.
type command struct {
	action     action
	options    daemon.Options
	foreground bool
	signum     string   // of --signum
	testFile   string   // of --config-test=FILE; "" = stderr
	strays     []string // words that are no option; reported, not an error
	messages   []string // for stderr, whatever else happens
}

func (c *command) strayWords() string { return strings.Join(c.strays, " ") + " " }

// attachedOnly are the options whose argument is optional and must be attached (-tFILE, --config-test=FILE), as GNU
// getopt_long reads them.
const attachedOnly = "tgM"

// parseFlags reads a command line the way keepalived's getopt_long does: options and words in any order, clusters of
// short options, long names abbreviated when unambiguous. An error means exit status 1; its text is in messages.
func parseFlags(argv []string) (command, error) {
	c := command{options: daemon.DefaultOptions()}
	fs := newFlagSet(&c)
	err := fs.Parse(attachOptional(fs, argv[1:]))
	c.strays = fs.Args()
	if err != nil {
		c.messages = append(c.messages, getoptMessage(err))
		return c, err
	}
	if c.options.ConfigFile == "" {
		err = errors.New("empty file name")
		c.messages = append(c.messages, "Missing parameter for option --use-file")
	}
	if c.options.Namespace == "" && fs.Changed("namespace") { // a script's variable that is not set must not mean here
		err = errors.New("empty namespace name")
		c.messages = append(c.messages, "Missing parameter for option --namespace")
	}
	return c, err
}

func newFlagSet(c *command) *pflag.FlagSet {
	o := &c.options
	fs := pflag.NewFlagSet("keepalived", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	fs.Usage = func() {}

	fs.StringVarP(&o.ConfigFile, "use-file", "f", o.ConfigFile, "Use the specified configuration `FILE`")
	// The subsystem options act in command-line order: --all -C differs from -C --all.
	fs.BoolFuncP("vrrp", "P", "Only run with VRRP subsystem", func(string) error { o.Checkers = false; return nil })
	fs.BoolFuncP("check", "C", "Only run with Health-checker subsystem", func(string) error { o.VRRP = false; return nil })
	fs.BoolFuncP("no_bfd", "B", "Don't run BFD subsystem", func(string) error { o.BFD = false; return nil })
	fs.BoolFuncP("all", "", "Run all subsystems, even without configuration", func(string) error {
		o.VRRP, o.Checkers, o.BFD = true, true, true
		return nil
	})
	fs.BoolVarP(&c.foreground, "dont-fork", "n", false, "Don't fork the daemon process")
	fs.BoolVarP(&o.Log.Console, "log-console", "l", false, "Log messages to local console")
	fs.CountVarP(&o.Log.Detail, "log-detail", "D", "Detailed log messages")
	fs.FuncP("log-facility", "S", "Set syslog facility to `[0-7]|local[0-7]|user|daemon`", func(s string) error {
		if !o.Log.SetFacility(s) {
			c.messages = append(c.messages, fmt.Sprintf("Invalid log facility '%s'", s))
		}
		return nil
	})
	fs.BoolVarP(&o.Log.NoSyslog, "no-syslog", "G", false, "Don't log via syslog")
	fs.BoolVarP(&o.KeepVRRP, "dont-release-vrrp", "V", false, "Don't remove VRRP VIPs on daemon stop")
	fs.BoolVarP(&o.KeepIPVS, "dont-release-ipvs", "I", false, "Don't remove IPVS topology on daemon stop")
	fs.StringVarP(&o.PIDFiles.Daemon, "pid", "p", o.PIDFiles.Daemon, "Use specified pid `FILE`")
	fs.StringVarP(&o.PIDFiles.VRRP, "vrrp_pid", "r", o.PIDFiles.VRRP, "Use specified pid `FILE` for the VRRP subsystem")
	fs.StringVarP(&o.PIDFiles.Checkers, "checkers_pid", "c", o.PIDFiles.Checkers,
		"Use specified pid `FILE` for the checker subsystem")
	fs.StringVarP(&o.PIDFiles.BFD, "bfd_pid", "b", o.PIDFiles.BFD, "Use specified pid `FILE` for the BFD subsystem")
	fs.StringVarP(&o.ConfigID, "config-id", "i", "", "Configuration `ID` for @ID conditions; default the node name")
	fs.BoolVarP(&o.AllConfig, "all-config", "e", false, "Error if any configuration file is missing (same as includea)")
	fs.StringVarP(&o.Namespace, "namespace", "s", "", "Run in network namespace `NAME` (overrides config)")
	fs.FuncP("umask", "u", "File creation mask `MASK`, such as 027 (overrides config)", func(s string) error {
		mask, err := strconv.ParseUint(s, 0, 32)
		if err != nil || mask > 0o777 {
			c.messages = append(c.messages, "Invalid --umask option "+s)
			return nil
		}
		o.Umask = new(uint32(mask))
		return nil
	})
	fs.BoolVar(&o.IgnoreInterrupt, "ignore-sigint", false, "Ignore SIGINT")
	fs.StringVar(&o.MetricsListen, "metrics-listen", o.MetricsListen,
		"Serve /metrics, /healthz and /status on `ADDR`, or off")
	fs.StringVar(&o.Control, "control-socket", "", "Answer vigil drain and others of its commands at the unix socket `PATH`, or off; default named after the pid file")
	fs.Func("audit", "What becomes of weights set by others, with ipvsadm for instance: `keep` or repair", func(s string) error {
		if !o.SetAudit(s) {
			return fmt.Errorf("--audit is keep or repair, not %q", s)
		}
		return nil
	})
	fs.StringVar(&o.RecordFile, "record", "", "Keep what the virtual routers are given in `FILE`, for vigil replay")
	fs.Func("repair", "What becomes of addresses, routes, rules and no_accept of a master that others remove: put back (`on`), left so (off) "+
		"or a new election (fault)", func(s string) error {
		if !o.SetRepair(s) {
			return fmt.Errorf("--repair is on, off or fault, not %q", s)
		}
		return nil
	})
	fs.FuncP("config-test", "t", "Check the configuration, output to stderr or `FILE`", func(s string) error {
		c.action, c.testFile = actionConfigTest, strings.TrimPrefix(s, noArgument)
		return nil
	})
	fs.Lookup("config-test").NoOptDefVal = noArgument
	fs.Func("signum", "Return signal number for `SIGFUNC` STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON", func(s string) error {
		c.action, c.signum = actionSignum, s
		return nil
	})
	fs.BoolFuncP("version", "v", "Display the version number", func(string) error { c.setAction(actionVersion); return nil })
	fs.BoolFuncP("help", "h", "Display this help message", func(string) error { c.setAction(actionHelp); return nil })
	fs.BoolP("genhash", "T", false, "Be genhash: what follows are its options") // dealt with before
	addUnsupported(fs, c)
	fs.SetNormalizeFunc(expandPrefix(fs))
	return fs
}

// genhashAt returns where in the arguments genhash is asked for, and how; what follows is its. It returns -1 when it is not.
func genhashAt(args []string) (at int, word string) {
	var c command
	c.options = daemon.DefaultOptions()
	fs := newFlagSet(&c)
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return -1, ""
		case len(a) > len("--ge") && strings.HasPrefix("--genhash", a):
			return i, "genhash"
		case strings.HasPrefix(a, "--"):
			if !strings.Contains(a, "=") && takesArgument(fs, a[2:]) {
				i++
			}
		case strings.HasPrefix(a, "-"):
			for k := 1; k < len(a); k++ {
				if a[k] == 'T' {
					return i, "-T"
				}
				if f := fs.ShorthandLookup(a[k : k+1]); f != nil && f.NoOptDefVal == "" {
					if k+1 == len(a) {
						i++
					}
					break
				}
			}
		}
	}
	return -1, ""
}

// setAction keeps the first of -v and -h, as a program that exits on meeting one would.
func (c *command) setAction(a action) {
	if c.action != actionVersion && c.action != actionHelp {
		c.action = a
	}
}

// noArgument is what an optional argument holds when none was attached; no file name can contain it.
const noArgument = "\x00"

// addUnsupported accepts keepalived's remaining options and says of each one used that nothing comes of it, so that
// nobody believes in a feature that is not there.
func addUnsupported(fs *pflag.FlagSet, c *command) {
	note := func(name string) func(string) error {
		return func(string) error {
			c.messages = append(c.messages, "Option --"+name+" is accepted, not supported yet")
			return nil
		}
	}
	for _, f := range []struct{ name, short string }{
		{"release-vips", "X"}, {"dont-respawn", "R"}, {"dump-conf", "d"}, {"address-monitoring", "a"},
		{"snmp", "x"}, {"core-dump", "m"}, {"flush-log-file", ""}, {"no-mem-check", ""},
	} {
		fs.BoolFuncP(f.name, f.short, "(accepted, not supported yet)", note(f.name))
	}
	for _, f := range []struct{ name, short string }{
		{"snmp-agent-socket", "A"}, {"log-file", "g"}, {"core-dump-pattern", "M"},
	} {
		fs.FuncP(f.name, f.short, "(accepted, not supported yet)", note(f.name))
		if f.short != "" && strings.Contains(attachedOnly, f.short) {
			fs.Lookup(f.name).NoOptDefVal = noArgument
		}
	}
}

// expandPrefix lets a long option be abbreviated as long as only one begins so.
func expandPrefix(fs *pflag.FlagSet) func(*pflag.FlagSet, string) pflag.NormalizedName {
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		found := ""
		for _, n := range names {
			switch {
			case n == name:
				return pflag.NormalizedName(n)
			case !strings.HasPrefix(n, name):
			case found != "":
				return pflag.NormalizedName(name) // ambiguous: unknown
			default:
				found = n
			}
		}
		if found == "" {
			found = name
		}
		return pflag.NormalizedName(found)
	}
}

// attachOptional rewrites -tFILE, alone or at the end of a cluster, as --config-test=FILE: pflag would read FILE as
// further short options.
func attachOptional(fs *pflag.FlagSet, args []string) []string {
	out := make([]string, 0, len(args)+1)
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(out, args[i:]...)
		}
		if len(a) < 2 || a[0] != '-' || a[1] == '-' {
			out = append(out, a)
			if strings.HasPrefix(a, "--") && !strings.Contains(a, "=") && takesArgument(fs, a[2:]) && i+1 < len(args) {
				i++
				out = append(out, args[i])
			}
			continue
		}
		for j := 1; j < len(a); j++ {
			f := fs.ShorthandLookup(a[j : j+1])
			if f == nil {
				continue
			}
			if f.NoOptDefVal == noArgument && j+1 < len(a) {
				if j > 1 {
					out = append(out, a[:j])
				}
				a = "--" + f.Name + "=" + a[j+1:]
				break
			}
			if f.NoOptDefVal == "" { // takes the rest, or the next word
				if j+1 == len(a) && i+1 < len(args) {
					out = append(out, a)
					i++
					a = args[i]
				}
				break
			}
		}
		out = append(out, a)
	}
	return out
}

func takesArgument(fs *pflag.FlagSet, name string) bool {
	f := fs.Lookup(name)
	return f != nil && f.NoOptDefVal == ""
}

// getoptMessage is keepalived's text for a command-line error.
func getoptMessage(err error) string {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if unknown.GetSpecifiedShortnames() != "" {
			return "Unknown option -" + unknown.GetSpecifiedName()
		}
		return "Unknown option --" + unknown.GetSpecifiedName()
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		if missing.GetSpecifiedShortnames() != "" {
			return "Missing parameter for option -" + missing.GetSpecifiedName()
		}
		return "Missing parameter for option --" + missing.GetSpecifiedName()
	}
	return err.Error()
}

func writeUsage(w io.Writer, argv0 string) {
	var c command
	c.options = daemon.DefaultOptions()
	fmt.Fprintf(w, "Usage: %s [OPTION...]\n%s", argv0, newFlagSet(&c).FlagUsages())
}
