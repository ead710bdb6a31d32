package realserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigil/internal/netio"
	"vigil/internal/wholefile"
)

// StateFile is where what was found at first is kept until it is undone. It does not outlive a reboot, nor does what it is about.
const StateFile = "/run/vigil/real-server.json"

// Server is the machine, in the network namespace of the calling thread.
type Server struct {
	State string // the file; "" = StateFile
}

// Apply prepares the machine. To apply twice is the same as once.
func (s Server) Apply(w Wanted) error {
	return s.with(func(h *netio.Handle, f *found) error {
		for _, name := range w.tunnels() {
			if err := setUp(h, f, name); err != nil {
				return err
			}
		}
		if err := unpack(f, w.ports()); err != nil {
			return err
		}
		// First the settings: an address must not be answered for even a moment.
		settings := w.settings()
		for _, path := range slices.Sorted(maps.Keys(settings)) {
			is, err := readSetting(path)
			if err != nil {
				return err
			}
			if _, known := f.Settings[path]; !known {
				f.Settings[path] = is
			}
			if err := writeSetting(path, settings[path]); err != nil {
				return err
			}
		}
		return addAddresses(h, f, w)
	})
}

// setUp sets a tunnel interface up, loading its module if it is not there.
func setUp(h *netio.Handle, f *found, name string) error {
	link, err := h.Link(name)
	if errors.Is(err, netio.ErrNoLink) {
		loadErr := loadModule(modules[name])
		if link, err = h.Link(name); err != nil {
			return because(err, loadErr)
		}
	}
	if err != nil || link.Up {
		return err
	}
	if err := h.SetUp(link.Index, true); err != nil {
		return err
	}
	if !slices.Contains(f.Tunnels, name) {
		f.Tunnels = append(f.Tunnels, name)
	}
	return nil
}

// because is err with what may be the reason for it.
func because(err, reason error) error {
	if reason == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, reason)
}

// loadModule loads a module of the kernel. That it cannot be loaded is not always an error: it may be part of the kernel.
func loadModule(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "modprobe", name).CombinedOutput(); err != nil {
		return fmt.Errorf("load module %s: %w %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func addAddresses(h *netio.Handle, f *found, w Wanted) error {
	there, err := holders(h)
	if err != nil {
		return err
	}
	for _, a := range w.Addresses {
		ifname := w.place(a)
		before := there[prefix(a)][ifname]
		if before && f.has(a, ifname) {
			continue
		}
		if !before {
			if err := change(h.AddAddress, ifname, h, a); err != nil {
				return err
			}
		}
		if !f.has(a, ifname) {
			f.Addresses = append(f.Addresses, placed{a, ifname, before})
		}
	}
	return nil
}

// change adds or deletes an address.
func change(how func(netio.Address) error, ifname string, h *netio.Handle, a netip.Addr) error {
	link, err := h.Link(ifname)
	if err == nil {
		err = how(netio.Address{Index: link.Index, Prefix: prefix(a)})
	}
	if err != nil {
		return fmt.Errorf("%s on %s: %w", a, ifname, err)
	}
	return nil
}

// Undo takes addresses away that Apply has added and, after the last one, restores what was found. A setting that somebody has
// changed since stays as it is.
func (s Server) Undo(w Wanted) error {
	return s.with(func(h *netio.Handle, f *found) error {
		for _, a := range w.Addresses {
			for _, p := range f.take(a) {
				if p.Before {
					continue
				}
				if err := change(h.DelAddress, p.Interface, h, a); err != nil && !errors.Is(err, netio.ErrNoLink) {
					f.Addresses = append(f.Addresses, p) // it is still there
					return err
				}
			}
		}
		if len(f.Addresses) > 0 {
			return nil
		}
		for path, was := range f.Settings {
			is, err := readSetting(path)
			if err == nil && is == ours[filepath.Base(path)] {
				err = writeSetting(path, was)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // of a tunnel that is gone
				return err
			}
		}
		if err := f.close(); err != nil {
			return err
		}
		for _, name := range f.Tunnels {
			link, err := h.Link(name)
			if err == nil {
				err = h.SetUp(link.Index, false)
			}
			if err != nil && !errors.Is(err, netio.ErrNoLink) {
				return err
			}
		}
		*f = found{}
		return nil
	})
}

// ours are the values that Apply sets.
var ours = map[string]string{"arp_ignore": "1", "arp_announce": "2", "rp_filter": "2"}

// Check lists what is missing. Without addresses it looks at the settings for IPv4.
func (s Server) Check(w Wanted) (missing []string, err error) {
	h, err := netio.Open()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	there, err := holders(h)
	if err != nil {
		return nil, err
	}
	addresses := w.Addresses
	if len(addresses) == 0 {
		w.Addresses = []netip.Addr{netip.IPv4Unspecified()}
	}
	for _, name := range w.tunnels() {
		if link, err := h.Link(name); err != nil || !link.Up {
			missing = append(missing, name+" is not up")
		}
	}
	ports, err := lacking(w.ports())
	if err != nil {
		return nil, err
	}
	missing = append(missing, ports...)
	settings := w.settings()
	for _, path := range slices.Sorted(maps.Keys(settings)) {
		is, err := readSetting(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // there is no such interface, which was said
		}
		if err != nil {
			return nil, err
		}
		if is != settings[path] {
			missing = append(missing, complaint(path, is, settings[path]))
		}
	}
	for _, a := range addresses {
		if ifname := w.place(a); !there[prefix(a)][ifname] {
			missing = append(missing, fmt.Sprintf("%s is not on %s", prefix(a), ifname))
		}
	}
	return missing, nil
}

// with runs a change and keeps what it found, also of one that has failed half-way.
func (s Server) with(change func(*netio.Handle, *found) error) error {
	h, err := netio.Open()
	if err != nil {
		return err
	}
	defer h.Close()
	f, err := s.load()
	if err != nil {
		return err
	}
	return errors.Join(change(h, f), s.store(f))
}

func (s Server) file() string {
	if s.State == "" {
		return StateFile
	}
	return s.State
}

func (s Server) load() (*found, error) {
	f := &found{}
	text, err := os.ReadFile(s.file())
	switch {
	case err == nil:
		if err := json.Unmarshal(text, f); err != nil {
			return nil, fmt.Errorf("%s: %w", s.file(), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if f.Settings == nil {
		f.Settings = map[string]string{}
	}
	return f, nil
}

func (s Server) store(f *found) error {
	if len(f.Addresses) == 0 && len(f.Settings) == 0 && len(f.Tunnels) == 0 && len(f.Ports) == 0 {
		if err := os.Remove(s.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file()), 0o755); err != nil {
		return err
	}
	return wholefile.Write(s.file(), append(text, '\n'), 0o644)
}

// holders returns which interfaces have which addresses.
func holders(h *netio.Handle) (map[netip.Prefix]map[string]bool, error) {
	links, err := h.Links()
	if err != nil {
		return nil, err
	}
	addresses, err := h.Addresses()
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Index] = l.Name
	}
	there := map[netip.Prefix]map[string]bool{}
	for _, a := range addresses {
		if there[a.Prefix] == nil {
			there[a.Prefix] = map[string]bool{}
		}
		there[a.Prefix][names[a.Index]] = true
	}
	return there, nil
}

const sysctls = "/proc/sys"

func readSetting(path string) (string, error) {
	b, err := os.ReadFile(filepath.Join(sysctls, path))
	return strings.TrimSpace(string(b)), err
}

func writeSetting(path, value string) error {
	return os.WriteFile(filepath.Join(sysctls, path), []byte(value), 0)
}
