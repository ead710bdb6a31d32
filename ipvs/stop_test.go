package ipvs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// interruption is where and how a run is told to stop.
type interruption struct {
	op       int   // the number of the operation at which it happens
	err      error // of that operation; nil: it is done and answered
	done     bool  // it is done all the same
	fails    int   // how many more operations fail the same way
	noReads  int   // how many reads fail from then on
	flushing bool  // lvs_flush_on_stop
	forever  bool  // the failing does not end
}

// life programs, changes and reloads two or three services until it is interrupted, and returns the number of operations,
// the services left and those that the state file has.
func life(t *testing.T, state string, in interruption) (ops int, left, remembered []ipvs.ServiceKey) {
	k := ipvstest.New()
	foreign := fwmark(9, confparse.IPv4)
	k.Edit(func(table ipvs.Table) { table[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")} })
	r := ipvs.NewReconciler(ipvs.Options{Open: k.Open, StatePath: state, AuditPeriod: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	reads := in.noReads
	k.SetFault(func(ipvs.Op) ipvstest.Fault {
		ops++
		if ops-1 == in.op {
			cancel()
			k.SetReadFault(func(ipvs.ServiceKey) error {
				if reads--; reads >= 0 || in.forever && in.noReads > 0 {
					return syscall.ENOBUFS
				}
				return nil
			})
		}
		if ops-1 >= in.op && (ops-1 <= in.op+in.fails || in.forever) {
			return ipvstest.Fault{Err: in.err, Done: in.done}
		}
		return ipvstest.Fault{}
	})
	a, b, c := service(1, 2), service(2, 2), service(3, 1)
	first, second := specOf(a, b), specOf(b, c)
	if in.flushing {
		first.FlushOnStop, second.FlushOnStop = confparse.FlushOnStopAll, confparse.FlushOnStopAll
	}
	for _, step := range []func(){
		func() { r.Set(first, ipvs.Health{}) },
		func() { r.Report(changesOf(serverHealth(a, 0, false, 1))) },
		func() { r.Report(changesOf(serverHealth(b, 1, true, 5))) },
		func() { r.Set(second, serverHealth(b, 0, true, 2)) },
		func() { r.Report(changesOf(serversHealth(c, false))) },
	} {
		step()
		if err := r.Sync(ctx); err != nil {
			break
		}
	}
	cancel()
	start := time.Now()
	if err := <-done; err != nil {
		t.Errorf("%+v: Run = %v", in, err)
	}
	if took := time.Since(start); took > 11*time.Second {
		t.Errorf("%+v: the stop took %v", in, took)
	}
	for key := range k.Table() {
		if key != foreign {
			left = append(left, key)
		}
	}
	return ops, left, rememberedIn(t, state)
}

// TestStopWithoutTheRightToChangeTheTable: a right that was lost while running does not come back, and is not waited for as
// what may. What stays behind is remembered.
func TestStopWithoutTheRightToChangeTheTable(t *testing.T) {
	for err, longest := range map[syscall.Errno]time.Duration{syscall.EPERM: 1500 * time.Millisecond, syscall.ENOBUFS: 11 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "ipvs.json")
			k := ipvstest.New()
			r := ipvs.NewReconciler(ipvs.Options{Open: k.Open, StatePath: state, AuditPeriod: time.Minute})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			r.Set(specOf(service(1, 2), service(2, 2)), ipvs.Health{})
			if err := r.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			k.SetFault(func(ipvs.Op) ipvstest.Fault { return ipvstest.Fault{Err: err} })
			k.SetReadError(err)
			begun := time.Now()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > longest {
				t.Errorf("%v: the stop took %v, want at most %v", err, took, longest)
			}
			if left := len(rememberedIn(t, state)); left != 2 {
				t.Errorf("%v: %d services are remembered, want 2", err, left)
			}
		})
	}
}

// rememberedIn returns the services that a state file has.
func rememberedIn(t *testing.T, path string) []ipvs.ServiceKey {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var content struct {
		Services []ipvs.ServiceKey `json:"services"`
	}
	if err := errors.Join(err, json.Unmarshal(b, &content)); err != nil {
		t.Error(err)
	}
	return content.Services
}

// TestStopAtAnyOperationLeavesNothing: at whatever operation a run is told to stop, whether that operation and the next
// ones are done, refused or their answers lost, and whether the table can be read or not, nothing of ours stays and
// nothing is remembered.
func TestStopAtAnyOperationLeavesNothing(t *testing.T) {
	state := filepath.Join(t.TempDir(), "ipvs.json")
	play := func(in interruption) (ops int) {
		synctest.Test(t, func(t *testing.T) {
			var left, remembered []ipvs.ServiceKey
			ops, left, remembered = life(t, state, in)
			if len(left)+len(remembered) > 0 {
				t.Errorf("%+v: left %v, remembered %v", in, left, remembered)
			}
		})
		return ops
	}
	total := play(interruption{op: -1})
	if total < 10 {
		t.Fatalf("an undisturbed life takes %d operations", total)
	}
	for op := range total {
		for _, in := range []interruption{{}, {err: syscall.ENOMEM}, {err: syscall.ENOBUFS}, {err: syscall.ENOBUFS, done: true}} {
			for _, in.fails = range []int{0, 5} {
				for _, in.noReads = range []int{0, 2} {
					in.op = op
					play(in)
				}
			}
		}
		play(interruption{op: op, flushing: true})
	}
}

// What cannot be removed within the time of a stop is remembered, so that the next run removes it.
func TestStopThatFailsForgetsNothing(t *testing.T) {
	state := filepath.Join(t.TempDir(), "ipvs.json")
	rapid.Check(t, func(rt *rapid.T) {
		in := interruption{
			op: rapid.IntRange(0, 12).Draw(rt, "operation"), forever: true,
			err:     rapid.SampledFrom([]error{syscall.ENOBUFS, syscall.ETIMEDOUT, syscall.EPERM}).Draw(rt, "errno"),
			noReads: rapid.IntRange(0, 1).Draw(rt, "reads"),
		}
		in.done = in.err != syscall.EPERM && rapid.Bool().Draw(rt, "done")
		var left, remembered []ipvs.ServiceKey
		synctest.Test(t, func(t *testing.T) { _, left, remembered = life(t, state, in) })
		for _, key := range left {
			if !slices.Contains(remembered, key) {
				rt.Errorf("%+v: %v is left and forgotten; remembered are %v", in, key, remembered)
			}
		}
	})
}

// A kernel that does not answer holds up a stop, and no longer than it does not answer.
func TestStopWhileTheKernelBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		answer := make(chan struct{})
		r.kernel.SetFault(func(op ipvs.Op) ipvstest.Fault {
			if op.Kind == ipvs.AddDest {
				return ipvstest.Fault{Block: answer}
			}
			return ipvstest.Fault{}
		})
		r.Set(specOf(service(1, 2), service(2, 2)), ipvs.Health{})
		synctest.Wait()
		stopped := make(chan error)
		go func() { stopped <- r.stop() }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Fatal("it stopped without knowing what the kernel has")
		default:
		}
		close(answer)
		if err := <-stopped; err != nil || len(r.kernel.Table()) != 0 {
			t.Errorf("%v, left %v", err, slices.Collect(maps.Keys(r.kernel.Table())))
		}
	})
}

// A service that leaves the configuration while nothing can be written nor read is removed as soon as something can.
func TestServiceThatLeavesWhileNothingWorks(t *testing.T) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprintf("done=%v", done), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
				defer r.stop()
				a, b := service(1, 1), service(2, 1)
				r.kernel.SetFault(func(ipvs.Op) ipvstest.Fault { return ipvstest.Fault{Err: syscall.ENOBUFS, Done: done} })
				r.kernel.SetReadError(syscall.ENOBUFS)
				r.set(specOf(a, b), ipvs.Health{})
				r.kernel.SetReadError(nil)
				r.set(specOf(a, b), ipvs.Health{})
				r.kernel.SetReadError(syscall.ENOBUFS)
				r.set(specOf(b), ipvs.Health{})
				r.kernel.SetReadError(nil)
				r.kernel.SetFault(nil)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				r.wantTable(ipvs.Desired(specOf(b), ipvs.Health{}))
				if f := r.Status().Failing; len(f) != 0 {
					t.Errorf("failing: %+v", f)
				}
			})
		})
	}
}
