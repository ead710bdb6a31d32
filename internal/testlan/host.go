package testlan

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Host is one network namespace. A goroutine locked to a thread inside it runs Do, so that programs started there can ask
// to die with that thread, and with this process.
type Host struct {
	Name string

	lab    *Lab
	ns     netns.NsHandle
	handle *netlink.Handle
	jobs   chan func()
	ended  chan struct{}
}

func newHost(l *Lab, name string) (*Host, error) {
	h := &Host{Name: name, lab: l, jobs: make(chan func()), ended: make(chan struct{})}
	started := make(chan error, 1)
	go h.inside(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("namespace of %s: %w", name, err)
	}
	handle, err := netlink.NewHandleAt(h.ns)
	if err != nil {
		h.close()
		return nil, fmt.Errorf("netlink in %s: %w", name, err)
	}
	h.handle = handle
	lo, err := handle.LinkByName("lo")
	if err == nil {
		err = handle.LinkSetUp(lo)
	}
	if err != nil {
		h.close()
		return nil, fmt.Errorf("loopback of %s: %w", name, err)
	}
	return h, nil
}

// inside never unlocks its thread: a thread that has been in another namespace must end, not be reused.
func (h *Host) inside(started chan<- error) {
	defer close(h.ended)
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		started <- err
		return
	}
	h.ns = ns
	started <- nil
	for job := range h.jobs {
		job()
	}
}

// Do runs fn on a thread inside the namespace and waits. Sockets that fn opens stay there. fn must not block for long:
// one fn at a time runs per host.
func (h *Host) Do(fn func() error) error {
	result := make(chan error, 1)
	select {
	case h.jobs <- func() { result <- fn() }:
		return <-result
	case <-h.ended:
		return fmt.Errorf("host %s is closed", h.Name)
	}
}

// close ends the thread and gives up the descriptors; the kernel removes the namespace with the last program in it.
func (h *Host) close() {
	close(h.jobs)
	<-h.ended
	if h.handle != nil {
		h.handle.Close()
	}
	h.ns.Close()
}

// Sysctl writes one value; the key has the form net/ipv4/ip_forward.
func (h *Host) Sysctl(key, value string) error {
	return h.Do(func() error {
		if err := os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0o644); err != nil {
			return fmt.Errorf("sysctl in %s: %w", h.Name, err)
		}
		return nil
	})
}

// ReadSysctl reads one value without its newline.
func (h *Host) ReadSysctl(key string) (string, error) {
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile(filepath.Join("/proc/sys", key))
		return err
	})
	return strings.TrimSpace(string(text)), err
}

// AddAddress gives an interface an address. No broadcast address is invented.
func (h *Host) AddAddress(ifname string, p netip.Prefix) error {
	link, a, err := h.addressOn(ifname, p)
	if err != nil {
		return err
	}
	a.Broadcast = make([]byte, 4)
	if p.Addr().Is6() {
		a.Broadcast, a.Flags = nil, unix.IFA_F_NODAD
	}
	if err := h.handle.AddrAdd(link, a); err != nil {
		return fmt.Errorf("add %s to %s of %s: %w", p, ifname, h.Name, err)
	}
	return nil
}

// DeleteAddress takes an address from an interface.
func (h *Host) DeleteAddress(ifname string, p netip.Prefix) error {
	link, a, err := h.addressOn(ifname, p)
	if err != nil {
		return err
	}
	if err := h.handle.AddrDel(link, a); err != nil {
		return fmt.Errorf("delete %s from %s of %s: %w", p, ifname, h.Name, err)
	}
	return nil
}

// addressOn is an address and its interface for the library.
func (h *Host) addressOn(ifname string, p netip.Prefix) (netlink.Link, *netlink.Addr, error) {
	link, err := h.handle.LinkByName(ifname)
	if err != nil {
		return nil, nil, fmt.Errorf("interface %s of %s: %w", ifname, h.Name, err)
	}
	a, err := netlink.ParseAddr(p.String())
	if err != nil {
		return nil, nil, fmt.Errorf("address %s: %w", p, err)
	}
	return link, a, nil
}

// Addresses lists the IPv4 addresses of an interface in the kernel's order.
func (h *Host) Addresses(ifname string) ([]netip.Prefix, error) {
	link, err := h.handle.LinkByName(ifname)
	if err != nil {
		return nil, fmt.Errorf("interface %s of %s: %w", ifname, h.Name, err)
	}
	list, err := h.handle.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("addresses of %s of %s: %w", ifname, h.Name, err)
	}
	var out []netip.Prefix
	for _, a := range list {
		ip, _ := netip.AddrFromSlice(a.IP.To4())
		bits, _ := a.Mask.Size()
		out = append(out, netip.PrefixFrom(ip, bits))
	}
	return out, nil
}

// AddRoute adds a route through a gateway; destination 0.0.0.0/0 is the default route.
func (h *Host) AddRoute(destination netip.Prefix, gateway netip.Addr) error {
	d, err := netlink.ParseIPNet(destination.String())
	if err != nil {
		return fmt.Errorf("route %s: %w", destination, err)
	}
	if err := h.handle.RouteAdd(&netlink.Route{Dst: d, Gw: gateway.AsSlice()}); err != nil {
		return fmt.Errorf("add route %s via %s in %s: %w", destination, gateway, h.Name, err)
	}
	return nil
}

// start starts cmd in the namespace; it is killed when the host is closed or this process ends.
func (h *Host) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, labVariable+"="+h.lab.Dir())
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return h.Do(cmd.Start)
}

// Output runs a command to its end in the namespace and returns what it wrote. The error holds the command's complaint.
func (h *Host) Output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := h.start(cmd); err != nil {
		return "", fmt.Errorf("%s in %s: %w", argv[0], h.Name, err)
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s in %s: %w: %s", strings.Join(argv, " "), h.Name, err,
			strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}
