package vrrp

import (
	"fmt"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// specOf is what a configuration asks for.
func specOf(t *testing.T, text string) election.Spec {
	t.Helper()
	cfg, diagnostics := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}, "k.conf", confparse.Env{})
	if cfg == nil {
		t.Fatal(diagnostics)
	}
	return FromConfig(cfg)
}

// runConfig starts a Runner with a configuration; the function returned stops it and waits.
func runConfig(t *testing.T, n *lantest.Node, text string) (r *Runner, stop func()) {
	t.Helper()
	r, stop = run(t, n, Options{})
	apply(t, r, text)
	return r, stop
}

func apply(t *testing.T, r *Runner, text string) {
	t.Helper()
	if err := r.Apply(t.Context(), specOf(t, text)); err != nil {
		t.Fatal(err)
	}
}

// untilAll waits until every virtual router is in a state.
func untilAll(t *testing.T, r *Runner, s election.State) {
	t.Helper()
	lantest.Until(t, "state "+s.String(), func() error {
		for _, in := range r.Status().Instances {
			if in.State != s {
				return fmt.Errorf("%s is %s", in.Name, in.State)
			}
		}
		return nil
	})
}

func output(t *testing.T, n *lantest.Node, argv ...string) string {
	t.Helper()
	out, err := n.Output(t.Context(), argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
