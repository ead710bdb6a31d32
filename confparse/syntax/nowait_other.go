//go:build !unix

package syntax

// NoWait is 0 where no file makes anybody wait.
const NoWait = 0
