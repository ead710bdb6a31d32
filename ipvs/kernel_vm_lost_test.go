//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"vigil/ipvs"
)

// unload empties the table and takes ip_vs, with everything that uses it, out of the kernel. Whoever adds a service in
// between keeps it in use.
const unload = `
	ipvsadm -C
	for m in $(sed -n 's/^\(ip_vs_[a-z_]*\) .*/\1/p' /proc/modules); do rmmod $m; done
	ipvsadm -C
	rmmod ip_vs`

// takeAway runs unload until nobody is in the way.
func takeAway(t *testing.T) {
	t.Helper()
	var out []byte
	var err error
	for begun := time.Now(); time.Since(begun) < 5*time.Minute; { // an audit may put the table back meanwhile
		if out, err = exec.Command("sh", "-c", unload).CombinedOutput(); err == nil {
			return
		}
	}
	t.Fatalf("ip_vs cannot be unloaded: %v\n%s", err, out)
}

// modprobeSetting returns the program by which the kernel loads modules, and what sets it. It is as before at the end.
func modprobeSetting(t *testing.T) (now []byte, set func([]byte)) {
	t.Helper()
	const path = "/proc/sys/kernel/modprobe"
	now, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set = func(program []byte) {
		if err := os.WriteFile(path, program, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { set(now) })
	return now, set
}

// TestUnloadedIPVSComesBack: an operator empties the table, unloads ip_vs and, later, loads it again. Meanwhile the
// status says that it is gone; afterwards the table is as it was.
func TestUnloadedIPVSComesBack(t *testing.T) {
	requireKernel(t)
	ours, err := os.Readlink("/proc/self/ns/net")
	if first, e := os.Readlink("/proc/1/ns/net"); err != nil || e != nil || ours != first {
		t.Skip("needs a kernel whose modules can be unloaded; this one is the machine's")
	}
	spec := bigSpec(100)
	var opens atomic.Int32
	r := ipvs.NewReconciler(ipvs.Options{
		Open: func(ctx context.Context) (ipvs.Kernel, error) {
			k, err := ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
			if err == nil {
				opens.Add(1)
			}
			return k, err
		},
		AuditPeriod: 3 * time.Second,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.Set(spec, ipvs.Health{})
	until := func(what string, is func(ipvs.Status) bool) {
		t.Helper()
		for start := time.Now(); !is(r.Status()); time.Sleep(10 * time.Millisecond) {
			if time.Since(start) > 2*time.Minute {
				t.Fatalf("%s: opened %d times, status %+v", what, opens.Load(), r.Status())
			}
		}
	}
	whole := func(n int32) func(ipvs.Status) bool {
		return func(s ipvs.Status) bool {
			return opens.Load() == n && !s.Lost && len(s.Failing) == 0 && s.Services == 100 && s.Destinations == 1000
		}
	}
	modprobe, setModprobe := modprobeSetting(t)
	until("first", whole(1))
	old, err := ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()

	takeAway(t)
	until("with modules that can be loaded", whole(2))

	setModprobe([]byte("/bin/false\n"))
	takeAway(t)
	until("without", func(s ipvs.Status) bool { return s.Lost && s.Services == 0 })
	setModprobe(modprobe)
	until("with them again", whole(3))

	if _, err := old.Read(ctx, nil); !errors.Is(err, ipvs.ErrLost) {
		t.Errorf("a connection from before: %v, want ErrLost", err)
	}
	for _, err := range old.Apply(ctx, []ipvs.Op{{Kind: ipvs.DelService, Service: spec.VirtualServers[0].Services[0].Key}}) {
		if !errors.Is(err, ipvs.ErrLost) {
			t.Errorf("a deletion over it: %v, want ErrLost", err)
		}
	}
	fresh, err := ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if ops := ipvs.Diff(read(t, fresh), ipvs.Desired(spec, ipvs.Health{})); len(ops) > 0 {
		t.Errorf("the kernel's table lacks %d operations, the first: %v", len(ops), ops[0])
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if left := read(t, fresh); len(left) > 0 {
		t.Errorf("%d services are left", len(left))
	}
}

// TestStopInMidPassOnTheKernel: a stop while services are being programmed leaves none, wherever it hits.
func TestStopInMidPassOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	spec := bigSpec(200)
	for ops := 0; ops < 2200; ops += 150 {
		ctx, cancel := context.WithCancel(t.Context())
		left := ops
		r := ipvs.NewReconciler(ipvs.Options{AuditPeriod: -1, Open: func(ctx context.Context) (ipvs.Kernel, error) {
			inner, err := ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
			return &cutting{inner, &left, cancel}, err
		}})
		r.Set(spec, ipvs.Health{})
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if table := read(t, k); len(table) > 0 {
			t.Fatalf("stopped after %d operations: %d services are left", ops, len(table))
		}
	}
}

// cutting is a kernel that ends a run after some operations.
type cutting struct {
	ipvs.Kernel
	left   *int
	cancel context.CancelFunc
}

// Apply makes the changes that are left, ends the run, and tries the rest.
func (c *cutting) Apply(ctx context.Context, ops []ipvs.Op) []error {
	if *c.left < 0 {
		return c.Kernel.Apply(ctx, ops)
	}
	n := min(*c.left, len(ops))
	errs := c.Kernel.Apply(ctx, ops[:n])
	if *c.left -= n; n < len(ops) {
		*c.left = -1
		c.cancel()
		errs = append(errs, c.Kernel.Apply(ctx, ops[n:])...)
	}
	return errs
}
