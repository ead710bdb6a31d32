package confparse

import (
	"slices"
	"testing"

	"vigil/confparse/confparsetest"
	"vigil/confparse/diag"
)

// TestReferencesAreAllThatValidationLooksFor: in every row of the language, the interfaces whose absence Load reports are
// those that References lists. keepalived, and so Load, does not ask whether that of bind_if is there; that of announce_on may come later.
func TestReferencesAreAllThatValidationLooksFor(t *testing.T) {
	none := Env{Hostname: "lb1", System: System{Interface: func(string) bool { return false }}}
	compared := 0
	for _, b := range confparsetest.Read(t, "testdata/rows") {
		for _, r := range b.Rows {
			for _, x := range r.Tries {
				text := b.With(b.Statement(r, x))
				strict, ds := Load(memory(text), "test.conf", none)
				kept := map[string]bool{}
				for _, ref := range strict.References() {
					kept[ref.Name] = kept[ref.Name] || ref.Kind == ToInterface
				}
				reported := map[string]bool{}
				for _, d := range ds {
					if d.Code == diag.CodeNoInterface || d.Code == diag.CodeNoInterfaceYet || d.Code == diag.CodeDelayInterface {
						reported[unquoted(d)] = true
					}
				}
				if len(kept) == 0 {
					continue
				}
				cfg, _ := load(t, text)
				listed := map[string]bool{}
				for _, ref := range cfg.References() {
					listed[ref.Name] = listed[ref.Name] || ref.Kind == ToInterface
				}
				for name := range reported {
					if name != "" && kept[name] && !listed[name] {
						t.Errorf("%s: the absence of %s is reported, and no reference is listed", b.Statement(r, x), name)
					}
				}
				for name, isLink := range kept {
					if isLink && !reported[name] && name != cfg.Global.DefaultInterface && r.Word != "bind_if" && r.Word != "announce_on" {
						t.Errorf("%s in %s: a reference to %s is listed, and its absence is not reported", b.Statement(r, x), b.Path, name)
					}
				}
				compared += len(reported)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d interfaces were compared", compared)
	}
}

// unquoted returns the words a diagnostic is about.
func unquoted(d Diagnostic) string {
	from, to := int(d.Subject.Start.Col)-1, int(d.Subject.End.Col)-1
	if from < 0 || to > len(d.Line) || from > to {
		return ""
	}
	return d.Line[from:to]
}

// TestReferencesOfEveryKind has each kind once, with its line and its block.
func TestReferencesOfEveryKind(t *testing.T) {
	text := `net_namespace red
` + definitions + `vrrp_track_process p {
process nginx
}
vrrp_instance A {
interface eth0
virtual_router_id 1
use_vmac own1
virtual_ipaddress {
192.0.2.1 dev own1
}
track_script {
s
}
track_file {
f
}
track_process {
p
}
track_bfd {
b
}
notify /bin/notify
}
track_group T {
group {
A
}
}
static_ipaddress {
192.0.2.7/32 dev eth5 track_group T
}
virtual_server_group G {
192.0.2.9 80
}
virtual_server group G {
lb_algo rr
lb_kind NAT
protocol TCP
real_server 10.0.0.1 80 {
}
}
`
	cfg, _ := load(t, text)
	var got []string
	for _, r := range cfg.References() {
		got = append(got, r.String())
	}
	for _, want := range []string{"red (global_defs)", "/bin/true (test.conf:7, vrrp_script s)", "eth0 (test.conf:24, vrrp_instance A)",
		"s (test.conf:32, vrrp_instance A)", "f (test.conf:35, vrrp_instance A)", "p (test.conf:38, vrrp_instance A)",
		"b (test.conf:41, vrrp_instance A)", "/bin/notify (test.conf:43, vrrp_instance A)", "A (test.conf:45, track_group T)",
		"eth5 (test.conf:51, static_ipaddress)", "T (test.conf:51, static_ipaddress)", "G (test.conf:56, virtual_server [G]:0)"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %q", want, got)
		}
	}
	if slices.ContainsFunc(cfg.References(), func(r Reference) bool { return r.Name == "own1" }) {
		t.Error("an interface that the instance makes is listed")
	}
}
