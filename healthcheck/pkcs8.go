package healthcheck

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// encryptedKey is an EncryptedPrivateKeyInfo (RFC 5958 §3), which OpenSSL writes since its version 3 where a key has a password.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2 are the parameters of the scheme (RFC 8018, A.4): how the password becomes a key, and what it is the key of.
type pbes2 struct{ Derivation, Encryption pkix.AlgorithmIdentifier }

// derivation are the parameters of PBKDF2 (RFC 8018, A.2).
type derivation struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"` // HMAC-SHA1 where there is none
}

// clearKey is what a PrivateKeyInfo begins with (RFC 5958 §2). A password that is wrong hardly ever makes one.
type clearKey struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// The object identifiers of RFC 8018, A.4 and A.2.
const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
)

// pseudorandom are the hashes of the HMACs that a key is derived with (RFC 8018, B.1.2).
var pseudorandom = map[string]func() hash.Hash{
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
	"1.2.840.113549.2.12": sha512.New512_224,
	"1.2.840.113549.2.13": sha512.New512_256,
}

// blockCipher is one that a key is encrypted with, in CBC mode.
type blockCipher struct {
	keyLength int
	block     func(key []byte) (cipher.Block, error)
}

// blockCiphers are those of RFC 8018, B.2.2, and of RFC 3565 §4.1.
var blockCiphers = map[string]blockCipher{
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
}

// maxIterations is how often a password may be hashed, which takes some seconds: it is done at the start, and openssl does it 2048 times.
const maxIterations = 4_000_000

var errWrongPassword = errors.New("the password is wrong")

// decryptPKCS8 returns the key in an EncryptedPrivateKeyInfo, as the DER of a PrivateKeyInfo. One whose password is to be hashed more
// than most times is refused.
func decryptPKCS8(der []byte, password string, most int) ([]byte, error) {
	var key encryptedKey
	if err := parseDER(der, &key); err != nil {
		return nil, fmt.Errorf("encrypted PKCS#8 key: %w", err)
	}
	if scheme := key.Algorithm.Algorithm.String(); scheme != oidPBES2 {
		return nil, fmt.Errorf("the key is encrypted with the scheme %s; write it anew with openssl pkcs8 -topk8", scheme)
	}
	var by pbes2
	if err := parseDER(key.Algorithm.Parameters.FullBytes, &by); err != nil {
		return nil, fmt.Errorf("encrypted PKCS#8 key: %w", err)
	}
	encryption := by.Encryption.Algorithm.String()
	with, ok := blockCiphers[encryption]
	if !ok {
		return nil, fmt.Errorf("the key is encrypted with the cipher %s; write it anew with openssl pkcs8 -topk8", encryption)
	}
	secret, err := derive(by.Derivation, password, with.keyLength, most)
	if err != nil {
		return nil, err
	}
	block, err := with.block(secret)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if err := parseDER(by.Encryption.Parameters.FullBytes, &iv); err != nil {
		return nil, fmt.Errorf("encrypted PKCS#8 key: %w", err)
	}
	size := block.BlockSize()
	if len(iv) != size || len(key.Data) == 0 || len(key.Data)%size != 0 {
		return nil, errors.New("the encrypted PKCS#8 key is not whole")
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(key.Data, key.Data)
	clear, ok := unpadded(key.Data, size)
	if !ok || parseDER(clear, new(clearKey)) != nil {
		return nil, errWrongPassword
	}
	return clear, nil
}

// derive makes a key of length bytes of a password (RFC 8018 §5.2).
func derive(by pkix.AlgorithmIdentifier, password string, length, most int) ([]byte, error) {
	if kind := by.Algorithm.String(); kind != oidPBKDF2 {
		return nil, fmt.Errorf("the password of the key is derived with %s, as with scrypt; write it anew with openssl pkcs8 -topk8", kind)
	}
	var d derivation
	if err := parseDER(by.Parameters.FullBytes, &d); err != nil {
		return nil, fmt.Errorf("PBKDF2 of the key: %w", err)
	}
	if d.Iterations < 1 || d.Iterations > most {
		return nil, fmt.Errorf("the password of the key is to be hashed %d times, and at most %d are allowed", d.Iterations, most)
	}
	if d.KeyLength != 0 && d.KeyLength != length {
		return nil, fmt.Errorf("the key is encrypted with %d bytes, and its cipher needs %d", d.KeyLength, length)
	}
	function := sha1.New
	if d.PRF.Algorithm != nil {
		if function = pseudorandom[d.PRF.Algorithm.String()]; function == nil {
			return nil, fmt.Errorf("the password of the key is hashed with %s; write it anew with openssl pkcs8 -topk8", d.PRF.Algorithm)
		}
	}
	return pbkdf2.Key(function, password, d.Salt, d.Iterations, length)
}

// unpadded is text without what fills up its last block (RFC 8018 §6.1.1): as many bytes as each of them says.
func unpadded(text []byte, size int) ([]byte, bool) {
	n := int(text[len(text)-1])
	if n < 1 || n > size {
		return nil, false
	}
	clear, fill := text[:len(text)-n], text[len(text)-n:]
	return clear, bytes.Count(fill, fill[:1]) == n
}

// parseDER reads a value that is all of der.
func parseDER(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows the key")
	}
	return err
}
