package syntax

import (
	"io/fs"
	"path"
	"strings"
	"time"
)

// Overlay returns fsys with one file replaced, or added: what an editor has not saved yet, or standard input.
func Overlay(fsys fs.FS, name, text string) fs.FS {
	return overlay{fsys, fsName(fsys, path.Clean(name)), text}
}

type overlay struct {
	fs.FS
	name, text string
}

func (o overlay) Open(name string) (fs.File, error) {
	if path.Clean(name) == o.name {
		return &memoryFile{Reader: strings.NewReader(o.text), name: path.Base(name), size: int64(len(o.text))}, nil
	}
	return o.FS.Open(name)
}

// memoryFile is a text as a regular file.
type memoryFile struct {
	*strings.Reader
	name string
	size int64
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return memoryInfo{f}, nil }
func (f *memoryFile) Close() error               { return nil }

type memoryInfo struct{ f *memoryFile }

func (i memoryInfo) Name() string     { return i.f.name }
func (i memoryInfo) Size() int64      { return i.f.size }
func (memoryInfo) Mode() fs.FileMode  { return 0o644 }
func (memoryInfo) ModTime() time.Time { return time.Time{} }
func (memoryInfo) IsDir() bool        { return false }
func (memoryInfo) Sys() any           { return nil }
