package wholefile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWriteReplacesWhatIsThere: with its mode, without following a link or leaving anything behind.
func TestWriteReplacesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "dump")
	if err := os.WriteFile(precious, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, path); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := Write(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		info, err2 := os.Lstat(path)
		if string(b) != text || err != nil || err2 != nil || info.Mode() != 0o640 {
			t.Errorf("%q, %v, %v, %v", b, err, info, err2)
		}
	}
	if b, _ := os.ReadFile(precious); string(b) != "precious" {
		t.Errorf("what the link led to: %q", b)
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if Write(filepath.Join(dir, "taken"), nil, 0o600) == nil || Write("/nowhere/at/all", nil, 0o600) == nil {
		t.Error("written to where nothing can be written")
	}
	if list, _ := os.ReadDir(dir); len(list) != 3 {
		t.Errorf("left behind: %v", list)
	}
}
