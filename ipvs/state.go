package ipvs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"vigil/internal/boot"
	"vigil/internal/wholefile"
)

// stateFile remembers across a crash which services are ours, so that those which left the configuration meanwhile can
// be told from foreign ones.
type stateFile struct {
	path  string // "" = nothing is remembered
	saved map[ServiceKey]bool
	known bool // saved is what the file holds
}

// stateJSON is the file's content.
type stateJSON struct {
	BootID   string       `json:"boot_id"` // a table does not outlive a boot
	Services []ServiceKey `json:"services"`
}

// load reads the file. There being none means that nothing is ours.
func (f *stateFile) load() (map[ServiceKey]bool, error) {
	if f.path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.saved, f.known = nil, true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	owned, err := parseState(b, bootID())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	return owned, nil
}

func parseState(b []byte, thisBoot string) (map[ServiceKey]bool, error) {
	var s stateJSON
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if s.BootID != thisBoot {
		return nil, nil
	}
	owned := make(map[ServiceKey]bool, len(s.Services))
	for _, k := range s.Services {
		owned[k] = true
	}
	return owned, nil
}

// LeftBehind reports whether an earlier run, of this boot, remembered at statePath (see Options) services as its own that
// it may not have removed. A Reconciler removes them, also for a Spec without virtual servers.
func LeftBehind(statePath string) bool {
	f := stateFile{path: statePath}
	owned, err := f.load()
	return err == nil && len(owned) > 0
}

// save replaces the file if owned differs from what it holds, and removes it when owned is empty.
func (f *stateFile) save(owned map[ServiceKey]bool) error {
	if f.path == "" || f.known && maps.Equal(f.saved, owned) {
		return nil
	}
	if err := f.write(owned); err != nil {
		return err
	}
	f.saved, f.known = owned, true
	return nil
}

func (f *stateFile) write(owned map[ServiceKey]bool) error {
	if len(owned) == 0 {
		if err := os.Remove(f.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	b, err := json.MarshalIndent(stateJSON{
		BootID: bootID(), Services: slices.SortedFunc(maps.Keys(owned), compareServices),
	}, "", " ")
	if err != nil {
		return err
	}
	return wholefile.Write(f.path, append(b, '\n'), 0o600)
}

// bootID identifies this boot; "" where it cannot be told.
func bootID() string {
	id, _ := boot.ID()
	return id
}
