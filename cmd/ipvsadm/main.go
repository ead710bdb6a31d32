// Command ipvsadm lists and changes the kernel's IPVS table, in the place of Debian's ipvsadm 1.31: the same options, output and
// exit statuses. Called ipvsadm-save or ipvsadm-restore it is that program.
package main

import (
	"context"
	"os"

	"vigil/internal/ipvsadm"
)

func main() {
	p := ipvsadm.Program{Args: os.Args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Names: new(ipvsadm.SystemNames), Open: ipvsadm.OpenKernel}
	os.Exit(p.Run(context.Background()))
}
