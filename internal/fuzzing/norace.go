//go:build !race

package fuzzing

const slowdown = 1
