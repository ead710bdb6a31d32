package labkit

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"vigil/internal/testlan"
)

// Table is a kernel's IPVS table in the words of `ipvsadm -Ln`, without the connection counts: a service like
// "TCP 192.0.2.100:443 sh persistent 3600" and its destinations, sorted, like "192.0.2.11:443 Route 1".
type Table map[string][]string

// ReadTable asks Debian's ipvsadm.
func ReadTable(ctx context.Context, h *testlan.Host) (Table, error) {
	text, err := h.Output(ctx, "ipvsadm", "-Ln")
	if err != nil {
		return nil, err
	}
	return parseTable(text)
}

// parseTable reads the listing of `ipvsadm -Ln`.
func parseTable(text string) (Table, error) {
	table := Table{}
	service := ""
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "IP" || f[0] == "Prot" || len(f) > 1 && f[1] == "RemoteAddress:Port":
		case f[0] == "->":
			if len(f) < 6 || service == "" {
				return nil, fmt.Errorf("not a destination: %q", line)
			}
			table[service] = append(table[service], strings.Join(f[1:4], " "))
		default:
			service = strings.Join(f, " ")
			table[service] = nil
		}
	}
	for _, destinations := range table {
		slices.Sort(destinations)
	}
	return table, nil
}

// Destinations counts the destinations in the IPVS table of a host, without starting a program.
func Destinations(h *testlan.Host) (int, error) {
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/ip_vs") // the thread is in the namespace, the process is not
		return err
	})
	// The kernel's own table has one heading line of this form.
	return strings.Count(string(text), "\n  -> ") - strings.Count(string(text), "\n  -> Remote"), err
}
