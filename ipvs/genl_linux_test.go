package ipvs

import (
	"errors"
	"io"
	"syscall"
	"testing"

	moby "github.com/moby/ipvs"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// genlController is the family every kernel has. It knows none of the commands that a service's change has.
const genlController = 0x10

func dialController(t *testing.T) *conn {
	t.Helper()
	c, err := dial(genlController, "", confparse.BufferSize{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func failingOps(n int) []Op {
	ops := make([]Op, n)
	for i := range ops {
		ops[i] = Op{Kind: DelDest, Service: v4Key("10.0.0.1:80"), Dest: v4Dest}
	}
	return ops
}

func TestBatchReportsEveryFailure(t *testing.T) {
	c := dialController(t)
	errs := make([]error, 3*maxBatch+1)
	c.apply(t.Context(), failingOps(len(errs)), errs)
	for i, err := range errs {
		if !errors.Is(err, syscall.EOPNOTSUPP) {
			t.Fatalf("operation %d: %v, want EOPNOTSUPP", i, err)
		}
	}
}

// A change that the kernel does not answer, as it does when it was interrupted, has not failed, and nobody waits for it: the
// answer that ends a batch is of none of them, so even an empty one is answered.
func TestBatchDoesNotWaitForAChangeWithoutAnAnswer(t *testing.T) {
	c := dialController(t)
	errs := make([]error, 1)
	c.batch(nil, nil)
	c.batch(failingOps(1), errs)
	if !errors.Is(errs[0], syscall.EOPNOTSUPP) {
		t.Errorf("a change after a batch whose only answer is the last one's: %v", errs[0])
	}
}

// When answers are lost nobody knows what was done, and nothing waits for what will not come.
func TestBatchLostAnswersAreNotSuccess(t *testing.T) {
	c := dialController(t)
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, maxBatch)
	c.batch(failingOps(len(errs)), errs)
	known, lost := 0, 0
	for i, err := range errs {
		switch {
		case errors.Is(err, syscall.EOPNOTSUPP):
			known++
		case errors.Is(err, syscall.ENOBUFS):
			lost++
		default:
			t.Fatalf("operation %d: %v", i, err)
		}
	}
	if known == 0 || lost == 0 {
		t.Errorf("%d answers, %d lost: the queue did not overflow", known, lost)
	}
	// The socket works on.
	errs = make([]error, 1)
	c.batch(failingOps(1), errs)
	if !errors.Is(errs[0], syscall.EOPNOTSUPP) {
		t.Errorf("next operation: %v", errs[0])
	}
}

func TestReceiveTimesOut(t *testing.T) {
	c := dialController(t)
	tv := unix.Timeval{Usec: 1000}
	if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	if err := c.receive(0, func(message) { t.Error("a message out of nowhere") }); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("got %v, want ETIMEDOUT", err)
	}
}

func TestGetReportsErrno(t *testing.T) {
	c := dialController(t)
	err := c.get(cmdGetInfo, false, nil, func([]byte) error { return nil })
	if !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("got %v, want EOPNOTSUPP", err)
	}
	err = c.get(cmdGetService, true, nil, func([]byte) error { return nil })
	if !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("dump: got %v, want EOPNOTSUPP", err)
	}
}

// The controller answers GETFAMILY (3) with a dump of the families: the only dump that every kernel has.
func TestGetDump(t *testing.T) {
	c := dialController(t)
	n := 0
	if err := c.get(3, true, nil, func([]byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Error("no family, not even the controller")
	}
	stop := errors.New("stop")
	if err := c.get(3, true, nil, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the callback's error", err)
	}
	if err := c.get(3, true, nil, func([]byte) error { return nil }); err != nil {
		t.Errorf("dump after a stopped one: %v", err)
	}
}

// TestMobyReportsSuccessWithoutIPVS is why requireIPVS exists and why moby/ipvs is not trusted to write: on a kernel
// without IPVS it opens and "adds" services without an error, while we refuse to open.
func TestMobyReportsSuccessWithoutIPVS(t *testing.T) {
	if _, err := familyID(); err == nil {
		t.Skip("needs a kernel without ip_vs; this one has it")
	}
	logrus.SetOutput(io.Discard)
	h, err := moby.New("")
	if err != nil {
		t.Fatalf("moby/ipvs has learned to fail here: %v", err)
	}
	defer h.Close()
	if err := h.NewService(&moby.Service{AddressFamily: afInet, FWMark: 5, SchedName: "rr"}); err != nil {
		t.Errorf("moby/ipvs has learned to fail here: %v", err)
	}
	if k, err := OpenKernel(t.Context(), KernelOptions{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("OpenKernel = %v, %v; want ErrUnavailable", k, err)
	}
}

// A buffer is as large as configured (the kernel doubles what it is given), and only force goes beyond rmem_max.
func TestReceiveBufferAsConfigured(t *testing.T) {
	size := func(b confparse.BufferSize) int {
		c, err := dial(genlController, "", b)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		n, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := size(confparse.BufferSize{Bytes: 50_000}); got != 100_000 {
		t.Errorf("of 50,000 bytes: %d, want twice as many", got)
	}
	const large = 64 << 20
	forced := size(confparse.BufferSize{Bytes: large, Force: true})
	if forced != 2*large {
		t.Skipf("a buffer beyond rmem_max takes CAP_NET_ADMIN: %d", forced)
	}
	if got := size(confparse.BufferSize{Bytes: large}); got >= forced {
		t.Errorf("without force: %d", got)
	}
}
