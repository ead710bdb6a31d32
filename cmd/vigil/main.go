// Command vigil is the operator's tool for keepalived.conf: it finds what is wrong with a file or with a pair of
// them, and prints what a file means. For that it needs neither root nor the machine the file is for. On the other side of
// the director it prepares real servers.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"vigil/confparse"
)

// The exit statuses.
const (
	exitOK       = 0
	exitWarnings = 1 // of lint --strict; of fmt --check, --list and --diff, a file in another layout; of real-server check
	exitErrors   = 2
	exitUsage    = 64 // EX_USAGE
)

const usage = `Usage: vigil COMMAND [OPTION]... ARGUMENT...

  vigil lint FILE [PEERFILE]   find mistakes in a keepalived.conf, or in those of a pair
  vigil fmt FILE...            print files in the canonical layout, or rewrite them
  vigil config FILE            print what a file means, every default spelled out
  vigil keywords               list the language, and how far each keyword is supported
  vigil sim FILE... SCENARIO   play what happens to directors, and print who becomes what, when and why
  vigil drain SERVER           let no new clients come to a real server of a running daemon, and wait until the others have gone
  vigil undrain SERVER         let them come again
  vigil drains                 list what is drained
  vigil explain [INSTANCE]     ask a running daemon why its instances are what they are
  vigil replay FILE            run a recording of keepalived --record again; every action must be the same
  vigil real-server            prepare this machine to be a real server (direct routing, tunnel)

FILE may be - for standard input. "vigil COMMAND --help" lists the options.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// command is one of vigil's commands. It returns the exit status.
type command func(args []string, s streams) (int, error)

var commands = map[string]command{
	"lint":     lintCommand,
	"fmt":      fmtCommand,
	"config":   configCommand,
	"keywords": keywordsCommand,
	"sim":      simCommand,
	"explain":  explainCommand,
	"drain":    drainCommand,
	"undrain":  undrainCommand,
	"drains":   drainsCommand,
	"replay":   replayCommand,

	"real-server": realServerCommand,
}

// streams are the standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// errUsage is a command line that cannot be understood.
type errUsage struct{ message string }

func (e errUsage) Error() string { return e.message }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		io.WriteString(stderr, usage)
		return exitUsage
	}
	if args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		io.WriteString(stdout, usage)
		return exitOK
	}
	c, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "vigil: unknown command %q\n%s", args[0], usage)
		return exitUsage
	}
	code, err := c(args[1:], streams{stdin, stdout, stderr})
	var bad errUsage
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return code
	case errors.As(err, &bad):
		fmt.Fprintf(stderr, "vigil %s: %v\n", args[0], err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "vigil %s: %v\n", args[0], err)
	return exitErrors
}

// newFlags returns a flag set that prints its help to s.out.
func newFlags(name, arguments string, s streams) *pflag.FlagSet {
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.SortFlags = false
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprintf(s.out, "Usage: vigil %s [OPTION]... %s\n\n%s", name, arguments, f.FlagUsages())
	}
	return f
}

// parse reads args, of which between least and most are no options.
func parse(f *pflag.FlagSet, args []string, least, most int) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return errUsage{err.Error()}
	}
	switch n := f.NArg(); {
	case n < least:
		return errUsage{"the name of a file is missing"}
	case n > most:
		return errUsage{fmt.Sprintf("too many arguments: %q", f.Args()[most:])}
	}
	return nil
}

// reading is what decides how a file is read.
type reading struct {
	id  string // -i
	all bool   // -e
}

func (r *reading) flags(f *pflag.FlagSet) {
	f.StringVarP(&r.id, "config-id", "i", "", "which @ID lines count; the host name unless given")
	f.BoolVarP(&r.all, "all-config", "e", false, "an include that finds nothing is an error")
}

// env returns the surroundings of a file. Nothing is asked of this machine but its name and environment variables.
func (r *reading) env() confparse.Env {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost" // as a machine without a name is called
	}
	return confparse.Env{Hostname: host, ConfigID: r.id, AllConfig: r.all, LookupEnv: os.LookupEnv, Seed: 1}
}
