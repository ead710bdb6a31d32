// Package trackfile follows files: the numbers that are in them, as track_file of keepalived.conf names them, or that they may have changed.
//
// A file is read when it has been written to its end, moved or deleted, and not while it is written: "echo 5 >file" makes
// it empty first. That takes inotify(7) as it is, for a portable watch cannot tell the two apart.
package trackfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// File is a file to follow, and what is written to it before.
type File struct {
	Path      string
	Init      bool // write InitValue when the file is followed for the first time and is not there
	InitValue int
	Overwrite bool // also when it is
}

// Watcher follows files. Its methods may be called from any goroutine.
type Watcher struct {
	log *slog.Logger

	mu    sync.Mutex
	files map[string]*followed // by path
	watch *inotify             // while Run is on
}

// followed is a file that somebody follows.
type followed struct {
	path     string
	value    int32
	linked   bool // it is a symbolic link: whatever happens beside it may change what it leads to
	watching bool
	home     string // what its directory is without links, if there are any: nobody tells when one leads elsewhere
	unread   bool   // it could not be read: the number is of before
	tell     map[*follower]struct{}
}

// follower is who is told of new numbers, or, with touched, of all that may be new.
type follower struct {
	tell    func(int32)
	touched func()
}

// NewWatcher returns a Watcher that follows nothing yet.
func NewWatcher(log *slog.Logger) *Watcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{log: log, files: make(map[string]*followed)}
}

// Follow returns the number in a file, 0 when there is none, and calls tell with each new one until stop is called or
// Run ends. tell is called from Run, one call at a time; one that is under way is not waited for by stop.
func (w *Watcher) Follow(f File, tell func(int32)) (value int32, stop func()) {
	return w.follow(f, &follower{tell: tell})
}

// Watch calls touched whenever what is at path may be another file, or other than before: it was written to its end, moved or deleted.
// Where nobody tells of that it is called every second. It is called from Run until stop is called, as tell is by Follow.
func (w *Watcher) Watch(path string, touched func()) (stop func()) {
	_, stop = w.follow(File{Path: path}, &follower{touched: touched})
	return stop
}

func (w *Watcher) follow(f File, me *follower) (value int32, stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.files[f.Path]
	if e == nil {
		e = &followed{path: f.Path, tell: make(map[*follower]struct{})}
		w.files[f.Path] = e
		if err := f.prepare(); err != nil {
			w.log.Warn("track file "+f.Path+" cannot be initialised", "err", err)
		}
		if w.watch != nil { // before it is read: nothing is missed in between
			e.attend(w.watch)
		}
		e.read()
	}
	e.tell[me] = struct{}{}
	return e.value, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(e.tell, me); len(e.tell) == 0 && w.files[f.Path] == e {
			delete(w.files, f.Path)
		}
	}
}

// prepare writes the first value.
func (f File) prepare() error {
	if !f.Init {
		return nil
	}
	flags := os.O_WRONLY | os.O_CREATE | unix.O_NONBLOCK
	if f.Overwrite {
		flags |= os.O_TRUNC
	} else {
		flags |= os.O_EXCL
	}
	file, err := os.OpenFile(f.Path, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(strconv.Itoa(f.InitValue) + "\n")
	return errors.Join(err, file.Close())
}

// maxSize is far more than a number takes.
const maxSize = 4096

// read looks at the file and reports whether its number has changed. What is no regular file has none; of one that is
// there and cannot be read, as when there is no descriptor left, it is what it was.
func (e *followed) read() (changed bool) {
	info, err := os.Lstat(e.path)
	e.linked = err == nil && info.Mode()&fs.ModeSymlink != 0
	text, err := content(e.path)
	if e.unread = err != nil; e.unread {
		return false
	}
	v, ok := Value(text)
	if !ok || v == e.value {
		return false
	}
	e.value = v
	return true
}

// content is what is in a file; nothing, if there is none that could be read.
func content(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	for _, none := range []error{fs.ErrNotExist, fs.ErrPermission, unix.ENOTDIR, unix.ELOOP, unix.ENXIO, unix.ENODEV} {
		if errors.Is(err, none) {
			return "", nil
		}
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSize))
	return string(b), err
}

// attend watches the directory of the file.
func (e *followed) attend(watch *inotify) {
	dir := filepath.Dir(e.path)
	e.home = ""
	if home, err := filepath.EvalSymlinks(dir); err == nil && home != dir {
		e.home = home
	}
	e.watching = watch.add(dir) == nil
}

// moved reports whether the way to the file leads elsewhere than when its directory was begun to be watched.
func (e *followed) moved() bool {
	if e.home == "" {
		return false
	}
	home, err := filepath.EvalSymlinks(filepath.Dir(e.path))
	return err != nil || home != e.home
}

// lookAgain is how often a directory that cannot be watched, because it is not there for instance, is tried again, as is a
// file that could not be read; files are read then. So often it is looked where links on the way to a file lead, too.
const lookAgain = time.Second

// Run tells of changes until ctx ends. It may be called again when it has returned.
func (w *Watcher) Run(ctx context.Context) error {
	watch, err := newInotify()
	if err != nil { // a user has 128 of them
		w.log.Warn("track files cannot be watched; they are read every second", "err", err)
		w.poll(ctx)
		return nil
	}
	defer watch.Close()
	w.mu.Lock()
	w.watch = watch
	for _, e := range w.files {
		e.watching = false
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.watch = nil
		w.mu.Unlock()
	}()
	stop := context.AfterFunc(ctx, func() { _ = watch.Close() })
	defer stop()
	w.look(nil)
	for ctx.Err() == nil {
		changes, err := watch.next(w.patience())
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			return err
		}
		w.look(changes)
	}
	return nil
}

// poll reads everything every now and then until ctx ends.
func (w *Watcher) poll(ctx context.Context) {
	every := time.NewTicker(lookAgain)
	defer every.Stop()
	for {
		w.look(nil)
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// patience is how long to wait for news: for ever, unless there are some that nobody tells.
func (w *Watcher) patience() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.files {
		if !e.watching || e.unread || e.home != "" {
			return lookAgain
		}
	}
	return 0
}

// look reads the files that changes are about, and those that nobody tells of, and tells of what is new.
func (w *Watcher) look(changes []change) {
	type news struct {
		to    *follower
		value int32
	}
	var all []news
	w.mu.Lock()
	for _, e := range w.files {
		if e.watching && e.moved() {
			e.watching = false
		}
		concerned := !e.watching || e.unread
		for _, c := range changes {
			concerned = concerned || c.concerns(e)
			e.watching = e.watching && !(c.lost && c.dir == filepath.Dir(e.path))
		}
		if !e.watching && w.watch != nil {
			e.attend(w.watch)
		}
		if !concerned {
			continue
		}
		changed := e.read()
		for f := range e.tell {
			if changed || f.touched != nil {
				all = append(all, news{f, e.value})
			}
		}
	}
	w.mu.Unlock()
	for _, n := range all {
		if n.to.touched != nil {
			n.to.touched()
		} else {
			n.to.tell(n.value)
		}
	}
}

func (c change) concerns(e *followed) bool {
	if c.all {
		return true
	}
	if c.dir != filepath.Dir(e.path) || !c.lost && !e.linked && c.name != filepath.Base(e.path) {
		return false
	}
	return !c.born || isLink(filepath.Join(c.dir, c.name))
}

// isLink reports whether a file was complete when it came: it is a link to one, of either kind.
func isLink(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && (st.Mode&unix.S_IFMT == unix.S_IFLNK || st.Nlink > 1)
}
