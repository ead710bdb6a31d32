package watch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// kernelProcesses are the processes of this machine, or container: those in /proc.
type kernelProcesses struct{}

func (kernelProcesses) all(argv bool, visit func(pid int, name string, argv []string)) error {
	dir, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			name, args, err := readProcess(pid, argv)
			switch {
			case err == nil:
				visit(pid, name, args)
			case !errors.Is(err, errNoProcess):
				return err
			}
		}
	}
	return nil
}

func (kernelProcesses) one(pid int, argv bool) (name string, args []string, err error) {
	return readProcess(pid, argv)
}

// readProcess returns what a process is called. One that has ended and that nobody has waited for does not run any more. The
// error is errNoProcess, also for one that is hidden from us, unless this machine is short of what it takes to look.
func readProcess(pid int, argv bool) (name string, args []string, err error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat") // "PID (NAME) STATE …", where the name may have whatever in it
	if err != nil {
		return "", nil, unread(err)
	}
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from || to+2 >= len(stat) || stat[to+2] == 'Z' || stat[to+2] == 'X' {
		return "", nil, errNoProcess
	}
	if argv {
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			return "", nil, unread(err)
		}
		if s := strings.TrimSuffix(string(line), "\x00"); s != "" {
			args = strings.Split(s, "\x00")
		}
	}
	return string(stat[from+1 : to]), args, nil
}

// unread is what it says of a process that a file about it could not be read.
func unread(err error) error {
	for _, short := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EINTR} {
		if errors.Is(err, short) {
			return err
		}
	}
	return errNoProcess
}

// The kernel's process events connector (linux/cn_proc.h): a netlink message, a connector message, an event. All in the
// byte order of the machine.
const (
	cnIdxProc         = 1
	cnValProc         = 1
	procListen        = 1
	procIgnore        = 2
	procEventAt       = unix.SizeofNlMsghdr + 20
	procEventDataAt   = procEventAt + 16
	procEventSize     = procEventDataAt + 16
	procEventNone     = 0
	procEventFork     = 1
	procEventExec     = 2
	procEventComm     = 0x200
	procEventExit     = 0x80000000
	procEventsBuffer  = 1 << 20
	procAnswerTimeout = time.Second
)

// connector is an open stream of events.
type connector struct{ file *os.File }

// events opens the connector. The kernel has it in the network namespace of the machine's first process only, so the
// socket is opened there, if the process may; it tells of all network namespaces. It answers who listens, but not in a
// container.
func (kernelProcesses) events(ctx context.Context, buffer confparse.BufferSize) (processEvents, error) {
	type result struct {
		fd  int
		err error
	}
	opened := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // for good: a thread that was moved ends with its goroutine
		fd, err := openConnector(buffer)
		opened <- result{fd, err}
	}()
	r := <-opened
	if r.err != nil {
		return nil, r.err
	}
	c := &connector{os.NewFile(uintptr(r.fd), "process events")}
	if err := c.subscribe(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

const firstNamespace = "/proc/1/ns/net"

// openConnector opens the socket on the calling thread, which may be moved for it.
func openConnector(buffer confparse.BufferSize) (int, error) {
	own, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return -1, err
	}
	if first, err := os.Readlink(firstNamespace); err == nil && first != own {
		ns, err := unix.Open(firstNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		err = unix.Setns(ns, unix.CLONE_NEWNET)
		_ = unix.Close(ns)
		if err != nil {
			return -1, fmt.Errorf("enter the first network namespace: %w", err)
		}
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return -1, fmt.Errorf("connector socket: %w", err)
	}
	size, option := procEventsBuffer, unix.SO_RCVBUFFORCE
	if buffer.Bytes > 0 {
		if size = int(min(buffer.Bytes, math.MaxInt32)); !buffer.Force {
			option = unix.SO_RCVBUF
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, size) // a smaller one misses more, which is counted anew
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, connectorFilter())
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("listen to process events: %w", err)
	}
	return fd, nil
}

// connectorFilter lets through what is about processes and not about their threads: of a fork, that the child is a process
// of its own; of the rest, that the main thread is meant; and of all events, the five kinds that matter.
func connectorFilter() *unix.SockFprog {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	is := func(v uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: toNetwork(v), Jt: yes, Jf: no}
	}
	store := unix.SockFilter{Code: unix.BPF_MISC | unix.BPF_TAX}
	equal := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_X, Jt: 0, Jf: 1}
	accept := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: ^uint32(0)}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	program := []unix.SockFilter{
		load(procEventAt),
		is(procEventNone, 13, 0),
		is(procEventFork, 4, 0),
		is(procEventExec, 7, 0),
		is(procEventComm, 6, 0),
		is(procEventExit, 5, 0),
		drop,
		load(procEventDataAt + 8), store, load(procEventDataAt + 12), // 7: pid and tgid of the child
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: 3},
		load(procEventDataAt), store, load(procEventDataAt + 4), // 11: pid and tgid
		equal,
		accept, drop, // 15, 16
	}
	return &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
}

// toNetwork is the value that a BPF load, which reads in network order, gives for v in the order of the machine.
func toNetwork(v uint32) uint32 {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], v)
	return binary.BigEndian.Uint32(b[:])
}

// subscribe asks for events and waits for the kernel's answer.
func (c *connector) subscribe() error {
	if err := c.order(procListen); err != nil {
		return fmt.Errorf("ask for process events: %w", err)
	}
	_ = c.file.SetReadDeadline(time.Now().Add(procAnswerTimeout))
	buf := make([]byte, 4096)
	for {
		n, err := c.file.Read(buf)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			return nil // there are more than enough of them
		case err != nil:
			return fmt.Errorf("no answer to the request for process events: %w", err)
		case n >= procEventDataAt+4 && binary.NativeEndian.Uint32(buf[procEventAt:]) == procEventNone:
			if code := binary.NativeEndian.Uint32(buf[procEventDataAt:]); code != 0 {
				return fmt.Errorf("ask for process events: %w", unix.Errno(code))
			}
			return nil
		}
	}
}

// order sends a request to the connector.
func (c *connector) order(what uint32) error {
	b := make([]byte, unix.SizeofNlMsghdr+24)
	e := binary.NativeEndian
	e.PutUint32(b[0:], uint32(len(b)))
	e.PutUint16(b[4:], unix.NLMSG_DONE)
	e.PutUint32(b[12:], uint32(os.Getpid()))
	e.PutUint32(b[16:], cnIdxProc)
	e.PutUint32(b[20:], cnValProc)
	e.PutUint16(b[32:], 4) // length of what follows
	e.PutUint32(b[36:], what)
	_, err := c.file.Write(b)
	return err
}

func (c *connector) close() {
	_ = c.order(procIgnore) // or old kernels go on making events
	_ = c.file.Close()
}

// maxBatch is how many events are taken at once.
const maxBatch = 256

func (c *connector) next(until time.Time) (list []processEvent, err error) {
	raw, err := c.file.SyscallConn()
	if err == nil {
		err = c.file.SetReadDeadline(until)
	}
	if err != nil {
		return nil, err
	}
	var failed error
	buf := make([]byte, 4096)
	err = raw.Read(func(fd uintptr) bool {
		for len(list) < maxBatch {
			n, from, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return len(list) > 0
			case errors.Is(err, unix.EINTR):
				continue
			case errors.Is(err, unix.ENOBUFS):
				failed = errMissed
				return true
			case err != nil:
				failed = err
				return true
			}
			if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
				continue // not the kernel
			}
			if e, ok := parseProcessEvent(buf[:n]); ok {
				list = append(list, e)
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return list, err
}

// parseProcessEvent reads one message of the connector; false for what does not matter.
func parseProcessEvent(b []byte) (processEvent, bool) {
	if len(b) < procEventSize {
		return processEvent{}, false
	}
	e := binary.NativeEndian
	word := func(i int) int { return int(int32(e.Uint32(b[procEventDataAt+4*i:]))) }
	if e.Uint32(b[unix.SizeofNlMsghdr:]) != cnIdxProc || e.Uint32(b[unix.SizeofNlMsghdr+4:]) != cnValProc {
		return processEvent{}, false
	}
	switch e.Uint32(b[procEventAt:]) {
	case procEventFork:
		return processEvent{forked, word(1), word(3)}, word(2) == word(3)
	case procEventExec, procEventComm:
		return processEvent{renamed, word(1), 0}, true
	case procEventExit:
		return processEvent{ended, word(1), 0}, word(0) == word(1)
	}
	return processEvent{}, false
}
