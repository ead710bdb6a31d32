package integration

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// TestServerDownResets: with `on_server_down reset` a client whose server has left the table is answered, with a reset, when it says
// something next, and without it is not; clients of the other server notice nothing.
func TestServerDownResets(t *testing.T) {
	testlan.RequireIPVS(t)
	for _, mode := range []labkit.Mode{labkit.DR, labkit.NAT} {
		for _, words := range []string{"on_server_down reset", ""} {
			t.Run(fmt.Sprintf("%v %s", mode, words), func(t *testing.T) {
				t.Parallel()
				j := judge{t, true}
				c := &clients{judge: j, Pair: newPair(j, [2]labkit.Program{program(t, "vigil"), program(t, "vigil")}, mode)}
				s := usual(mode) // a backup that takes over knows nothing of the connections
				s.Often, s.Globals = true, "  "+words+"\n"
				j.must(c.Up(wait(j), s))
				c.connect(10)
				gone := c.Servers[1]
				_, err := gone.Host.Output(wait(j), "ip", "link", "set", "eth0", "down")
				j.must(err)
				j.must(c.WaitDestinations(wait(j), 0, 1))
				removed := time.Now()
				held := 0
				for _, one := range c.list {
					if one.server != gone.Name {
						continue
					}
					held++
					_, err := one.askWithin(3 * time.Second)
					switch took := time.Since(removed); {
					case words == "" && !errors.Is(err, os.ErrDeadlineExceeded):
						j.Errorf("without a word about it: %v after %v", err, took)
					case words == "":
					case !errors.Is(err, syscall.ECONNRESET):
						j.Errorf("%v after %v, want a reset", err, took)
					default:
						slack := c.Noise(removed, time.Now()).Allowance()
						j.bar(took <= time.Second+slack, "reset %v after the server had left, want at most a second and %v", took, slack)
					}
					if words == "" {
						break // the others wait as long
					}
				}
				if held == 0 {
					j.Error("no connection to the server that is gone")
				}
				for _, one := range c.list {
					if one.server == gone.Name {
						continue
					}
					if server, err := one.ask(); err != nil || server != one.server {
						j.Errorf("a connection to the other server: %s, %v", server, err)
					}
				}
			})
		}
	}
}
