package labkit

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

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

// Destinations counts the destinations of a host's IPv4 services in the IPVS table. It starts no program and reads no destination:
// of ten thousand that would take the machine from what is measured.
func Destinations(h *testlan.Host) (n int, err error) {
	err = h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		info := make([]byte, 12) // version, size of the connection table, number of services
		if err := getIPVS(fd, getInfo, info); err != nil {
			return err
		}
		services := binary.NativeEndian.Uint32(info[8:])
		list := make([]byte, 8+services*serviceEntry)
		binary.NativeEndian.PutUint32(list, services)
		if err := getIPVS(fd, getServices, list); err != nil {
			return err
		}
		for entry := range slices.Chunk(list[8:], serviceEntry) {
			n += int(binary.NativeEndian.Uint32(entry[destinationsAt:]))
		}
		return nil
	})
	return n, err
}

// Of linux/ip_vs.h: IP_VS_SO_GET_INFO, IP_VS_SO_GET_SERVICES, the size of struct ip_vs_service_entry and where its num_dests is.
const (
	getInfo        = 64 + 1024 + 64 + 1
	getServices    = getInfo + 1
	serviceEntry   = 104
	destinationsAt = 44
)

func getIPVS(fd, option int, to []byte) error {
	n := uint32(len(to))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, uintptr(option), uintptr(unsafe.Pointer(&to[0])),
		uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return fmt.Errorf("the table of IPVS: %w", errno)
	}
	return nil
}
