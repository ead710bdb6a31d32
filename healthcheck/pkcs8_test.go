package healthcheck

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigil/internal/fuzzing"
	"vigil/internal/testlan"
)

// writtenKey is a key as openssl has written it, and how it was told to.
type writtenKey struct {
	told  string
	block *pem.Block
}

// writtenKeys returns one key in all its forms, the first of which has no password.
func writtenKeys(t testing.TB) (all []writtenKey) {
	t.Helper()
	text, err := os.ReadFile("testdata/pkcs8.pem")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`(?m)^-[a-z].*$`).FindAllString(string(text), -1)
	for _, how := range told {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			t.Fatalf("there is no key below %s", how)
		}
		all = append(all, writtenKey{how, block})
	}
	return all
}

// TestKeysThatOpenSSLWrites: those that OpenSSL 3 and those before it write with a password are what they are without one, with the
// right password only; of what cannot be read is said what it is.
func TestKeysThatOpenSSLWrites(t *testing.T) {
	all := writtenKeys(t)
	refused := map[string]string{
		"-scrypt":                       "1.3.6.1.4.1.11591.4.11, as with scrypt",
		"-v1 PBE-SHA1-3DES":             "the scheme 1.2.840.113549.1.12.1.3; write it anew",
		"-v2 camellia-256-cbc":          "the cipher 1.2.392.200011.61.1.1.1.4; write it anew",
		"-v2 aes-256-cbc -iter 4000001": "4000001 times, and at most 4000000 are allowed",
	}
	for _, k := range all[1:] {
		got, err := decryptPKCS8(bytes.Clone(k.block.Bytes), "secret", maxIterations)
		if says, ok := refused[k.told]; ok {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %q", k.told, err, says)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, all[0].block.Bytes) {
			t.Errorf("%s: %v", k.told, err)
		}
		for _, wrong := range []string{"Secret", "", "secret\n"} {
			if _, err := decryptPKCS8(bytes.Clone(k.block.Bytes), wrong, maxIterations); !errors.Is(err, errWrongPassword) {
				t.Errorf("%s, with the password %q: %v", k.told, wrong, err)
			}
		}
	}
	if len(all) != 17 {
		t.Errorf("%d keys", len(all))
	}
}

// sealedKey is a key that is made by hand.
type sealedKey struct {
	salt, iv, clear       []byte
	iterations, keyLength int
	cut                   int // bytes off the end of what is encrypted
	behind                string
}

// seal encrypts the key with AES-128 and HMAC-SHA256.
func (k sealedKey) seal(t testing.TB) []byte {
	t.Helper()
	object := func(oid []int, parameters any) pkix.AlgorithmIdentifier {
		der, err := asn1.Marshal(parameters)
		if err != nil {
			t.Fatal(err)
		}
		return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: der}}
	}
	secret, err := pbkdf2.Key(sha256.New, "secret", k.salt, max(k.iterations, 1), 16)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Clone(k.clear)
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(data, data)
	d := derivation{k.salt, k.iterations, k.keyLength, pkix.AlgorithmIdentifier{Algorithm: []int{1, 2, 840, 113549, 2, 9}}}
	by := pbes2{object([]int{1, 2, 840, 113549, 1, 5, 12}, d), object([]int{2, 16, 840, 1, 101, 3, 4, 1, 2}, k.iv)}
	der, err := asn1.Marshal(encryptedKey{object([]int{1, 2, 840, 113549, 1, 5, 13}, by), data[:len(data)-k.cut]})
	if err != nil {
		t.Fatal(err)
	}
	return append(der, k.behind...)
}

// padded is a PrivateKeyInfo, filled up to whole blocks.
func padded(t testing.TB) []byte {
	t.Helper()
	der, err := asn1.Marshal(clearKey{Algorithm: pkix.AlgorithmIdentifier{Algorithm: []int{1, 3, 101, 112}}, Key: []byte("0123456789")})
	if err != nil {
		t.Fatal(err)
	}
	n := 16 - len(der)%16
	return append(der, bytes.Repeat([]byte{byte(n)}, n)...)
}

// TestEncryptedKeysByHand has what openssl does not write: other programs do, or somebody who means ill.
func TestEncryptedKeysByHand(t *testing.T) {
	good := sealedKey{salt: []byte("salt"), iv: make([]byte, 16), clear: padded(t), iterations: 1}
	for name, tt := range map[string]struct {
		change func(*sealedKey)
		says   string // "" = it is read
	}{
		"as it should be":                   {func(*sealedKey) {}, ""},
		"with the length of its cipher key": {func(k *sealedKey) { k.keyLength = 16 }, ""},
		"with another one":                  {func(k *sealedKey) { k.keyLength = 32 }, "encrypted with 32 bytes, and its cipher needs 16"},
		"hashed never":                      {func(k *sealedKey) { k.iterations = 0 }, "hashed 0 times"},
		"hashed less often":                 {func(k *sealedKey) { k.iterations = -1 }, "hashed -1 times"},
		"hashed without end":                {func(k *sealedKey) { k.iterations = 11 }, "hashed 11 times, and at most 10"},
		"a vector that is too short":        {func(k *sealedKey) { k.iv = k.iv[:8] }, "not whole"},
		"no vector":                         {func(k *sealedKey) { k.iv = nil }, "not whole"},
		"part of a block":                   {func(k *sealedKey) { k.cut = 1 }, "not whole"},
		"nothing":                           {func(k *sealedKey) { k.cut = len(k.clear) }, "not whole"},
		"something behind it":               {func(k *sealedKey) { k.behind = "x" }, "something follows"},
		"no filling":                        {func(k *sealedKey) { k.clear = make([]byte, 16) }, errWrongPassword.Error()},
		"a filling that is too long":        {func(k *sealedKey) { k.clear = bytes.Repeat([]byte{17}, 32) }, errWrongPassword.Error()},
		"a filling of different bytes":      {func(k *sealedKey) { k.clear[len(k.clear)-2]++ }, errWrongPassword.Error()},
		"no key inside":                     {func(k *sealedKey) { k.clear[0]++ }, errWrongPassword.Error()},
	} {
		k := good
		k.clear = bytes.Clone(k.clear)
		tt.change(&k)
		got, err := decryptPKCS8(k.seal(t), "secret", 10)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %x, %v; want %q", name, got, err, tt.says)
		}
	}
}

// FuzzEncryptedKey: whatever a file has in it, it is read or refused in no time, and what is read is a key.
func FuzzEncryptedKey(f *testing.F) {
	for _, k := range writtenKeys(f) {
		f.Add(k.block.Bytes)
	}
	f.Add(sealedKey{salt: []byte("salt"), iv: make([]byte, 16), clear: padded(f), iterations: 1}.seal(f))
	f.Fuzz(func(t *testing.T, der []byte) {
		var key []byte
		var err error
		fuzzing.Within(t, time.Second, func() { key, err = decryptPKCS8(bytes.Clone(der), "secret", 4096) })
		if (err == nil) != (key != nil) || err == nil && parseDER(key, new(clearKey)) != nil {
			t.Fatalf("%x, %v", key, err)
		}
	})
}

// openssl runs it. Where there is none the test is skipped, or fails if peers are required.
func openssl(t *testing.T, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		testlan.RequirePeer(t, err)
	}
	if out, err := exec.CommandContext(t.Context(), path, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("openssl %v: %v\n%s", arguments, err, out)
	}
}

// TestKeysOfThisOpenSSL: a certificate and a key with a password, as whoever sets up a director makes them, are shown to the server that
// asks; both may be in one file, and what is renewed is used at once.
func TestKeysOfThisOpenSSL(t *testing.T) {
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	request := func(name string) {
		openssl(t, "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:x", "-keyout", key, "-out", certificate, "-subj", "/CN="+name)
	}
	request("director")
	shows := func(m *TLSMaterial, want string) {
		t.Helper()
		if c := m.current(); c == nil || c.Leaf.Subject.CommonName != want {
			t.Errorf("%+v, want that of %s", c, want)
		}
	}
	files := TLSFiles{Certificate: certificate, Key: key, Password: "x"}
	m, err := LoadTLS(files)
	if err != nil {
		t.Fatal(err)
	}
	shows(m, "director")
	request("renewed")
	shows(m, "renewed")
	files.Password = "y"
	if _, err := LoadTLS(files); !errors.Is(err, errWrongPassword) || !strings.Contains(err.Error(), key) {
		t.Errorf("a wrong password: %v", err)
	}

	genrsa := filepath.Join(dir, "r.pem")
	openssl(t, "genrsa", "-aes256", "-passout", "pass:x", "-out", genrsa, "2048")
	openssl(t, "req", "-x509", "-new", "-key", genrsa, "-passin", "pass:x", "-out", certificate, "-subj", "/CN=together")
	one := filepath.Join(dir, "one.pem")
	var both []byte
	for _, file := range []string{certificate, genrsa} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, text...)
	}
	if err := os.WriteFile(one, both, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range []TLSFiles{{Certificate: one, Password: "x"}, {Key: one, Password: "x"}, {Certificate: one, Key: one, Password: "x"}} {
		m, err := LoadTLS(files)
		if err != nil {
			t.Fatalf("%+v: %v", files, err)
		}
		shows(m, "together")
	}
}

// TestKeyIsDecryptedOnce: thousands of checks that show a certificate hash the password no more than one does, be it right or wrong.
func TestKeyIsDecryptedOnce(t *testing.T) {
	all := writtenKeys(t)
	dir := t.TempDir()
	slow := all[12] // hashed 100 000 times
	if !strings.Contains(slow.told, "-iter 100000") {
		t.Fatal(slow.told)
	}
	ca := newAuthority(t)
	_, der, _ := ca.issue("director", time.Now().Add(time.Hour))
	files := TLSFiles{
		Certificate: writePEM(t, filepath.Join(dir, "c.pem"), &pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         writePEM(t, filepath.Join(dir, "k.pem"), slow.block),
		Password:    "wrong",
	}
	m := &TLSMaterial{files: files}
	once := fuzzing.Cost(t, func() { m.current() })
	if again := fuzzing.Cost(t, func() { m.current() }); again > once/4 {
		t.Errorf("the key is tried for %v, and again for %v", once, again)
	}
}
