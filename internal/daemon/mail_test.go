package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/ipvs/pool"
)

// stallResolver has names asked of name servers that take every query and never answer, until the end of the test.
func stallResolver(t *testing.T) {
	t.Helper()
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	// What the library keeps of a first look-up must not be of a bubble.
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network")
	}}
	_, _ = net.LookupHost("mail.example.net.")
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		return ours, nil
	}}
}

// TestNobodyWaitsForTheNameOfTheMailServer: the start, what is told, and a reload with another mail server take no time although the name
// is not resolved; the end takes the second that mails have.
func TestNobodyWaitsForTheNameOfTheMailServer(t *testing.T) {
	stallResolver(t)
	config := func(server string) string {
		return "global_defs {\nsmtp_server " + server + "\nsmtp_alert\nnotification_email {\na@example.net\n}\n}\n" + oneService
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		at := func(when string, most time.Duration) {
			t.Helper()
			if took := time.Since(start); took > most {
				t.Errorf("%s took %v", when, took)
			}
			start = time.Now()
		}
		i := begin(t, config("mail.example.net."), nil)
		if got := i.kernel.Table(); len(got) != 1 || destinations(got) != 2 {
			t.Errorf("the table after the start: %v\n%s", got, i.log)
		}
		at("the start", 0)
		for range 5000 {
			i.services.tell(quorumEvent(pool.QuorumLost, nil))
		}
		synctest.Wait()
		at("to tell of it", 0)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !strings.Contains(i.log.String(), "An alert cannot be mailed") {
			t.Errorf("nothing was tried\n%s", i.log)
		}
		start = time.Now()
		for _, server := range []string{"mail2.example.net.", "mail3.example.net."} {
			reply, _ := i.reload(config(server))
			if reply.Err != nil {
				t.Error(reply.Err)
			}
			i.services.tell(quorumEvent(pool.QuorumLost, nil))
		}
		synctest.Wait()
		at("a reload", 0)
		if err := i.end(); err != nil {
			t.Error(err)
		}
		at("the end", tellStopLimit)
		time.Sleep(time.Minute) // what the library asks still has an end of its own
	})
}
