package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile gives a file a new text, so that a reader sees all of the old one or all of the new one. Owner, mode and
// symbolic links stay as they are. A file that is no longer what was read is left alone.
func replaceFile(name, was, text string) (err error) {
	name, err = filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".vigil-fmt-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(tmp.Name())))
		}
	}()
	if err := fill(tmp, text, info); err != nil {
		return err
	}
	if now, err := os.ReadFile(name); err != nil {
		return err
	} else if string(now) != was {
		return errors.New("the file was changed meanwhile; nothing is written")
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// fill writes text to f, gives it the owner and mode of info, and closes it.
func fill(f *os.File, text string, info fs.FileInfo) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("the owner of the file cannot be read")
	}
	if own, err := f.Stat(); err != nil {
		return err
	} else if s := own.Sys().(*syscall.Stat_t); s.Uid != owner.Uid || s.Gid != owner.Gid {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("keep the owner: %w", err)
		}
	}
	if err := f.Chmod(info.Mode()); err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
