package recording_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"vigil/confparse"
	"vigil/vrrp"
	"vigil/vrrp/election"
	"vigil/vrrp/recording"
)

// TestSpecsOfTheExamplesSurvive: what the examples ask for is the same after a recording.
func TestSpecsOfTheExamplesSurvive(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.conf")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	instances := 0
	for _, file := range files {
		cfg, ds := confparse.Load(confparse.OSFS(), file, confparse.Env{})
		if ds.HasFatal() {
			t.Fatal(file, ds)
		}
		want := vrrp.FromConfig(cfg)
		name := filepath.Join(t.TempDir(), "flight")
		r, err := recording.Create(name, "", func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		in := recording.Input{Call: recording.Apply, Spec: want}
		r.Record(&in, in.Into(election.NewEngine()))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := confparse.OSFS().Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if _, err := buf.ReadFrom(text); err != nil {
			t.Fatal(err)
		}
		text.Close()
		if _, err := recording.Replay(&buf, func(got *recording.Input, _ []election.InstanceAction) {
			if !slices.EqualFunc(want.Instances, got.Spec.Instances, election.InstanceSpec.Equal) || !slices.EqualFunc(want.Groups, got.Spec.Groups, election.GroupSpec.Equal) ||
				want.StartupDelay != got.Spec.StartupDelay {
				t.Errorf("%s: %+v, want %+v", file, got.Spec, want)
			}
			instances += len(got.Spec.Instances)
		}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if instances < 10 {
		t.Errorf("%d instances", instances)
	}
}
