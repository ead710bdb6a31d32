package daemon

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/testlan"
)

// cloud is the API of a provider that knows of one address. It loses calls: some it does not answer, of some it says that
// they were made although they were not.
type cloud struct {
	mu     sync.Mutex
	holder string
	calls  int
	losing int // so many calls more
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	lost := c.losing > 0
	if lost {
		c.losing--
	}
	switch {
	case lost && c.losing%2 == 0:
		panic(http.ErrAbortHandler) // the connection is cut
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		if !lost {
			c.holder = string(body)
		}
	default:
		io.WriteString(w, c.holder)
	}
}

func (c *cloud) has() (holder string, calls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holder, c.calls
}

func (c *cloud) set(holder string, losing int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holder, c.losing = holder, losing
}

// The program of examples/cloud-address.conf, run as ensure_master: calls that get lost are made again, what somebody else
// has moved is moved back, and a host that is master no longer leaves the address alone.
func TestCloudAddressOfTheExample(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("programs are run as root here")
	}
	_, err := exec.LookPath("curl")
	testlan.RequirePeer(t, err)
	assign, err := filepath.Abs("../../examples/cloud-address/assign")
	if err != nil {
		t.Fatal(err)
	}
	api := &cloud{holder: "nobody", losing: 5}
	server := httptest.NewServer(api)
	defer server.Close()
	config := "global_defs {\n script_user root\n dynamic_interfaces\n}\n" +
		toldRouter("EDGE", 51, ` ensure_master "`+assign+" "+server.URL+` server-1" interval 30`)
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, config, nil)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if holder, calls := api.has(); calls != 0 {
			t.Errorf("a BACKUP makes calls; %s has the address", holder)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if holder, calls := api.has(); holder != "server-1" || calls < 6 {
			t.Errorf("%s has the address after %d calls\n%s", holder, calls, i.log)
		}
		api.set("server-2", 2)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if holder, _ := api.has(); holder != "server-1" {
			t.Errorf("%s keeps the address\n%s", holder, i.log)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
		for _, line := range []string{"ensure_master failed", "ensure_master has succeeded"} {
			if !strings.Contains(i.log.String(), line) {
				t.Errorf("%q is not in the log\n%s", line, i.log)
			}
		}
		_, before := api.has()
		time.Sleep(time.Hour)
		if _, after := api.has(); after != before {
			t.Error("calls are made after the end")
		}
	})
}
