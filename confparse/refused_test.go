package confparse

import (
	"strings"
	"testing"

	"vigil/confparse/diag"
)

// TestRefused: what would change where or how the program speaks is refused with its place until it can be honoured, and
// nothing else of its kind is.
func TestRefused(t *testing.T) {
	const peer = "unicast_peer {\n192.0.2.9\n}\n"
	const noLink = "vrrp_instance V {\nvirtual_router_id 5\n" + peer + "virtual_ipaddress {\n192.0.2.1\n}\n"
	with := func(more string, addrs ...string) string { return instance("V", "eth0", 5, more, addrs...) }
	for _, tt := range []struct {
		rule, text string
		line       int32 // of the refusal; 0: none
	}{
		{"network namespaces, which are honoured", "net_namespace red\nnet_namespace_ipvs blue\n" + with(""), 0},
		{"unicast without an interface", noLink + "}\n", 1},
		{"unicast in a vrf", noLink + "vrf blue\n}\n", 1},
		{"unicast with an interface", with(peer), 0},
	} {
		_, ds := load(t, tt.text)
		line := int32(0)
		for _, d := range ds {
			if d.Code == diag.CodeRefused {
				line = d.Subject.Start.Line
			}
		}
		if line != tt.line || ds.HasFatal() != (tt.line > 0) || ds.Misread() {
			t.Errorf("%s: refused at line %d, want %d: %v", tt.rule, line, tt.line, ds)
		}
		if tt.line > 0 && (ds.ExitCode() != 0 || !strings.Contains(configTest(t, ds), "not supported yet")) {
			t.Errorf("%s: --config-test says %q and ends with %d; the mistake is not the file's", tt.rule, configTest(t, ds), ds.ExitCode())
		}
	}
}

func configTest(t *testing.T, ds Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := ds.ConfigTest(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
