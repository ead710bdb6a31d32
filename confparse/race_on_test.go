//go:build race

package confparse

// raced says that this binary has the race detector, whose shadow of the memory counts as memory.
const raced = true
