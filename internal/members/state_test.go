package members

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/fuzzing"
)

func TestStateIsReadAsItWasWritten(t *testing.T) {
	f := stateFile{filepath.Join(t.TempDir(), "state")}
	all := map[confparse.Source]remembered{
		{File: "/m"}: {since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		{Name: "web", Port: 8080, IPv4: true}: {since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
			list: must2(parse("m", []byte(`{"address":"192.0.2.1","port":80,"weight":0}`+"\n"+`{"address":"192.0.2.2"}`)))},
		{Name: "web", Port: 8080, IPv6: true}: {list: must2(parse("m", []byte(`{"address":"2001:db8::1"}`)))},
	}
	for range 2 {
		must(t, f.write(all))
		if got, err := f.read(); err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("%+v, %v; want %+v", got, err, all)
		}
	}
	must(t, f.write(nil))
	must(t, f.write(nil))
	if _, err := os.Stat(f.path); !os.IsNotExist(err) {
		t.Error("an empty state is kept:", err)
	}
	if got, err := f.read(); len(got) > 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	write(t, f.path, "[{")
	if got, err := f.read(); len(got) > 0 || err == nil {
		t.Errorf("%v, %v", got, err)
	}
	none := stateFile{}
	must(t, none.write(all))
	if got, err := none.read(); len(got) > 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func must2(list []confparse.Member, err error) []confparse.Member {
	if err != nil {
		panic(err)
	}
	return list
}

// FuzzState: whatever is in the file, what is taken of it are members that a source can have.
func FuzzState(f *testing.F) {
	f.Add([]byte(`[{"from":{"File":"/m"},"since":"2026-03-01T12:00:00Z","members":[{"address":"192.0.2.1","port":80,"weight":3}]}]`))
	f.Add([]byte(`[{"members":[{"address":""}]}]`))
	f.Add([]byte(`[null,{"members":[null]}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var all map[confparse.Source]remembered
		var err error
		fuzzing.Within(t, time.Second, func() { all, err = parseState(text) })
		if err != nil && len(all) > 0 {
			t.Fatalf("%v beside %v", all, err)
		}
		for _, r := range all {
			for _, m := range r.list {
				if !m.Addr.IsValid() || usable(m.Addr) != nil || m.Weight < 0 {
					t.Fatalf("%+v", m)
				}
			}
		}
	})
}
