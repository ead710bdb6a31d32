package integration

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/internal/testlan"
)

// examples/real-server-dr.sh in the life of a server: found with some settings, prepared, checked, prepared again, undone.
func TestRealServerScript(t *testing.T) {
	onHost(t)
	lab, err := testlan.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := lab.Host("rs")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../examples/real-server-dr.sh")
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state")
	const found = "2" // arp_ignore as the administrator had it
	if err := h.Sysctl("net/ipv4/conf/all/arp_ignore", found); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args     string
		ok       bool
		says     string // part of the output or the complaint
		ignore   string
		announce string
		vips     string // on lo, beside 127.0.0.1
	}{
		{"check 192.0.2.100", false, "192.0.2.100/32 is not on lo", found, "0", ""},
		{"apply 192.0.2.100", true, "", "1", "2", "192.0.2.100/32"},
		{"check 192.0.2.100", true, "", "1", "2", "192.0.2.100/32"},
		{"check 192.0.2.10", false, "192.0.2.10/32 is not on lo", "1", "2", "192.0.2.100/32"}, // not a part of another
		{"apply 192.0.2.100 192.0.2.101", true, "", "1", "2", "192.0.2.100/32 192.0.2.101/32"},
		{"undo 192.0.2.100", true, "", "1", "2", "192.0.2.101/32"},
		{"check", true, "", "1", "2", "192.0.2.101/32"},
		{"undo 192.0.2.101", true, "", found, "0", ""},
		{"undo 192.0.2.101", true, "", found, "0", ""},
		{"apply 192.0.2.300", false, "192.0.2.300 is no IPv4 address", found, "0", ""},
		{"apply", false, "apply VIP", found, "0", ""},
		{"dance 192.0.2.100", false, "undo  VIP", found, "0", ""},
	} {
		argv := append([]string{"env", "REAL_SERVER_STATE=" + state, "sh", script}, strings.Fields(step.args)...)
		out, err := h.Output(context.Background(), argv...)
		complaint := out
		if err != nil {
			complaint += err.Error()
		}
		if (err == nil) != step.ok || !strings.Contains(complaint, step.says) {
			t.Errorf("%s: %v, output %q; want success %v and %q", step.args, err, out, step.ok, step.says)
		}
		ignore, _ := h.ReadSysctl("net/ipv4/conf/all/arp_ignore")
		announce, _ := h.ReadSysctl("net/ipv4/conf/all/arp_announce")
		addresses, err := h.Addresses("lo")
		if err != nil {
			t.Fatal(err)
		}
		var vips []string
		for _, a := range addresses {
			if !a.Addr().IsLoopback() {
				vips = append(vips, a.String())
			}
		}
		if got := strings.Join(vips, " "); ignore != step.ignore || announce != step.announce || got != step.vips {
			t.Errorf("%s: arp_ignore %s, arp_announce %s, addresses %q; want %s, %s, %q", step.args, ignore, announce, got,
				step.ignore, step.announce, step.vips)
		}
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("the script left its state behind: %v", err)
	}
}
