package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
)

const capabilitiesConf = `vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
    192.0.2.100/24
  }
}
`

// TestTwoCapabilitiesAreEnough: with CAP_NET_ADMIN and CAP_NET_RAW, and no other, as container images run it, the program becomes
// MASTER and has its address. Without one of them it ends with status 4, as keepalived does, and names what it lacks.
func TestTwoCapabilitiesAreEnough(t *testing.T) {
	t.Setenv(asProgram, "1")
	lab := testlan.ForTest(t)
	segment, err := lab.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	host, err := lab.Host("host")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Attach(segment, "eth0", netip.MustParsePrefix("192.0.2.1/24")); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "k.conf"), []byte(capabilitiesConf), 0o644); err != nil {
		t.Fatal(err)
	}
	argv := func(capabilities string) []string {
		return []string{"setpriv", "--bounding-set=-all" + capabilities, "--inh-caps=-all", self, "-n", "-l", "-D", "-P", "--metrics-listen", "off",
			"-f", filepath.Join(dir, "k.conf"), "-p", filepath.Join(dir, "k.pid"), "-r", filepath.Join(dir, "v.pid")}
	}

	p, err := host.Start("keepalived", nil, argv(",+net_admin,+net_raw")...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	lastly := func() string { return p.Log.Tail(10) }
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err = testlan.Until(ctx, "MASTER with its address", func() error {
		out, err := host.Output(t.Context(), "ip", "-o", "address", "show", "dev", "eth0")
		if err == nil && !strings.Contains(out, "192.0.2.100/24") {
			err = errors.New(out)
		}
		select {
		case <-p.Done():
			t.Fatalf("it has ended: %v\n%s", p.Err(), lastly())
		default:
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, lastly())
	}
	if _, is := p.Log.Find("Entering MASTER STATE", time.Time{}); !is {
		t.Errorf("no word of MASTER:\n%s", lastly())
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}

	for has, lacks := range map[string]string{",+net_raw": "CAP_NET_ADMIN", ",+net_admin": "CAP_NET_RAW"} {
		out, err := host.Output(t.Context(), argv(has)...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 4 {
			t.Errorf("without %s: %v, want status 4\n%s", lacks, err, out)
			continue
		}
		if text := out + err.Error(); !strings.Contains(text, lacks) {
			t.Errorf("without %s it is not named:\n%s", lacks, text)
		}
	}
}
