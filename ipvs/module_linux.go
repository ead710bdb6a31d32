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

	"golang.org/x/sys/unix"

	"vigil/confparse"
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

// The controller of generic netlink: linux/genetlink.h.
const (
	ctrlFamily     = 0x10 // its own number
	ctrlGetFamily  = 3
	ctrlFamilyID   = 1
	ctrlFamilyName = 2
)

// familyID asks the controller for the number of IPVS. It is ENOENT that there is none.
func familyID() (uint16, error) {
	c, err := dial(ctrlFamily, "", confparse.BufferSize{})
	if err != nil {
		return 0, err
	}
	defer c.close()
	var id uint16
	err = c.get(ctrlGetFamily, false, func(r *request) { r.str(ctrlFamilyName, "IPVS") }, func(msg []byte) (err error) {
		id, err = parseFamily(msg)
		return err
	})
	if err == nil && id == 0 {
		err = unix.ENOENT
	}
	return id, err
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
