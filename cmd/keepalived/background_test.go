package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// asProgram makes this test binary behave as the program itself: that is what goes into the background.
const asProgram = "VIGIL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestForegroundWaitsForTheBackground(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"good.conf":   "global_defs {\n  router_id x\n}\n",
		"broken.conf": "global_defs {\n  router_id x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pidFile := filepath.Join(dir, "k.pid")
	start := func(config string, more ...string) (status int, stderr string) {
		var out, err bytes.Buffer
		argv := append([]string{"keepalived", "-f", config, "-p", pidFile, "-r", filepath.Join(dir, "v.pid"),
			"-c", filepath.Join(dir, "c.pid"), "--metrics-listen", "off"}, more...)
		status = run(argv, &out, &err)
		return status, err.String()
	}
	for _, tt := range []struct {
		config string
		more   []string
		status int
	}{
		{filepath.Join(dir, "absent.conf"), nil, 6},
		{dir, nil, 6},
		{"absent.conf", nil, 6},
		{"broken.conf", nil, 2},
		{filepath.Join(dir, "broken.conf"), nil, 2},
	} {
		status, stderr := start(tt.config, tt.more...)
		if status != tt.status || stderr == "" {
			t.Errorf("%s %v: status %d, want %d; stderr %q", tt.config, tt.more, status, tt.status, stderr)
		}
		if _, err := os.Stat(pidFile); err == nil {
			t.Errorf("%s: pid file left", tt.config)
		}
	}

	for range 2 { // the second finds the first running, which is no failure
		if status, stderr := start("good.conf"); status != 0 {
			t.Fatalf("status %d, stderr %q", status, stderr)
		}
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatalf("the command has returned, and there is no pid file: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid == os.Getpid() {
		t.Fatalf("pid file: %q", b)
	}
	if cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd")); err != nil || cwd != "/" {
		t.Errorf("working directory %q, %v", cwd, err)
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(process)
	if err := unix.Kill(pid, unix.SIGTERM); err != nil {
		t.Error(err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, -1); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("the pid file is still there")
	}
}
