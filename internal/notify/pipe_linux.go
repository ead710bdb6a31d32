package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxLines bounds the lines that wait for the reader of a pipe. Ten thousand servers that fail at once are fewer.
const maxLines = 1 << 16

// lineBatch is how many of them may go at once when nobody reads.
const lineBatch = maxLines / 64

// pipeGrace is how long what is left may take when the pipe is closed.
const pipeGrace = 200 * time.Millisecond

// Pipe is a named pipe that gets a line for each event.
type Pipe struct {
	path  string
	file  *os.File
	made  bool // by us: it is removed with us
	lines *queue[string]
}

// OpenPipe opens the named pipe at path, which is made, less what the umask forbids, and given to an owner, if there is
// none. It is no error that nobody reads it.
func OpenPipe(path string, uid, gid int) (*Pipe, error) {
	p := &Pipe{path: path, lines: newQueue[string](maxLines, lineBatch)}
	err := unix.Mkfifo(path, 0o644)
	switch {
	case err == nil:
		p.made = true
		if err := os.Lchown(path, uid, gid); err != nil {
			_ = os.Remove(path)
			return nil, err
		}
	case !errors.Is(err, syscall.EEXIST):
		return nil, &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	// Open for reading too, so that writing never meets a pipe without a reader.
	p.file, err = os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		p.remove()
		return nil, err
	}
	if info, err := p.file.Stat(); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		_ = p.file.Close()
		return nil, errors.Join(err, fmt.Errorf("%s is no named pipe", path))
	} else if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != uid && int(s.Uid) != os.Geteuid() {
		_ = p.file.Close()
		return nil, fmt.Errorf("%s belongs to user %d", path, s.Uid)
	}
	return p, nil
}

// Write queues a line, without its end. Of lines about the same object the last one is the last to be lost.
func (p *Pipe) Write(about, line string) { p.lines.put(about, line) }

// Lost is how many lines were lost because nobody read them.
func (p *Pipe) Lost() uint64 { return p.lines.losses() }

// Run writes what is queued until ctx ends, and what is left then as far as it is read. It closes the pipe.
func (p *Pipe) Run(ctx context.Context) error {
	// The time of a write under way ends with ctx.
	stop := context.AfterFunc(ctx, func() { _ = p.file.SetWriteDeadline(time.Now().Add(pipeGrace)) })
	defer stop()
	defer p.remove()
	defer p.file.Close()
	for {
		select {
		case <-p.lines.signal:
		case <-ctx.Done():
			_ = p.file.SetWriteDeadline(time.Now().Add(pipeGrace))
			_ = p.write()
			return nil
		}
		if err := p.write(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("write to %s: %w", p.path, err)
		}
	}
}

// write writes what is queued. Lines stay whole: they are shorter than PIPE_BUF.
func (p *Pipe) write() error {
	for _, m := range p.lines.take() {
		if _, err := io.WriteString(p.file, m.what+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pipe) remove() {
	if p.made {
		_ = os.Remove(p.path)
	}
}
