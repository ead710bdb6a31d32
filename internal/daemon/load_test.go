package daemon

import (
	"testing"
	"testing/fstest"
)

// TestConfigured: a pattern stands for every file that it matches; a directory, which is what container runtimes make of
// a file that is missing on the host, is no configuration, and neither is a program.
func TestConfigured(t *testing.T) {
	fsys := fstest.MapFS{
		"etc/k/a.conf": {Mode: 0o644}, "etc/k/b.conf": {Mode: 0o644}, "etc/dir.conf/x": {Mode: 0o644}, "etc/run.conf": {Mode: 0o755},
	}
	for pattern, want := range map[string]bool{
		"etc/k/a.conf": true, "etc/k/*.conf": true, "etc/k/[ab].conf": true, "etc/k/{z,b}.conf": true, "etc/{k,l}/?.conf": true,
		"etc/k": false, "etc/dir.conf": false, "etc/run.conf": false, "etc/*.conf": false, "etc/k/z*.conf": false,
		"etc/k/{y,z}.conf": false, "none/k.conf": false, "etc/k/[.conf": false,
	} {
		if got := configured(fsys, pattern); got != want {
			t.Errorf("%s: %v, want %v", pattern, got, want)
		}
	}
}
