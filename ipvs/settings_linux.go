package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
)

const settingsDir = "/proc/sys/net/ipv4/vs/"

// Settings implements Kernel.
func (k *linuxKernel) Settings(context.Context) (s Settings, err error) {
	err = k.inside(func() error {
		for i, name := range SettingNames {
			b, err := os.ReadFile(settingsDir + name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // who wants it hears of that when it is set
			}
			if err != nil {
				return fmt.Errorf("read settings of IPVS: %w", err)
			}
			s[i] = strings.Join(strings.Fields(string(b)), " ")
		}
		return nil
	})
	return s, err
}

// SetSettings implements Kernel.
func (k *linuxKernel) SetSettings(_ context.Context, s Settings) error {
	return k.inside(func() error {
		var errs []error
		for i, v := range s {
			if v == "" {
				continue
			}
			if err := os.WriteFile(settingsDir+SettingNames[i], []byte(v), 0); err != nil {
				errs = append(errs, fmt.Errorf("set net.ipv4.vs.%s to %s: %w", SettingNames[i], v, err))
			}
		}
		return errors.Join(errs...)
	})
}

// LinkIndex implements Kernel.
func (k *linuxKernel) LinkIndex(name string) (index int) {
	_ = k.inside(func() error {
		link, err := net.InterfaceByName(name)
		if err == nil {
			index = link.Index
		}
		return err
	})
	return index
}

// inside calls f where interfaces and files of /proc/sys are those of the kernel's network namespace.
func (k *linuxKernel) inside(f func() error) error {
	return inNetNS(k.netNS, f)
}
