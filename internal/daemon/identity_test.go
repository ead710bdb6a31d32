package daemon

import (
	"testing"
	"testing/fstest"
	"testing/synctest"

	"vigil/confparse"
)

func identityFrom(text string, o Options) identity {
	fsys := fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
	cfg, _ := confparse.Load(fsys, "k.conf", confparse.Env{Hostname: "lb1.example.net"})
	return identityOf(cfg, o)
}

// TestNamesOfPIDFilesAndOfTheLog: as keepalived 2.2.7 was seen to name them.
func TestNamesOfPIDFilesAndOfTheLog(t *testing.T) {
	for _, tt := range []struct {
		rule, text string
		o          Options
		pid, vrrp  string
		suffix     string
	}{
		{rule: "by default", pid: "/run/keepalived.pid", vrrp: "/run/vrrp.pid"},
		{rule: "use_pid_dir", text: "use_pid_dir\n", pid: "/run/keepalived/keepalived.pid", vrrp: "/run/keepalived/vrrp.pid"},
		{rule: "instance implies the directory", text: "instance foo\n", pid: "/run/keepalived/keepalived_foo.pid",
			vrrp: "/run/keepalived/vrrp_foo.pid", suffix: "_foo"},
		{rule: "net_namespace too", text: "net_namespace red\n", pid: "/run/keepalived/keepalived.pid",
			vrrp: "/run/keepalived/vrrp.pid", suffix: "_red"},
		{rule: "both", text: "instance foo\nnet_namespace red\n", pid: "/run/keepalived/keepalived_foo.pid",
			vrrp: "/run/keepalived/vrrp_foo.pid", suffix: "_red_foo"},
		{rule: "the command line names the namespace", text: "net_namespace red\n", o: Options{Namespace: "blue"},
			pid: "/run/keepalived/keepalived.pid", vrrp: "/run/keepalived/vrrp.pid", suffix: "_blue"},
		{rule: "paths of the command line win", text: "instance foo\n", o: Options{PIDFiles: PIDFiles{Daemon: "/run/keepalived.pid"}},
			pid: "/run/keepalived.pid", vrrp: "/run/keepalived/vrrp_foo.pid", suffix: "_foo"},
	} {
		id := identityFrom(tt.text, tt.o)
		if f := id.pidFiles(tt.o.PIDFiles); f.Daemon != tt.pid || f.VRRP != tt.vrrp || id.suffix() != tt.suffix {
			t.Errorf("%s: %s, %s, %q; want %s, %s, %q", tt.rule, f.Daemon, f.VRRP, id.suffix(), tt.pid, tt.vrrp, tt.suffix)
		}
	}
}

// TestInstanceThatNamesNoFile: pid files would be in other directories, or all be the same one.
func TestInstanceThatNamesNoFile(t *testing.T) {
	for text, refused := range map[string]bool{"": false, "instance west\n": false, "instance ..\n": false,
		"instance a/b\n": true, "instance ../../tmp/q\n": true} {
		if err := identityFrom(text, Options{}).check(); (err != nil) != refused {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNamespaceOfTheTable(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"net_namespace red\n":       "",
		"net_namespace_ipvs red\n":  "/run/netns/red",
		"net_namespace_ipvs\n":      "/proc/1/ns/net",
		"net_namespace_ipvs \"\"\n": "/proc/1/ns/net",
		"net_namespace_ipvs a\nnet_namespace_ipvs b\n": "/run/netns/a",
	} {
		if got := identityFrom(text, Options{}).ipvsNamespace; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestReloadCannotMoveTheProcess: what only another process could honour refuses the reload as a whole.
func TestReloadCannotMoveTheProcess(t *testing.T) {
	for rule, text := range map[string]string{
		"a network namespace":             "net_namespace red\n",
		"another table":                   "net_namespace_ipvs red\n",
		"another name":                    "instance foo\n",
		"a namespace that does not exist": "net_namespace no-such-namespace\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, oneService, nil)
			table := destinations(i.kernel.Table())
			reply, log := i.reload(text)
			reply.want(t, rule, reloadRefused)
			if len(log) != 0 || destinations(i.kernel.Table()) != table {
				t.Errorf("%s: the table was touched: %v", rule, log)
			}
			reply, _ = i.reload(oneService)
			reply.want(t, rule+", taken back", reloadUnchanged)
			if err := i.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNamespaceOfARunningProcessStays: with a namespace of the command line the one of the file does not matter, at a
// reload either.
func TestNamespaceOfARunningProcessStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, func(o *Options) { o.Namespace, o.entered = "blue", "blue" })
		reply, _ := i.reload("net_namespace red\n" + oneService)
		reply.want(t, "another namespace in the file", reloadUnchanged)
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
