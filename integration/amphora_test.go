package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/testlan"
)

// amphoraConfig is the shape in which Octavia's provider driver writes a UDP listener: everything in a named network namespace,
// persistence of networks, weights and thresholds, and a program that asks each server. DIR is where the program is.
const amphoraConfig = `net_namespace inner
virtual_server 192.0.2.100 53 {
    lb_algo wrr
    lb_kind NAT
    protocol UDP
    persistence_timeout 45
    persistence_granularity 255.255.255.0
    delay_loop 1
    delay_before_retry 1
    retry 2
    real_server 192.0.2.21 53 {
        weight 11
        uthreshold 90
        delay_before_retry 1
        retry 2
        MISC_CHECK {
            misc_path "DIR/ask 192.0.2.21 53"
            misc_timeout 30
        }
    }
    real_server 192.0.2.22 53 {
        weight 2
        uthreshold 90
        delay_before_retry 1
        retry 2
        MISC_CHECK {
            misc_path "DIR/ask 192.0.2.22 53"
            misc_timeout 30
        }
    }
}
`

// TestUDPListenerInANamespace: the listener is programmed as it is configured, in the table of the namespace and nowhere else, and
// follows what the program says, by either program.
func TestUDPListenerInANamespace(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	lab := testlan.ForTest(t)
	for _, name := range []string{"keepalived", "vigil"} {
		t.Run(name, func(t *testing.T) { udpListener(t, lab, name) })
	}
}

func udpListener(t *testing.T, lab *testlan.Lab, name string) {
	j := judge{t, true}
	h, err := lab.Host(name)
	j.must(err)
	dir := filepath.Join(lab.Dir(), name)
	j.must(os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, "keepalived.conf")
	j.must(os.WriteFile(file, []byte(strings.ReplaceAll(amphoraConfig, "DIR", dir)), 0o644))
	j.must(os.WriteFile(filepath.Join(dir, "ask"), []byte("#!/bin/sh\ntest -e "+dir+"/$1-$2\n"), 0o755))
	answers := func(server string, yes bool) {
		path := filepath.Join(dir, server+"-53")
		if !yes {
			j.must(os.Remove(path))
			return
		}
		j.must(os.WriteFile(path, nil, 0o644))
	}
	answers("192.0.2.21", true)
	answers("192.0.2.22", true)
	const private = `mount --make-rprivate / && mount -t tmpfs run /run && mount -t sysfs sysfs /sys && ip netns add inner && ip -n inner link set lo up && exec "$@"`
	argv := slices.Concat([]string{"unshare", "-m", "sh", "-c", private, "sh"}, program(t, name).Argv, []string{"-n", "-l", "-D", "-f", file})
	p, err := h.Start(name, nil, argv...)
	j.must(err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", name, p.Log.Tail(40))
		}
	})
	inner := func(command ...string) (string, error) {
		return h.Output(context.Background(), append([]string{"nsenter", "-t", strconv.Itoa(p.PID()), "-m", "ip", "netns", "exec", "inner"}, command...)...)
	}
	wantTable := func(want ...string) {
		t.Helper()
		want = append(want, "")
		slices.Sort(want)
		j.must(testlan.Until(wait(t), "the table of the namespace", func() error {
			text, err := inner("ipvsadm", "-S", "-n")
			if err != nil {
				return err
			}
			got := strings.Split(text, "\n")
			for i := range got {
				got[i] = strings.TrimSpace(got[i])
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("(-want +got):\n%s", diff)
			}
			return nil
		}))
	}
	const (
		service = "-A -u 192.0.2.100:53 -s wrr -p 45 -M 255.255.255.0"
		first   = "-a -u 192.0.2.100:53 -r 192.0.2.21:53 -m -w 11"
		second  = "-a -u 192.0.2.100:53 -r 192.0.2.22:53 -m -w 2"
	)
	wantTable(service, first, second)
	text, err := inner("ipvsadm", "-L", "-n", "--thresholds")
	j.must(err)
	if n := strings.Count(strings.Join(strings.Fields(text), " "), ":53 90 0 "); n != 2 {
		t.Errorf("%d servers with an upper threshold of 90 and no lower one, want 2:\n%s", n, text)
	}
	if outside, err := h.Output(context.Background(), "ipvsadm", "-S", "-n"); err != nil || strings.TrimSpace(outside) != "" {
		t.Errorf("the table outside of the namespace: %q, %v", outside, err)
	}
	answers("192.0.2.22", false)
	wantTable(service, first)
	answers("192.0.2.22", true)
	wantTable(service, first, second)
	j.must(p.Stop(wait(t)))
}
