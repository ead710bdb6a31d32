package realserver_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vigil/internal/realserver"
	"vigil/internal/testlan"
)

// machine is a host of a lab with the server on it.
func machine(t *testing.T) (*testlan.Host, realserver.Server) {
	t.Helper()
	lab := testlan.ForTest(t)
	h, err := lab.Host("rs")
	if err != nil {
		t.Fatal(err)
	}
	return h, realserver.Server{State: filepath.Join(t.TempDir(), "state", "real-server.json")}
}

func addresses(t *testing.T, list string) (w realserver.Wanted) {
	t.Helper()
	for _, a := range strings.Fields(list) {
		w.Addresses = append(w.Addresses, netip.MustParseAddr(a))
	}
	return w
}

// onLo are the IPv4 addresses of lo, beside its own.
func onLo(t *testing.T, h *testlan.Host) string {
	t.Helper()
	all, err := h.Addresses("lo")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range all {
		if !a.Addr().IsLoopback() {
			out = append(out, a.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func setting(t *testing.T, h *testlan.Host, key string) string {
	t.Helper()
	value, err := h.ReadSysctl(key)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The life of a server: found with some settings, prepared, checked, prepared again, undone.
func TestLifeOfARealServer(t *testing.T) {
	h, server := machine(t)
	const found = "2" // arp_ignore as the administrator had it
	if err := h.Sysctl("net/ipv4/conf/all/arp_ignore", found); err != nil {
		t.Fatal(err)
	}
	const both = "192.0.2.100/32 192.0.2.101/32"
	for i, step := range []struct {
		verb, list string
		missing    string // what check says
		ignore     string
		announce   string
		vips       string // on lo, beside its own
	}{
		{"check", "192.0.2.100", "/proc/sys/net/ipv4/conf/all/arp_announce is 0, must be 2; /proc/sys/net/ipv4/conf/all/arp_ignore is 2, must be 1; 192.0.2.100/32 is not on lo", found, "0", ""},
		{"undo", "192.0.2.100", "", found, "0", ""},
		{"apply", "192.0.2.100", "", "1", "2", "192.0.2.100/32"},
		{"check", "192.0.2.100", "", "1", "2", "192.0.2.100/32"},
		{"check", "192.0.2.10", "192.0.2.10/32 is not on lo", "1", "2", "192.0.2.100/32"},
		{"apply", "192.0.2.100 192.0.2.101", "", "1", "2", both},
		{"apply", "192.0.2.100 192.0.2.101", "", "1", "2", both},
		{"undo", "192.0.2.100", "", "1", "2", "192.0.2.101/32"},
		{"check", "", "", "1", "2", "192.0.2.101/32"},
		{"apply", "2001:db8::100", "", "1", "2", "192.0.2.101/32"},
		{"check", "2001:db8::100 192.0.2.101", "", "1", "2", "192.0.2.101/32"},
		{"undo", "192.0.2.101", "", "1", "2", ""},
		{"check", "2001:db8::100", "", "1", "2", ""},
		{"undo", "2001:db8::100", "", found, "0", ""},
		{"check", "2001:db8::100", "2001:db8::100/128 is not on lo", found, "0", ""},
		{"undo", "192.0.2.101", "", found, "0", ""},
	} {
		var missing []string
		err := h.Do(func() (err error) {
			switch w := addresses(t, step.list); step.verb {
			case "apply":
				err = server.Apply(w)
			case "undo":
				err = server.Undo(w)
			default:
				missing, err = server.Check(w)
			}
			return err
		})
		if err != nil || strings.Join(missing, "; ") != step.missing {
			t.Errorf("%d: %s %s: %v, %q; want %q", i, step.verb, step.list, err, missing, step.missing)
		}
		ignore, announce := setting(t, h, "net/ipv4/conf/all/arp_ignore"), setting(t, h, "net/ipv4/conf/all/arp_announce")
		if vips := onLo(t, h); ignore != step.ignore || announce != step.announce || vips != step.vips {
			t.Errorf("%d: %s %s: arp_ignore %s, arp_announce %s, addresses %q; want %s, %s, %q", i, step.verb, step.list, ignore,
				announce, vips, step.ignore, step.announce, step.vips)
		}
	}
	if _, err := os.Stat(server.State); !os.IsNotExist(err) {
		t.Errorf("the state was left behind: %v", err)
	}
}

// What was there before stays: an address that the administrator had put on lo, and a setting that was changed since.
func TestUndoTakesOnlyWhatApplyGave(t *testing.T) {
	h, server := machine(t)
	if err := h.AddAddress("lo", netip.MustParsePrefix("192.0.2.100/32")); err != nil {
		t.Fatal(err)
	}
	w := addresses(t, "192.0.2.100 192.0.2.101")
	if err := h.Do(func() error { return server.Apply(w) }); err != nil {
		t.Fatal(err)
	}
	if err := h.Sysctl("net/ipv4/conf/all/arp_announce", "1"); err != nil {
		t.Fatal(err)
	}
	if err := h.Do(func() error { return server.Undo(w) }); err != nil {
		t.Fatal(err)
	}
	ignore, announce := setting(t, h, "net/ipv4/conf/all/arp_ignore"), setting(t, h, "net/ipv4/conf/all/arp_announce")
	if vips := onLo(t, h); vips != "192.0.2.100/32" || ignore != "0" || announce != "1" {
		t.Errorf("addresses %q, arp_ignore %s, arp_announce %s; want 192.0.2.100/32, 0, 1", vips, ignore, announce)
	}
}

// A state file that says nothing sensible stops everything: what was found would be lost.
func TestBrokenStateIsNotOverwritten(t *testing.T) {
	h, server := machine(t)
	server.State = filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(server.State, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := h.Do(func() error { return server.Apply(addresses(t, "192.0.2.100")) }); err == nil || onLo(t, h) != "" {
		t.Errorf("applied with a broken state: %v, %q", err, onLo(t, h))
	}
	if text, err := os.ReadFile(server.State); err != nil || string(text) != "{" {
		t.Errorf("%q, %v", text, err)
	}
}

// A kernel that cannot unpack what is wanted is told of by the name of what it lacks, and nothing has been changed.
func TestKernelWithoutTunnels(t *testing.T) {
	h, server := machine(t)
	for _, tunnel := range []realserver.Tunnel{realserver.IPIP, realserver.GRE, realserver.GUE} {
		w := addresses(t, "192.0.2.100")
		w.Tunnel, w.GUEPort = tunnel, realserver.DefaultGUEPort
		exit := map[realserver.Tunnel]string{realserver.GRE: "gre0"}[tunnel]
		if exit == "" {
			exit = "tunl0"
		}
		if _, err := h.Addresses(exit); err == nil {
			t.Skipf("this kernel has %s", exit)
		}
		var missing []string
		var applied, checked error
		if err := h.Do(func() error {
			applied = server.Apply(w)
			missing, checked = server.Check(w)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if applied == nil || !strings.Contains(applied.Error(), exit) {
			t.Errorf("%s: apply: %v, want an error about %s", tunnel, applied, exit)
		}
		if said := strings.Join(missing, "; "); checked != nil || !strings.Contains(said, exit+" is not up") ||
			strings.Contains(said, "GUE is not unpacked on UDP port 6080 (IPv4)") != (tunnel == realserver.GUE) {
			t.Errorf("%s: check: %q, %v", tunnel, said, checked)
		}
		if _, err := os.Stat(server.State); !os.IsNotExist(err) || setting(t, h, "net/ipv4/conf/all/arp_ignore") != "0" {
			t.Errorf("%s: something was left behind: %v", tunnel, err)
		}
	}
}
