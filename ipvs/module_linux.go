package ipvs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// requireIPVS returns the generic netlink family id of IPVS, after loading the module ip_vs if there is none. Nothing
// may be sent to the family before this: messages to the id 0 are acknowledged and ignored.
func requireIPVS(ctx context.Context) (uint16, error) {
	id, err := familyID()
	if err == nil {
		return id, nil
	}
	if !errors.Is(err, unix.ENOENT) {
		return 0, fmt.Errorf("look up the IPVS netlink family: %w", err)
	}
	loaded := loadModule(ctx, "ip_vs")
	if id, err = familyID(); err == nil {
		return id, nil
	}
	if loaded == nil {
		loaded = err
	}
	return 0, fmt.Errorf("%w: module ip_vs is not loaded and cannot be (%w); "+
		"try \"modprobe ip_vs\", or use a kernel that has it", ErrUnavailable, loaded)
}

func familyID() (uint16, error) {
	f, err := netlink.GenlFamilyGet("IPVS")
	if err != nil {
		return 0, err
	}
	if f.ID == 0 {
		return 0, unix.ENOENT
	}
	return f.ID, nil
}

// loadModule runs the program that the kernel itself would run. Some implementations do not know -s (log to syslog).
func loadModule(ctx context.Context, name string) error {
	b, err := os.ReadFile("/proc/sys/kernel/modprobe")
	program := strings.TrimSpace(string(b))
	if err != nil || program == "" {
		return fmt.Errorf("no program to load modules: %w", errors.Join(err, unix.ENOENT))
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if exec.CommandContext(ctx, program, "-s", "--", name).Run() == nil {
		return nil
	}
	out, err := exec.CommandContext(ctx, program, "--", name).CombinedOutput()
	if err == nil {
		return nil
	}
	if text, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n")); len(text) > 0 {
		return errors.New(string(text))
	}
	return fmt.Errorf("%s %s: %w", program, name, err)
}
