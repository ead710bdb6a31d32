//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

func init() { alongside = alongsideKernel }

// alongsideKernel opens a twin with the real kernel beside it, in the VM.
func alongsideKernel(t *testing.T, twin *ipvstest.Kernel) func(context.Context) (ipvs.Kernel, error) {
	if daemons, _ := twin.SyncDaemons(t.Context()); os.Getenv("VIGIL_IN_VM") != "1" || len(daemons) > 0 {
		return nil // synchronization on the kernel has tests of its own
	}
	real := requireKernel(t)
	return func(ctx context.Context) (ipvs.Kernel, error) {
		k, err := twin.Open(ctx)
		return &besides{Kernel: k, t: t, twin: twin, real: real}, err
	}
}

// besides is a twin whose changes of services and destinations are made to the real kernel too, which has to answer as the twin does
// and to have the same table then.
type besides struct {
	ipvs.Kernel
	t    *testing.T
	twin *ipvstest.Kernel
	real ipvs.Kernel
}

func (b *besides) Apply(ctx context.Context, ops []ipvs.Op) []error {
	before := b.twin.Table() // which somebody else may have changed
	errs := b.Kernel.Apply(ctx, ops)
	var both []ipvs.Op
	var want []error
	for i, op := range ops {
		if errors.Is(errs[i], ipvs.ErrLost) {
			return errs
		}
		if op.Kind <= ipvs.DelService {
			both, want = append(both, op), append(want, errs[i])
		}
	}
	b.real.Apply(ctx, b.lacks(before))
	for i, got := range b.real.Apply(ctx, both) {
		var a, e syscall.Errno
		errors.As(got, &a)
		errors.As(want[i], &e)
		if a != e || (got == nil) != (want[i] == nil) {
			b.t.Errorf("%v: the kernel says %v, the twin %v", both[i], got, want[i])
		}
	}
	b.same()
	return errs
}

func (b *besides) Flush(ctx context.Context) error {
	err := b.Kernel.Flush(ctx)
	if err == nil {
		if err := b.real.Flush(ctx); err != nil {
			b.t.Error("the kernel: ", err)
		}
		b.same()
	}
	return err
}

// same fails unless both have the same table.
func (b *besides) same() {
	b.t.Helper()
	for _, op := range b.lacks(b.twin.Table()) {
		b.t.Errorf("the kernel lacks: %v %+v %+v", op, op.Attrs, op.DestAttrs)
	}
}

// lacks are the changes that the real table has to undergo to be as wanted.
func (b *besides) lacks(want ipvs.Table) []ipvs.Op {
	have, err := b.real.Read(context.Background(), nil)
	if err != nil {
		b.t.Error("the kernel: ", err)
	}
	return ipvs.Diff(have, want)
}
