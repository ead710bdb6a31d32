package syntax

import (
	"io/fs"
	"os"
	"path"
	"strings"
)

// OSFS returns the machine's file system for Load: absolute names, and relative ones from the working directory.
func OSFS() fs.FS { return osFS{} }

type osFS struct{}

// Open never waits: what is no regular file, such as a FIFO without a writer, is found out about before it is read.
func (osFS) Open(name string) (fs.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|NoWait, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// fsName turns a configuration's path into a name for fsys: an fs.FS in general knows no leading slash.
func fsName(fsys fs.FS, name string) string {
	switch f := fsys.(type) {
	case osFS:
		return name
	case overlay:
		return fsName(f.FS, name)
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// dirName is fsName for a directory, where the root is ".".
func dirName(fsys fs.FS, name string) string {
	if n := fsName(fsys, name); n != "" {
		return n
	}
	return "."
}
