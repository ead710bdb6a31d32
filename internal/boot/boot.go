// Package boot tells one boot of the machine from another: what is remembered of the kernel's state in a file is worth
// nothing after the next boot.
package boot

import (
	"bytes"
	"errors"
	"os"
)

// IDLen is the length of an ID: a UUID as text.
const IDLen = 36

const idPath = "/proc/sys/kernel/random/boot_id"

// ID returns what identifies this boot.
func ID() (string, error) {
	b, err := os.ReadFile(idPath)
	if err != nil {
		return "", err
	}
	return parseID(b)
}

func parseID(b []byte) (string, error) {
	b = bytes.TrimSpace(b)
	if len(b) != IDLen {
		return "", errors.New("unexpected boot id")
	}
	return string(b), nil
}
