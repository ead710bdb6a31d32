package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxCallers is how many may ask at once.
const maxCallers = 16

// Caller is who asks.
type Caller struct {
	UID  uint32
	Name string // of the account, or on whose behalf it asks, or the number
}

// Handler answers a Question of one command with what is to be the result, in JSON. It may be called several times at once, and should
// heed the context.
type Handler func(ctx context.Context, by Caller, arguments json.RawMessage) (result any, err error)

// Listener is a socket at which nobody is answered yet.
type Listener struct {
	*net.UnixListener
	path string
	own  os.FileInfo
}

// trusted says why somebody else could put something into a directory, or is nil.
func trusted(dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || st.Uid != 0 && int(st.Uid) != os.Geteuid() || fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s: others than root may write there", dir)
	}
	return nil
}

// remove removes the socket, unless it is another's by now.
func (l *Listener) remove() {
	if fi, err := os.Lstat(l.path); err == nil && os.SameFile(fi, l.own) {
		_ = os.Remove(l.path)
	}
}

// Listen makes the socket at path, for root (or whoever runs this) alone, and the directory that it is in. A socket that a dead process
// has left is replaced.
func Listen(path string) (*Listener, error) {
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := trusted(dir); err != nil {
		return nil, err
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	if err == nil || !gone(err) { // it may be busy
		return nil, fmt.Errorf("listen on %s: %w", path, errors.Join(syscall.EADDRINUSE, err))
	}
	// Nobody may ask before the socket has its mode, so it gets its name after that.
	hidden := filepath.Join(dir, fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	_ = os.Remove(hidden)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	var own os.FileInfo
	if err = os.Chmod(hidden, 0o600); err == nil {
		own, err = os.Lstat(hidden)
	}
	if err == nil {
		err = os.Rename(hidden, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(hidden))
	}
	return &Listener{l, path, own}, nil
}

// Serve answers questions by the handlers of their commands until ctx ends; then the socket is gone, and so are the connections.
func (l *Listener) Serve(ctx context.Context, commands map[string]Handler, log *slog.Logger) error {
	var callers sync.WaitGroup
	defer callers.Wait()
	defer l.remove()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	room := make(chan struct{}, maxCallers)
	for {
		c, err := l.AcceptUnix()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil { // no more files, say
			log.Warn("control socket", "err", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return nil
			}
			continue
		}
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			c.Close()
			return nil
		}
		callers.Go(func() {
			defer func() { <-room }()
			defer c.Close()
			if err := answer(ctx, c, commands); err != nil {
				log.Debug("control socket", "err", err)
			}
		})
	}
}

// answer reads a Question and writes its Answer.
func answer(ctx context.Context, c *net.UnixConn, commands map[string]Handler) error {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	_ = c.SetReadDeadline(time.Now().Add(askLimit))
	by, err := caller(c)
	if err != nil {
		return err
	}
	var a Answer
	result, err := ask(ctx, c, by, commands)
	if err == nil {
		a.Result, err = json.Marshal(result)
	}
	if err != nil {
		a.Error = err.Error()
	}
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_ = c.SetWriteDeadline(time.Now().Add(askLimit))
	_, err = c.Write(append(line, '\n'))
	return err
}

func ask(ctx context.Context, c net.Conn, by Caller, commands map[string]Handler) (any, error) {
	line, err := readLine(c, maxQuestion)
	if err != nil {
		return nil, fmt.Errorf("not a question: %w", err)
	}
	var q Question
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, fmt.Errorf("not a question: %w", err)
	}
	do, ok := commands[q.Command]
	if !ok {
		return nil, fmt.Errorf("unknown command %q", q.Command)
	}
	if q.By != "" && by.UID == 0 {
		by.Name = q.By
	}
	return do(ctx, by, q.Arguments)
}

// caller tells who is at the other end, as the kernel knows it.
func caller(c *net.UnixConn) (Caller, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Caller{}, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return Caller{}, err
	}
	if credErr != nil {
		return Caller{}, fmt.Errorf("who asks: %w", credErr)
	}
	by := Caller{UID: cred.Uid, Name: strconv.FormatUint(uint64(cred.Uid), 10)}
	if u, err := user.LookupId(by.Name); err == nil {
		by.Name = u.Username
	}
	return by, nil
}

// gone reports whether err says that nobody listens.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
