package confparse

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"vigil/confparse/diag"
)

const key32 = "0123456789abcdef0123456789abcdef"

// loadHMAC loads an instance with an auth_hmac block, on a system with files of keys.
func loadHMAC(more, block string, files map[string]string, mode fs.FileMode) (*VRRPInstance, []diag.Code) {
	text := instance("V", "eth0", 5, more+"\nauth_hmac {\n"+block+"\n}\n")
	system := System{KeyFile: func(path string) ([]byte, fs.FileMode, error) {
		content, ok := files[path]
		if !ok {
			return nil, 0, errors.New("no such file")
		}
		return []byte(content), mode, nil
	}}
	cfg, ds := Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}, "k.conf", Env{System: system})
	var codes []diag.Code
	for _, d := range ds {
		codes = append(codes, d.Code)
	}
	return cfg.Instances[0], codes
}

// TestHMACKeys: what counts as a key, and what happens without.
func TestHMACKeys(t *testing.T) {
	files := map[string]string{"/k/plain": key32 + "\r\n", "/k/hex": "hex:" + strings.Repeat("61", 40) + "\n", "/k/short": "short\n",
		"/k/long": strings.Repeat("x", 140), "/k/endless": "hex:" + strings.Repeat("61", 64) + "\n\n\n\n\n\n\n\n"}
	for _, tt := range []struct {
		rule, block string
		mode        fs.FileMode
		secret      string // of key 1
		faulty      bool
		codes       []diag.Code
	}{
		{"text", "key 1 " + key32 + "\nactive_key 1", 0o600, key32, false, nil},
		{"a file", "key 1 file:/k/plain\nactive_key 1", 0o600, key32, false, nil},
		{"a file with hexadecimal digits", "key 1 file:/k/hex\nactive_key 1", 0o600, strings.Repeat("a", 40), false, nil},
		{"a file that all can read, which is used", "key 1 file:/k/plain\nactive_key 1", 0o644, key32, false, []diag.Code{diag.CodeKeyFile}},
		{"a file with a short key", "key 1 file:/k/short\nactive_key 1", 0o600, "", true, []diag.Code{diag.CodeHMAC, diag.CodeHMAC}},
		{"a file that is too long", "key 1 file:/k/long\nactive_key 1", 0o600, "", true, []diag.Code{diag.CodeHMAC, diag.CodeHMAC}},
		{"a file that is not there", "key 1 file:/k/none\nactive_key 1", 0o600, "", true, []diag.Code{diag.CodeHMAC, diag.CodeHMAC}},
		{"no active key", "key 1 " + key32, 0o600, key32, true, []diag.Code{diag.CodeHMAC}},
		{"no active key, and none needed", "key 1 " + key32 + "\nmode receive-only", 0o600, key32, false, nil},
		{"64 bytes", "key 1 " + key32 + key32 + "\nactive_key 1", 0o600, key32 + key32, false, nil},
		{"65 bytes", "key 1 " + key32 + key32 + "x\nactive_key 1", 0o600, "", true, []diag.Code{diag.CodeHMAC, diag.CodeHMAC}},
	} {
		in, codes := loadHMAC("version 3", tt.block, files, tt.mode)
		k, _ := in.HMAC.Key(1)
		if k.Secret != tt.secret || in.HMACWithoutKey != tt.faulty || !slices.Equal(codes, tt.codes) {
			t.Errorf("%s: %q, faulty %v, %v", tt.rule, k.Secret, in.HMACWithoutKey, codes)
		}
	}
}

// TestHMACSettled: the window follows the interval, strict mode enforces, and there is no other authentication beside it.
func TestHMACSettled(t *testing.T) {
	const block = "key 1 " + key32 + "\nactive_key 1\n"
	for _, tt := range []struct {
		more, block string
		window      time.Duration
		permissive  bool
		auth        AuthType
		codes       []diag.Code
	}{
		{"version 3\nadvert_int 0.1", block, 5 * time.Second, false, AuthNone, nil},
		{"advert_int 3", block, 9 * time.Second, false, AuthNone, nil},
		{"version 3\nadvert_int 2.9", block, 6 * time.Second, false, AuthNone, nil},
		{"advert_int 200", block, 300 * time.Second, false, AuthNone, nil},
		{"advert_int 200", block + "time_window 2", 2 * time.Second, false, AuthNone, nil},
		{"", block + "mode permissive", 5 * time.Second, true, AuthNone, nil},
		{"strict_mode", block + "mode permissive", 5 * time.Second, false, AuthNone, []diag.Code{diag.CodeStrict}},
		{"authentication {\nauth_type PASS\nauth_pass x\n}", block, 5 * time.Second, false, AuthNone, []diag.Code{diag.CodeAuthIgnored}},
		{"authentication {\nauth_type AH\nauth_pass x\n}", block, 5 * time.Second, false, AuthNone, []diag.Code{diag.CodeAuthIgnored}},
	} {
		in, codes := loadHMAC(tt.more, tt.block, nil, 0)
		if in.HMAC.Window != tt.window || in.HMAC.Permissive != tt.permissive || in.AuthType != tt.auth || !slices.Equal(codes, tt.codes) {
			t.Errorf("%q, %q: %+v, authentication %d, %v", tt.more, tt.block, in.HMAC, in.AuthType, codes)
		}
	}
}

// TestAHOfAnInitialMaster: it must hear the sequence first; an owner need not.
func TestAHOfAnInitialMaster(t *testing.T) {
	const ah = "state MASTER\nauthentication {\nauth_type AH\nauth_pass x\n}\n"
	for _, tt := range []struct {
		more string
		want InitialState
	}{{ah + "priority 200", StateBackup}, {ah + "priority 255", StateMaster}} {
		cfg, ds := load(t, instance("V", "eth0", 5, tt.more))
		if in := cfg.Instances[0]; in.State != tt.want || in.AuthType != AuthAH || ds.HasFatal() {
			t.Errorf("%q: state %v, authentication %d, %v", tt.more, in.State, in.AuthType, ds)
		}
	}
}

// TestKeyFileOfThisMachine: regular files, and no more of them than a key can have.
func TestKeyFileOfThisMachine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 100_000)), 0o640); err != nil {
		t.Fatal(err)
	}
	content, mode, err := OSSystem().KeyFile(path)
	if err != nil || len(content) != maxKeyFile+1 || mode.Perm() != 0o640 {
		t.Errorf("%d bytes, %v, %v", len(content), mode, err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{dir, pipe, filepath.Join(dir, "none"), "/dev/zero"} {
		if _, _, err := OSSystem().KeyFile(wrong); err == nil {
			t.Errorf("%s is a key", wrong)
		}
	}
}
