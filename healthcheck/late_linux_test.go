package healthcheck

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// expired returns a socket whose deadline has passed, and its other end.
func expired(t *testing.T) (f, peer *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, peer = os.NewFile(uintptr(fds[0]), "late"), os.NewFile(uintptr(fds[1]), "peer")
	t.Cleanup(func() { f.Close(); peer.Close() })
	if err := f.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	return f, peer
}

// TestAnswerFoundLate: an answer that has come counts although the check was not run before its time was over.
func TestAnswerFoundLate(t *testing.T) {
	f, peer := expired(t)
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	ready := func(fd uintptr) bool {
		_, err := unix.Read(int(fd), b)
		return err == nil
	}
	if err := untilLate(raw, raw.Read, ready); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("before there is anything: %v", err)
	}
	if n, err := readLate(f, b, os.ErrDeadlineExceeded); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("before there is anything: %d, %v", n, err)
	}
	for range 2 {
		if _, err := peer.WriteString("answer"); err != nil {
			t.Fatal(err)
		}
	}
	if err := untilLate(raw, raw.Read, func(fd uintptr) bool {
		n, err := unix.Read(int(fd), b[:6])
		return err == nil && string(b[:n]) == "answer"
	}); err != nil {
		t.Error(err)
	}
	if n, err := readLate(f, b, os.ErrDeadlineExceeded); string(b[:n]) != "answer" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	peer.Close()
	if n, err := readLate(f, b, os.ErrDeadlineExceeded); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	f.Close()
	if n, err := readLate(f, b, os.ErrDeadlineExceeded); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("closed: %d, %v", n, err)
	}
}

// TestReplyFoundLate: of a reply too, and of one whose whole time is over, but without an end of only so much.
func TestReplyFoundLate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   time.Duration
		late  int64
		found bool
	}{
		{"a read", time.Hour, 0, true},
		{"a reply", 0, 0, true},
		{"a reply that had its share", 0, lateRoom, false},
	} {
		f, peer := expired(t)
		if _, err := peer.WriteString("HTTP/1.1 200"); err != nil {
			t.Fatal(err)
		}
		c := &replyConn{stream: f, timeout: -time.Second, limits: replyLimit} // its time is over before it reads
		c.expect(time.Now(), tt.end)
		c.late = tt.late
		n, err := c.Read(make([]byte, 100))
		if tt.found != (n > 0) || tt.found == errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d, %v", tt.name, n, err)
		}
	}
}
