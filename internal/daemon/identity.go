package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"vigil/confparse"
)

// identity is where the process is, and what it is called there: what a configuration says once, at start.
type identity struct {
	namespace     string // net_namespace, or --namespace; "" = the one that the process was started in
	ipvsNamespace string // net_namespace_ipvs as a path; "" = the process's own
	instance      string // instance: part of the names of pid files and in the log
	pidDir        bool   // use_pid_dir, which the two names imply
}

// identityOf is what a configuration makes of a process with the options o.
func identityOf(c *confparse.Config, o Options) identity {
	d := &c.Global.Daemon
	id := identity{namespace: d.NetNamespace, instance: d.Instance}
	if o.Namespace != "" {
		id.namespace = o.Namespace
	}
	if d.IPVSNamespaceSet {
		id.ipvsNamespace = initNamespace
		if d.IPVSNamespace != "" {
			id.ipvsNamespace = namespacePath(d.IPVSNamespace)
		}
	}
	id.pidDir = d.UsePIDDir || id.namespace != "" || id.instance != ""
	return id
}

// check returns why nothing can be called so.
func (id identity) check() error {
	if strings.Contains(id.instance, "/") {
		return fmt.Errorf("instance %q cannot be part of the name of a file, which has no slash in it", id.instance)
	}
	return nil
}

// suffix is what the names in the log end with.
func (id identity) suffix() string {
	var b strings.Builder
	for _, name := range []string{id.namespace, id.instance} {
		if name != "" {
			b.WriteString("_" + name)
		}
	}
	return b.String()
}

// pidDir is where pid files are with use_pid_dir. In a network namespace it is a directory of that namespace's own.
const pidDir = "/run/keepalived"

// file is the path of a file of the daemon's beside its pid file: name, the instance, ending.
func (id identity) file(name, ending string) string {
	dir, instance := "/run", ""
	if id.pidDir {
		dir = pidDir
	}
	if id.instance != "" {
		instance = "_" + id.instance
	}
	return filepath.Join(dir, name+instance+ending)
}

// pidFiles are given, completed by keepalived's names for id.
func (id identity) pidFiles(given PIDFiles) PIDFiles {
	for _, f := range []struct {
		path *string
		name string
	}{{&given.Daemon, "keepalived"}, {&given.VRRP, "vrrp"}, {&given.Checkers, "checkers"}, {&given.BFD, "bfd"}} {
		if *f.path == "" {
			*f.path = id.file(f.name, ".pid")
		}
	}
	return given
}

// errMoved is what of a configuration only another process could honour.
func errMoved(running, next identity) error {
	var errs []error
	for _, x := range []struct {
		what     string
		old, new string
	}{
		{"network namespace", running.namespace, next.namespace},
		{"IPVS network namespace", running.ipvsNamespace, next.ipvsNamespace},
		{"instance name", running.instance, next.instance},
	} {
		if x.old != x.new {
			errs = append(errs, fmt.Errorf("cannot change %s at a reload (%q, now %q) - please restart keepalived", x.what, x.old, x.new))
		}
	}
	return errors.Join(errs...)
}
