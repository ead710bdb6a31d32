package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/integration/labkit"
)

func TestMain(m *testing.M) {
	labkit.Main()
	os.Exit(m.Run())
}

func TestConfigHasTheScale(t *testing.T) {
	s := scale{services: 300, servers: 7}
	for omit, want := range map[int]int{0: 2100, 1: 2099} {
		text := s.config(time.Minute, omit)
		if got := strings.Count(text, "real_server "); got != want {
			t.Errorf("without %d: %d real servers, want %d", omit, got, want)
		}
		if got := strings.Count(text, "virtual_server "); got != 300 {
			t.Errorf("without %d: %d virtual servers, want 300", omit, got)
		}
		if strings.Count(text, "{") != strings.Count(text, "}") {
			t.Errorf("without %d: braces do not match", omit)
		}
	}
	if text := s.config(time.Hour, 0); !strings.Contains(text, "virtual_server 10.100.1.43 80") || !strings.Contains(text, "delay_loop 3600\n") {
		t.Error("service 299 or the delay is missing")
	}
	if path, err := exec.LookPath("keepalived"); err == nil {
		file := filepath.Join(t.TempDir(), "k.conf")
		if err := os.WriteFile(file, []byte(s.config(time.Minute, 0)), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(path, "-t", "-f", file).CombinedOutput(); err != nil {
			t.Errorf("Debian's keepalived does not like the configuration: %v: %s", err, out)
		}
	}
}
