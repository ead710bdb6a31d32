//go:build !race

package confparse

const raced = false
