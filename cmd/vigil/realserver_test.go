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
		{"--tunnel=vxlan apply 192.0.2.100", exitUsage, `"vxlan" is none of ipip, gre and gue`},
		{"--tunnel=gue --gue-port 65536 apply 192.0.2.100", exitUsage, "65536 is no port"},
		{"--tunnel=gue --gue-port 0 apply 192.0.2.100", exitUsage, "0 is no port"},
		{"check 192.0.2.100", exitWarnings, "192.0.2.100/32 is not on lo\n"},
		{"--tunnel check 192.0.2.100", exitWarnings, "192.0.2.100/32 is not on tunl0\n"},
		{"--tunnel=gre check 192.0.2.100", exitWarnings, "192.0.2.100/32 is not on gre0\n"},
		{"--tunnel=gue --gue-port 6081 check 192.0.2.100", exitWarnings, "GUE is not unpacked on UDP port 6081 (IPv4)\n"},
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
