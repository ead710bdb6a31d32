package healthcheck

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
)

const (
	maxRequest = 2047 // a longer request is cut, as keepalived's buffer does
	maxHeader  = 4095 // the header block of a reply must end within this many bytes
)

// errNoHeader means that the reply ended, or was longer than maxHeader, before its header block did.
var errNoHeader = errors.New("no end of the reply's header")

// errSilent means that nothing of a reply has come in time.
var errSilent = errors.New("no reply")

// httpReply is what a check looks at in a reply.
type httpReply struct {
	status int      // 0 when the status line has none
	digest [16]byte // MD5 of the body as received, up to Content-Length; only when asked for
	body   []byte   // the beginning of the body, likewise
}

// wantedReply is what a check wants of a reply.
type wantedReply struct {
	digest bool
	keep   int   // bytes of the body, and one more when there are more
	limit  int64 // bytes that a body may have; 0 = any number
}

// readReply reads a reply until its end: nothing is judged earlier, not even when Content-Length bytes have arrived.
// Whatever the peer sends, no more of it is held than one buffer and what is wanted. ends tells which errors of a read are the end of a
// reply whose header is there. The error is errNoHeader or that of a read, with errSilent if that was the first.
func readReply(r io.Reader, wanted wantedReply, ends func(error) bool) (httpReply, error) {
	var buf [maxHeader]byte
	n := 0
	for {
		if n == len(buf) {
			return httpReply{}, errNoHeader
		}
		m, err := r.Read(buf[n:])
		from := max(0, n-len("\r\n\r")) // the end may straddle two reads
		n += m
		if i := bytes.Index(buf[from:n], []byte("\r\n\r\n")); i >= 0 {
			return readBody(r, buf[:], from+i, n, wanted, err, ends)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return httpReply{}, errNoHeader
		}
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return httpReply{}, fmt.Errorf("%w: %w", errSilent, err)
		}
		if err != nil {
			return httpReply{}, err
		}
	}
}

// readBody continues readReply after the header block buf[:header]; buf[header+4:n] is the beginning of the body, and
// err is what the last read returned besides it.
func readBody(r io.Reader, buf []byte, header, n int, wanted wantedReply, err error, ends func(error) bool) (httpReply, error) {
	reply := httpReply{status: statusCode(buf[:header])}
	left, limited := contentLength(buf[:header])
	var sum hash.Hash
	if wanted.digest {
		sum = md5.New()
	}
	size := int64(0)
	body := buf[header+len("\r\n\r\n") : n]
	for {
		if limited {
			body = body[:min(uint64(len(body)), left)]
			left -= uint64(len(body))
		}
		if sum != nil {
			sum.Write(body)
		}
		if size += int64(len(body)); wanted.limit > 0 && size > wanted.limit {
			return httpReply{}, errReplyTooLong
		}
		if room := wanted.keep + 1 - len(reply.body); wanted.keep > 0 && room > 0 {
			reply.body = append(reply.body, body[:min(len(body), room)]...)
		}
		if err != nil && ends(err) {
			break
		}
		if err != nil {
			return httpReply{}, err
		}
		n, err = r.Read(buf)
		body = buf[:n]
	}
	if sum != nil {
		sum.Sum(reply.digest[:0])
	}
	return reply, nil
}

// statusCode returns the status code of a header block: three digits after its first space, which must be followed by
// another space. A status line without a reason must therefore still end in a space (RFC 9112 §4); 0 otherwise.
func statusCode(header []byte) int {
	i := bytes.IndexByte(header, ' ')
	if i < 0 || len(header) < i+5 || header[i+4] != ' ' {
		return 0
	}
	code := 0
	for _, c := range header[i+1 : i+4] {
		if c < '0' || c > '9' {
			return 0
		}
		code = code*10 + int(c-'0')
	}
	return code
}

// contentLength returns the value of the Content-Length field, which is recognised in exactly this spelling, and
// whether there is a usable one: a number with nothing behind it on its line.
func contentLength(header []byte) (uint64, bool) {
	_, value, ok := bytes.Cut(header, []byte("Content-Length:"))
	if !ok {
		return 0, false
	}
	if end := bytes.IndexAny(value, "\r\n"); end >= 0 {
		value = value[:end]
	}
	value = bytes.TrimPrefix(bytes.TrimLeft(value, " \t"), []byte("+"))
	n, err := strconv.ParseUint(string(value), 10, 60) // which is more than any body can have
	return n, err == nil
}
