//go:build unix

package syntax

import "syscall"

// NoWait is what a file is opened with so that a pipe without a writer is not waited for.
const NoWait = syscall.O_NONBLOCK
