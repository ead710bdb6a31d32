// Command genhash prints the digest of a page, for the digest of a url in keepalived.conf: a drop-in for keepalived's.
//
// What SSL_GET allows it allows too, see cmd/keepalived.
//
//go:debug x509negativeserial=1
//go:debug rsa1024min=0
//go:debug tlssha1=1
package main

import (
	"context"
	"os"
	"os/signal"

	"vigil/internal/genhash"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := genhash.Main(ctx, "genhash", os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
