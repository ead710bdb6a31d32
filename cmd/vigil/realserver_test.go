package main

import (
	"strings"
	"testing"
)

func TestRealServerCommandLines(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", exitUsage, "apply, undo or check?"},
		{"apply", exitUsage, "apply which addresses?"},
		{"undo", exitUsage, "undo which addresses?"},
		{"dance 192.0.2.100", exitUsage, `"dance" is none of apply, undo and check`},
		{"apply 192.0.2.300", exitUsage, "192.0.2.300 is no address"},
		{"apply fe80::1%eth0", exitUsage, "is no address"},
		{"apply 0.0.0.0", exitUsage, "is no address"},
		{"--frobnicate apply 192.0.2.100", exitUsage, "frobnicate"},
		{"check 192.0.2.100", exitWarnings, "192.0.2.100/32 is not on lo\n"},
	} {
		code, out, complaint := call(t, "", append([]string{"real-server"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+complaint, c.says) {
			t.Errorf("%q: status %d, %q; want %d, %q", c.args, code, out+complaint, c.code, c.says)
		}
	}
	if code, out, _ := call(t, "", "real-server", "--help"); code != exitOK || !strings.Contains(out, "--tunnel") {
		t.Errorf("help: %d, %q", code, out)
	}
}
