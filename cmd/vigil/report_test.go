package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestReportsStayTheSame compares the reports for programs with what they have always been: others read them.
func TestReportsStayTheSame(t *testing.T) {
	golden, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	director := "vrrp_instance VI {\n    interface eth0\n    virtual_router_id 51\n    priority 100\n    version 2\n    advert_int 1.5\n" +
		"    virtual_ipaddress {\n        192.0.2.100\n    }\n    track_interface {\n        eth1 weight -2 # é\n    }\n}\n"
	for name, text := range map[string]string{"lb1.conf": "global_defs {\n    router_id lb1\n}\nnamespace_with_ipsets ! é\n" + director,
		"lb2.conf": "include vips.conf\nvirtual_server 192.0.2.100 80 {\n    delay_lop 5\n    protocol TCP\n}\n", "vips.conf": director} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []string{"json", "sarif", "text"} {
		t.Run(format, func(t *testing.T) {
			_, out, stderr := call(t, "", "lint", "--format", format, "lb1.conf", "lb2.conf")
			if stderr != "" {
				t.Error(stderr)
			}
			path := filepath.Join(golden, "report."+format)
			if *update {
				if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), out); d != "" {
				t.Errorf("the report (-want +got):\n%s", d)
			}
		})
	}
}
