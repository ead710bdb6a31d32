package confparse

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestSources(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Source
		why  string
	}{
		{"/run/m", Source{File: "/run/m"}, ""},
		{"dns:web", Source{Name: "web"}, ""},
		{"dns:WEB.example.org.:80", Source{Name: "web.example.org", Port: 80}, ""},
		{"dns:_http._tcp.web", Source{Name: "_http._tcp.web"}, ""},
		{"run/m", Source{}, "use the absolute path of a file, or dns:NAME"},
		{"", Source{}, "use the absolute path of a file, or dns:NAME"},
		{"DNS:web", Source{}, "use the absolute path of a file, or dns:NAME"},
		{"/", Source{}, "use the absolute path of a file, or dns:NAME"},
		{"dns:192.0.2.1", Source{}, "an address is written as real_server"},
		{"dns:web:x", Source{}, "a port is 1 to 65535"},
		{"dns:_http._tcp.web:80", Source{}, "SRV records have the ports"},
		{"dns:" + strings.Repeat("a", 63), Source{Name: strings.Repeat("a", 63)}, ""},
		{"dns:" + strings.Repeat("a", 64), Source{}, "a name has labels of letters, digits, - and _, of at most 63 characters each and 253 together"},
		{"dns:" + strings.Repeat("a.", 127), Source{Name: strings.Repeat("a.", 126) + "a"}, ""},
		{"dns:" + strings.Repeat("a.", 127) + "a", Source{}, "a name has labels of letters, digits, - and _, of at most 63 characters each and 253 together"},
	} {
		s, why := parseSource(tt.text)
		if why != tt.why || why == "" && s != tt.want {
			t.Errorf("%s: %+v, %q; want %+v, %q", tt.text, s, why, tt.want, tt.why)
		}
	}
}

func TestMembersHaveAnOrder(t *testing.T) {
	at := func(a string, port uint16, weight int32) Member {
		return Member{Addr: netip.MustParseAddr(a), Port: port, Weight: weight}
	}
	want := []Member{at("192.0.2.1", 0, 0), at("192.0.2.1", 80, 1), at("192.0.2.1", 80, 2), at("192.0.2.10", 0, 0), at("2001:db8::1", 0, 0)}
	got := []Member{want[4], want[2], want[3], want[1], want[0]}
	if slices.SortFunc(got, Member.Compare); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// FuzzSource: a source that is taken is written as itself, in the configuration too, and is what it says.
func FuzzSource(f *testing.F) {
	for _, s := range []string{"/run/m", "dns:web.example.org.:80", "dns:_http._tcp.x", "dns:", "/a b", "dns:192.0.2.1", "/a\"b", "/$A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, why := parseSource(text)
		if why != "" {
			return
		}
		if again, why := parseSource(s.String()); again != s || why != "" {
			t.Fatalf("%q is %+v, and that %+v, %s", text, s, again, why)
		}
		if (s.File == "") != strings.HasPrefix(text, fromDNS) || s.Service() && (s.Port != 0 || s.File != "") || len(s.Name) > 253 {
			t.Fatalf("%q is %+v", text, s)
		}
	})
}
