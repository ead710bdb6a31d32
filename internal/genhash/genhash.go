// Package genhash is the genhash of keepalived: it fetches a page as HTTP_GET and SSL_GET do and prints the digest that
// their configuration wants.
package genhash

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"vigil/healthcheck"
)

const usage = `Usage: %s COMMAND [OPTIONS]
Commands:
   -s server-address -p port -u url
   -S -s server-address -p port -u url
   -h

Options:
Either long or short options are allowed.
   --use-ssl         -S       Use SSL connection to remote server.
   --use-sni         -I       Use SNI during SSL handshake (uses virtualhost setting; see -V).
   --server          -s       Use the specified remote server address.
   --port            -p       Use the specified remote server port.
   --url             -u       Use the specified remote server url.
   --use-virtualhost -V       Use the specified virtualhost in GET query.
   --verbose         -v       Use verbose mode output.
   --help            -h       Display this short inlined help screen.
   --fwmark          -m       Use the specified FW mark.
   --protocol        -P       Use the specified HTTP protocol - '1.0', 1.0c', '1.1'.
                                1.0c means 1.0 with 'Connection: close'
   --timeout         -t       Timeout in seconds
`

// The lines over what is shown with --verbose.
const (
	headerTitle = "-----------------------[    HTTP Header Buffer    ]-----------------------\n"
	asciiTitle  = "-----------------------[ HTTP Header Ascii Buffer ]-----------------------\n"
	bodyTitle   = "-----------------------[        HTML Buffer        ]-----------------------\n"
	sumTitle    = "-----------------------[    HTML hash resulting    ]-----------------------\n"
	finalTitle  = "-----------------------[ HTML hash final resulting ]-----------------------\n"
)

// Main is the command called name with the words behind that. It returns its exit status: 1 for a command line that is wrong or
// asks for help, otherwise 0, whatever has become of the page.
func Main(ctx context.Context, name string, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		if text := err.Error(); text != "" {
			fmt.Fprintln(stderr, text)
		}
		fmt.Fprintf(stderr, usage, name)
		return 1
	}
	begin := time.Now()
	o.fetch(ctx, stdout, stderr)
	if o.verbose {
		fmt.Fprintf(stdout, "\nGlobal response time for [%s] = %d usecs\n", o.page.Path, time.Since(begin).Microseconds())
	}
	return 0
}

// fetch prints the digest, or why there is none.
func (o options) fetch(ctx context.Context, stdout, stderr io.Writer) {
	if o.page.Timeout == 0 {
		fmt.Fprintln(stdout, "Timeout WEB write")
		return
	}
	var shown reply
	if o.verbose {
		shown.out = stdout
	} else {
		shown.out = io.Discard
	}
	digest, r := o.page.Fetch(ctx, shown.read)
	switch {
	case r.Outcome == healthcheck.Postponed:
		fmt.Fprintln(stderr, r.Err)
	case errors.Is(r.Err, unix.ENETUNREACH) || errors.Is(r.Err, unix.EHOSTUNREACH):
		fmt.Fprintln(stdout, "HTTP_CHECK - network unreachable")
	case r.Code == healthcheck.CodeConnectFailed:
		fmt.Fprintln(stdout, "Connection failed")
	case r.Reason == healthcheck.ReasonNoData:
		fmt.Fprintln(stderr, "no data received from remote webserver")
	case r.Outcome == healthcheck.Failed:
		fmt.Fprintln(stdout, r.Reason)
	case o.verbose:
		fmt.Fprint(stdout, "\n"+sumTitle)
		dump(stdout, digest[:])
		fmt.Fprint(stdout, finalTitle+hex.EncodeToString(digest[:])+"\n")
	default:
		fmt.Fprintln(stdout, hex.EncodeToString(digest[:]))
	}
}
