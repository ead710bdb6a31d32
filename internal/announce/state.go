package announce

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"vigil/internal/boot"
	"vigil/internal/wholefile"
)

// stateFile remembers where addresses of ours may be, so that a process which follows one that was killed removes what is not
// wanted any more.
type stateFile struct {
	path  string // "" = nothing is remembered
	saved []Place
}

// stateJSON is the file's content.
type stateJSON struct {
	BootID string  `json:"boot_id"` // addresses do not outlive a boot
	Places []Place `json:"places"`
}

// load returns what the file holds. There being none, or one of another boot, means that nothing is ours.
func (f *stateFile) load() ([]Place, error) {
	if f.path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s stateJSON
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	if id, _ := boot.ID(); s.BootID != id {
		return nil, nil
	}
	f.saved = s.Places
	return s.Places, nil
}

// save makes places, which are sorted, what the file holds; there is no file without any.
func (f *stateFile) save(places []Place) error {
	if f.path == "" || slices.Equal(f.saved, places) {
		return nil
	}
	if len(places) == 0 {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		f.saved = nil
		return nil
	}
	id, _ := boot.ID()
	b, err := json.MarshalIndent(stateJSON{BootID: id, Places: places}, "", " ")
	if err != nil {
		return err
	}
	if err := wholefile.Write(f.path, append(b, '\n'), 0o600); err != nil {
		return err
	}
	f.saved = places
	return nil
}

// LeftBehind reports whether an earlier process, of this boot, remembered at statePath (see Options) places that it may not have
// cleared.
func LeftBehind(statePath string) bool {
	f := stateFile{path: statePath}
	places, err := f.load()
	return err == nil && len(places) > 0
}
