package ipvs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

func TestServiceKeyText(t *testing.T) {
	for _, text := range []string{"tcp 10.0.0.1:80", "udp [2001:db8::1]:53", "sctp 10.0.0.1:0",
		"fwmark 5 IPv4", "fwmark 4294967295 IPv6"} {
		var k ServiceKey
		if err := k.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := k.String(); got != text {
			t.Errorf("%q reads back as %q", text, got)
		}
	}
	for _, text := range []string{"", "tcp", "tcp 10.0.0.1", "icmp 10.0.0.1:80", "fwmark 0 IPv4", "fwmark 5", "fwmark x IPv4",
		"tcp 10.0.0.1:70000", "none 10.0.0.1:80"} {
		if err := new(ServiceKey).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestStateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ipvs.json")
	a, b := v4Key("10.0.0.1:80"), ServiceKey{Family: confparse.IPv6, Fwmark: 5}
	f := stateFile{path: path}
	if owned, err := f.load(); len(owned) != 0 || err != nil {
		t.Fatalf("no file: %v, %v", owned, err)
	}
	want := map[ServiceKey]bool{a: true, b: true}
	if err := f.save(want); err != nil {
		t.Fatal(err)
	}
	got, err := (&stateFile{path: path}).load()
	if diff := cmp.Diff(want, got, comparable); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}

	// The same content is not written again.
	if err := os.WriteFile(path, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.save(map[ServiceKey]bool{b: true, a: true}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "untouched" {
		t.Errorf("rewritten: %s", b)
	}
	if _, err := (&stateFile{path: path}).load(); err == nil {
		t.Error("a damaged file is no error")
	}

	if err := f.save(nil); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := (&stateFile{path: filepath.Join(path, "missing", "x")}).save(want); err == nil {
		t.Error("a missing directory is no error")
	}
}

// A table does not outlive a boot: what was ours before is not ours now.
func TestStateOfAnotherBootIsNotOurs(t *testing.T) {
	file := []byte(`{"boot_id":"yesterday","services":["tcp 10.0.0.1:80"]}`)
	if owned, err := parseState(file, "today"); len(owned) != 0 || err != nil {
		t.Errorf("%v, %v", owned, err)
	}
	if owned, err := parseState(file, "yesterday"); len(owned) != 1 || err != nil {
		t.Errorf("%v, %v", owned, err)
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"boot_id":"b","services":["tcp 10.0.0.1:80","fwmark 5 IPv4"]}`))
	f.Add([]byte(`{"boot_id":"b","services":[""]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		owned, err := parseState(b, "b")
		if err != nil {
			return
		}
		for k := range owned {
			var again ServiceKey
			if err := again.UnmarshalText([]byte(k.String())); err != nil || again != k {
				t.Errorf("%v reads back as %v, %v", k, again, err)
			}
		}
	})
}

// The lines are those of keepalived 2.2.7 and 2.4.3.
func TestErrorText(t *testing.T) {
	s, s6, mark := v4Key("10.0.0.1:80"), v4Key("[2001:db8::1]:80"), ServiceKey{Family: confparse.IPv4, Fwmark: 5}
	for _, c := range []struct {
		op   Op
		err  error
		want string
	}{
		{Op{Kind: AddService, Service: s}, syscall.EEXIST,
			"IPVS cmd IP_VS_SO_SET_ADD(1154) error: Service already exists(17) (10.0.0.1:tcp:80)"},
		{Op{Kind: AddService, Service: s6}, syscall.ENOENT,
			"IPVS cmd IP_VS_SO_SET_ADD(1154) error: Scheduler or persistence engine not found(2) (2001:db8::1:tcp:80)"},
		{Op{Kind: AddDest, Service: s, Dest: v4Dest}, syscall.ERANGE,
			"IPVS cmd IP_VS_SO_SET_ADDDEST(1159) error: Numerical result out of range(34) (10.0.0.1:tcp:80 -> 192.168.0.1:80)"},
		{Op{Kind: DelDest, Service: mark, Dest: v4Dest}, syscall.ENOENT,
			"IPVS cmd IP_VS_SO_SET_DELDEST(1160) error: No such destination(2) (Fwm 5 -> 192.168.0.1:80)"},
		{Op{Kind: SetDest, Service: s, Dest: v4Dest}, syscall.ESRCH,
			"IPVS cmd IP_VS_SO_SET_EDITDEST(1161) error: No such service(3) (10.0.0.1:tcp:80 -> 192.168.0.1:80)"},
		{Op{Kind: AddDest, Service: s, Dest: v4Dest}, syscall.EEXIST,
			"IPVS cmd IP_VS_SO_SET_ADDDEST(1159) error: Destination already exists(17) (10.0.0.1:tcp:80 -> 192.168.0.1:80)"},
		{Op{Kind: DelService, Service: mark}, syscall.EPERM,
			"IPVS cmd IP_VS_SO_SET_DEL(1156) error: Permission denied (you must be root)(1) (Fwm 5)"},
		{Op{Kind: StartSync, Sync: &SyncDaemon{Role: SyncMaster, Interface: "eth1"}}, syscall.EEXIST,
			"IPVS cmd IP_VS_SO_SET_STARTDAEMON(1163) error: Daemon has already run(17)"},
		{Op{Kind: StartSync, Sync: &SyncDaemon{Role: SyncBackup, Interface: "eth1"}}, syscall.ENODEV,
			"IPVS cmd IP_VS_SO_SET_STARTDAEMON(1163) error: No such device(19)"},
		{Op{Kind: StopSync, Sync: &SyncDaemon{Role: SyncBackup, Interface: "eth1"}}, syscall.ESRCH,
			"IPVS cmd IP_VS_SO_SET_STOPDAEMON(1164) error: No daemon is running(3)"},
	} {
		if got := errorText(c.op, c.err); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if got := errorOf(c.op, c.err).Error(); !strings.Contains(got, object(c.op)) {
			t.Errorf("%q does not name %q", got, object(c.op))
		}
	}
}
