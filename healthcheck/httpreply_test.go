package healthcheck

import (
	"bytes"
	"crypto/md5"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/fuzzing"
)

func TestReadReply(t *testing.T) {
	sum := func(s string) [16]byte { return md5.Sum([]byte(s)) }
	long := "HTTP/1.1 200 OK\r\nX: "
	fits := long + strings.Repeat("x", maxHeader-len(long)-4) + "\r\n\r\n"
	tests := []struct {
		name  string
		reply string
		want  httpReply
		err   error
	}{
		{"a plain reply", "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello", httpReply{status: 200, digest: sum("hello")}, nil},
		{"digest over Content-Length bytes only (case 41)", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world",
			httpReply{status: 200, digest: sum("hello")}, nil},
		{"Content-Length larger than the body", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
			httpReply{status: 200, digest: sum("hello")}, nil},
		{"Content-Length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello", httpReply{status: 200, digest: sum("")}, nil},
		{"content-length in another spelling is not seen", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nhello",
			httpReply{status: 200, digest: sum("hello")}, nil},
		{"Content-Length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello",
			httpReply{status: 200, digest: sum("hello")}, nil},
		{"Content-Length with something behind the number", "HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nhello",
			httpReply{status: 200, digest: sum("hello")}, nil},
		{"Content-Length with a sign and zeros", "HTTP/1.1 200 OK\r\nContent-Length: +0000000000000000000003\r\n\r\nhello",
			httpReply{status: 200, digest: sum("hel")}, nil},
		{"Content-Length beyond all bodies", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
			httpReply{status: 200, digest: sum("hello")}, nil},
		{"Content-Length in the body is body", "HTTP/1.1 200 OK\r\n\r\nContent-Length: 1\r\n",
			httpReply{status: 200, digest: sum("Content-Length: 1\r\n")}, nil},
		{"chunks are not decoded", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
			httpReply{status: 200, digest: sum("1\r\na\r\n0\r\n\r\n")}, nil},
		{"no reason and no space after the code (case 39)", "HTTP/1.1 200\r\n\r\n", httpReply{status: 0, digest: sum("")}, nil},
		{"no reason but the space", "HTTP/1.1 200 \r\n\r\n", httpReply{status: 200, digest: sum("")}, nil},
		{"two digits", "HTTP/1.1 20 OK\r\n\r\n", httpReply{status: 0, digest: sum("")}, nil},
		{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", httpReply{status: 0, digest: sum("")}, nil},
		{"not digits", "HTTP/1.1 2x0 OK\r\n\r\n", httpReply{status: 0, digest: sum("")}, nil},
		{"no space at all", "HTTP\r\n\r\n", httpReply{status: 0, digest: sum("")}, nil},
		{"nothing before the end of the header", "\r\n\r\n", httpReply{status: 0, digest: sum("")}, nil},
		{"a header of 4095 bytes", fits, httpReply{status: 200, digest: sum("")}, nil},
		{"a header of 4096 bytes", strings.Replace(fits, "X: ", "X:  ", 1), httpReply{}, errNoHeader},
		{"nothing", "", httpReply{}, errNoHeader},
		{"a header that does not end", "HTTP/1.1 200 OK\r\nServer: x\r\n", httpReply{}, errNoHeader},
		{"a header that ends in bare newlines", "HTTP/1.1 200 OK\n\nhello", httpReply{}, errNoHeader},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":         func(r io.Reader) io.Reader { return r },
		"bytewise":      iotest.OneByteReader,
		"data with EOF": iotest.DataErrReader,
	}
	for _, tt := range tests {
		for name, reader := range readers {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				got, err := readReply(reader(strings.NewReader(tt.reply)), wantedReply{digest: true}, atEOF)
				if !errors.Is(err, tt.err) {
					t.Fatalf("error %v, want %v", err, tt.err)
				}
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(httpReply{})); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestReadReplyPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	for _, start := range []string{"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\nhel"} {
		r := io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken))
		if _, err := readReply(r, wantedReply{digest: true}, atEOF); !errors.Is(err, broken) {
			t.Errorf("after %q: error %v, want %v", start, err, broken)
		}
	}
}

// TestReadReplyEndsAsToldTo has what ends a reply over TLS: any error behind the header but silence and no end.
func TestReadReplyEndsAsToldTo(t *testing.T) {
	for _, tt := range []struct {
		start string
		err   error
		want  error
	}{
		{"HTTP/1.1 200 OK\r\n\r\nhel", syscall.ECONNRESET, nil},
		{"HTTP/1.1 200 OK\r\n\r\nhel", io.ErrUnexpectedEOF, nil},
		{"HTTP/1.1 200 OK\r\n\r\nhel", os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{"HTTP/1.1 200 OK\r\n\r\nhel", errReplyTooLong, errReplyTooLong},
		{"HTTP/1.1 200 OK\r\n", syscall.ECONNRESET, syscall.ECONNRESET},
		{"HTTP/1.1 200 OK\r\n", io.ErrUnexpectedEOF, errNoHeader},
	} {
		reply, err := readReply(io.MultiReader(strings.NewReader(tt.start), iotest.ErrReader(tt.err)), wantedReply{digest: true}, atAnyError)
		if !errors.Is(err, tt.want) || err == nil && (reply.status != 200 || reply.digest != md5.Sum([]byte("hel"))) {
			t.Errorf("%v after %q: %+v, %v; want %v", tt.err, tt.start, reply, err, tt.want)
		}
	}
}

// TestReadReplyHoldsOneBuffer reads a body that would not fit in a buffer that grows without many allocations.
func TestReadReplyHoldsOneBuffer(t *testing.T) {
	allocations := testing.AllocsPerRun(1, func() {
		start := strings.NewReader("HTTP/1.1 200 OK\r\n\r\n")
		if _, err := readReply(io.MultiReader(start, io.LimitReader(zeros{}, 64<<20)), wantedReply{digest: true}, atEOF); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 10 {
		t.Errorf("reading 64 MiB made %v allocations", allocations)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// FuzzReadReply reads arbitrary replies in pieces of arbitrary size: it must not panic, the size of the pieces must
// not matter, and the digest must be that of the bytes after the header.
func FuzzReadReply(f *testing.F) {
	f.Fuzz(func(t *testing.T, reply []byte, piece uint16) {
		var whole, pieces httpReply
		var err, perr error
		r := &piecewise{reply, int(piece%512) + 1}
		fuzzing.Within(t, time.Second, func() {
			whole, err = readReply(bytes.NewReader(reply), wantedReply{digest: true}, atEOF)
			pieces, perr = readReply(r, wantedReply{digest: true}, atEOF)
		})
		fuzzKept(t, reply, int(piece))
		if whole.status != pieces.status || whole.digest != pieces.digest || !errors.Is(perr, err) {
			t.Fatalf("whole: %+v, %v; in pieces of %d: %+v, %v", whole, err, r.size, pieces, perr)
		}
		header, body, ended := bytes.Cut(reply, []byte("\r\n\r\n"))
		if ended && len(header) <= maxHeader-4 {
			if err != nil {
				t.Fatalf("a reply with a header of %d bytes: %v", len(header), err)
			}
			if n, ok := contentLength(header); ok {
				body = body[:min(uint64(len(body)), n)]
			}
			if whole.digest != md5.Sum(body) {
				t.Fatal("digest is not that of the body")
			}
		} else if !errors.Is(err, errNoHeader) {
			t.Fatalf("error %v, want %v", err, errNoHeader)
		}
		if whole.status < 0 || whole.status > 999 {
			t.Fatalf("status %d", whole.status)
		}
	})
}

// fuzzKept: of a body that is kept, for a regex, there is what the digest is of, in whichever pieces it comes; and where it is to be no
// larger than a limit that is an error exactly when it is.
func fuzzKept(t *testing.T, reply []byte, piece int) {
	want := wantedReply{digest: true, keep: len(reply) + 1}
	var whole, kept, limited httpReply
	var err, lerr error
	fuzzing.Within(t, time.Second, func() {
		whole, err = readReply(bytes.NewReader(reply), want, atEOF)
		kept, _ = readReply(&piecewise{reply, piece%512 + 1}, want, atEOF)
		want.limit = int64(piece%64) + 1
		limited, lerr = readReply(bytes.NewReader(reply), want, atEOF)
	})
	if !bytes.Equal(whole.body, kept.body) || err == nil && md5.Sum(whole.body) != whole.digest {
		t.Fatalf("kept %q and %q", whole.body, kept.body)
	}
	if err == nil && (lerr == nil) != (int64(len(whole.body)) <= want.limit) || lerr == nil && !bytes.Equal(limited.body, whole.body) {
		t.Fatalf("a body of %d bytes with a limit of %d: %q, %v", len(whole.body), want.limit, limited.body, lerr)
	}
}

// piecewise returns size bytes at a time.
type piecewise struct {
	data []byte
	size int
}

func (p *piecewise) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data[:min(p.size, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}
