//go:build race

package fuzzing

// slowdown is how much longer work takes under the race detector, at the most.
const slowdown = 10
