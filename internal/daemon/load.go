package daemon

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"strings"

	"vigil/confparse"
	"vigil/internal/track/watch"
)

// loaded is a configuration that may be applied, as the desired state that follows from it.
type loaded struct {
	desired Desired
	inputs  *confparse.Inputs
	known   *confparse.Known  // what the next load need not read again, given desired
	dynamic bool              // dynamic_interfaces: interfaces may be missing
	sourced *confparse.Config // what desired is made of again when members change, see Config.Sourced; nil: there are none
	lists   memberLists       // that desired has

	text string // of the configuration in canonical form, if it is to be saved

	identity   identity
	interfaces []confparse.Reference // of what was read
	accepted   map[string]bool       // the interfaces that it or what ran before may name
}

// errRefused says that the configuration has errors of the class that forbids applying any of it; they are logged.
var errRefused = errors.New("the configuration has errors")

// environment is what a configuration may ask about this host and this invocation.
func environment(o Options) confparse.Env {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	system := confparse.OSSystem()
	system.Resolve = nil // a name server that does not answer must not delay a director
	if o.Namespace != "" || o.entered != "" {
		system.Namespace = nil // it is known
	}
	seed := fnv.New64a()
	fmt.Fprint(seed, host, os.Getpid())
	return confparse.Env{Hostname: host, Seed: seed.Sum64(), ConfigID: o.ConfigID, LookupEnv: os.LookupEnv, AllConfig: o.AllConfig, System: system}
}

// load reads the configuration and logs every problem with its place. Of what has not changed since last it takes the
// desired state from there. The error is errRefused, or says that there is no such file, or it is errElsewhere: then only
// identity is valid, and nothing is logged, for what is true here may not be true there.
func load(o Options, last loaded, log *slog.Logger) (loaded, error) {
	if err := missing(o.files(), o.ConfigFile); err != nil {
		return loaded{}, err
	}
	if o.Namespace != "" && o.Namespace != o.entered {
		return loaded{identity: identity{namespace: o.Namespace}}, errElsewhere
	}
	env := environment(o)
	env.Known = last.known
	cfg, diags := confparse.Load(o.files(), o.ConfigFile, env)
	next := loaded{inputs: cfg.Inputs, known: cfg.Known, sourced: cfg.Sourced(), dynamic: cfg.Global.DynamicInterfaces,
		identity: identityOf(cfg, o), interfaces: interfaceUses(cfg)}
	if next.identity.namespace != o.entered {
		return next, errElsewhere
	}
	if cfg.Global.Daemon.ConfigSaveDir != "" {
		if next.known = nil; env.Known != nil {
			return load(o, loaded{desired: last.desired, accepted: last.accepted}, log) // reading everything, to have it all in the copy
		}
		var text strings.Builder
		_, _ = cfg.WriteTo(&text) // which takes everything
		next.text = text.String()
	}
	if given := cfg.Global.Daemon.NetNamespace; o.Namespace != "" && given != "" {
		log.Info(fmt.Sprintf("Overriding config net_namespace '%s' with command line namespace '%s'", given, o.Namespace))
	}
	if !diags.HasFatal() {
		var ok bool
		if next.desired, ok = last.desired.Updated(cfg); !ok {
			return load(o, loaded{}, log) // reading everything
		}
	}
	for _, d := range diags {
		logDiagnostic(log, d)
	}
	if diags.HasFatal() {
		return loaded{}, errRefused
	}
	if o.VRRP {
		for _, name := range watch.Unused(cfg) {
			log.Info(fmt.Sprintf("Warning - script %s is not used", name))
		}
	}
	next.accepted = maps.Clone(last.accepted) // with those of what was left out as unchanged
	if next.accepted == nil {
		next.accepted = make(map[string]bool)
	}
	for _, u := range next.interfaces {
		next.accepted[u.Name] = true
	}
	return next, nil
}

// missing is the error of a configuration of which there is no file to be read, or nil.
func missing(fsys fs.FS, pattern string) error {
	switch {
	case configured(fsys, pattern):
		return nil
	case len(confparse.Files(fsys, pattern)) > 0:
		return fmt.Errorf("config files missing '%s': not a regular non-executable file: %w", pattern, fs.ErrNotExist)
	}
	return fmt.Errorf("config files missing '%s': %w", pattern, fs.ErrNotExist)
}

// configured reports whether the name or pattern has a file that keepalived reads: a regular one that nobody could take
// for a program. A directory is what container runtimes make of a file that is missing on the host.
func configured(fsys fs.FS, pattern string) bool {
	for _, name := range confparse.Files(fsys, pattern) {
		if fi, err := fs.Stat(fsys, name); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 == 0 {
			return true
		}
	}
	return false
}

// logDiagnostic logs d in keepalived's form, which tools match, followed by what keepalived cannot say.
func logDiagnostic(log *slog.Logger, d confparse.Diagnostic) {
	attrs := []any{"code", d.Code}
	if d.Subject.File != "" {
		attrs = append(attrs, "column", d.Subject.Start.Col)
	}
	if d.Detail != "" {
		attrs = append(attrs, "hint", d.Detail)
	}
	for _, r := range d.Related {
		attrs = append(attrs, "see", r.Range.String()+" "+r.Note)
	}
	text := compatText(d)
	switch d.Severity {
	case confparse.Note:
		log.Info(text, attrs...)
	case confparse.Warning:
		log.Warn(text, attrs...)
	default:
		log.Error(text, attrs...)
	}
}

// compatText is d as keepalived prints it: "(FILE: Line N) summary".
func compatText(d confparse.Diagnostic) string {
	if d.Subject.File == "" {
		return d.Summary
	}
	return fmt.Sprintf("(%s: Line %d) %s", d.Subject.File, d.Subject.Start.Line, d.Summary)
}
