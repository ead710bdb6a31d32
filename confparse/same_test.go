package confparse

import (
	"net/netip"
	"reflect"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameMeaning compares configurations without the places of their words.
var sameMeaning = cmp.Options{
	cmpopts.IgnoreTypes(Range{}),
	cmpopts.IgnoreFields(Config{}, "Inputs", "Known"),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// configDiff returns what differs between two configurations but for the places of their words. Most are the same, which
// same finds out in a fraction of the time that cmp needs to find nothing.
func configDiff(want, got *Config) string {
	if same(reflect.ValueOf(want), reflect.ValueOf(got)) {
		return ""
	}
	return cmp.Diff(want, got, sameMeaning)
}

// diagsDiff returns what differs between two lists of diagnostics.
func diagsDiff(want, got Diagnostics) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

var (
	rangeType  = reflect.TypeFor[Range]()
	inputsType = reflect.TypeFor[*Inputs]()
	knownType  = reflect.TypeFor[*Known]()
)

// same reports whether two values of one type are equal in the sense of sameMeaning.
func same(a, b reflect.Value) bool {
	switch a.Type() {
	case rangeType, inputsType, knownType:
		return true
	}
	switch a.Kind() {
	case reflect.Pointer:
		return a.Pointer() == b.Pointer() || !a.IsNil() && !b.IsNil() && same(a.Elem(), b.Elem())
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && same(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if p := a.Type().PkgPath(); p == "net/netip" {
			return a.Interface() == b.Interface()
		}
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Comparable() && a.Equal(b)
}

// TestSameIsWhatCmpFinds compares each block's configuration with one that its rows make, both ways.
func TestSameIsWhatCmpFinds(t *testing.T) {
	found := map[bool]int{}
	for _, b := range blocksOfRows(t) {
		base, _ := Load(memory(b.With(b.Plain)), "test.conf", Env{Hostname: "lb1"})
		for i := 0; i < len(b.Rows); i += 4 {
			for _, x := range b.Rows[i].Tries[:min(1, len(b.Rows[i].Tries))] {
				cfg, _ := Load(memory(b.With("\n\n"+b.Statement(b.Rows[i], x))), "test.conf", Env{Hostname: "lb1"})
				got := same(reflect.ValueOf(base), reflect.ValueOf(cfg))
				if found[got]++; got != cmp.Equal(base, cfg, sameMeaning) {
					t.Errorf("%s: same says %v, cmp\n%s", b.Statement(b.Rows[i], x), got, cmp.Diff(base, cfg, sameMeaning))
				}
			}
		}
	}
	if found[true] < 20 || found[false] < 50 {
		t.Errorf("%d were the same, %d were not", found[true], found[false])
	}
}

// TestLoadsBesideEachOther: Loads share the table of the language and nothing that they write.
func TestLoadsBesideEachOther(t *testing.T) {
	texts := exampleTexts(t)
	want := make([]*Config, len(texts))
	for i, text := range texts {
		want[i], _ = Load(mapFS(string(text)), "k.conf", Env{Hostname: "lb1"})
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, text := range texts {
				got, _ := Load(mapFS(string(text)), "k.conf", Env{Hostname: "lb1"})
				if diff := configDiff(want[i], got); diff != "" {
					t.Errorf("example %d, loaded beside others (-alone +beside):\n%s", i, diff)
				}
			}
		})
	}
	wg.Wait()
}
