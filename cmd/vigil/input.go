package main

import (
	"fmt"
	"io"
	"io/fs"

	"vigil/confparse"
	"vigil/internal/lint"
)

// standardInput is what a file that was read from standard input is called in messages.
const standardInput = "<stdin>"

// open returns the file system and the name under which confparse finds the file that was named on the command line.
func open(name string, s streams) (fs.FS, string, error) {
	if name != "-" {
		return confparse.OSFS(), name, nil
	}
	text, err := io.ReadAll(s.in)
	if err != nil {
		return nil, "", fmt.Errorf("read standard input: %w", err)
	}
	return confparse.Overlay(confparse.OSFS(), standardInput, string(text)), standardInput, nil
}

// readFile returns the text of one file.
func readFile(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	return string(b), err
}

// load reads the configuration name with everything the linter looks at.
func load(fsys fs.FS, name string, env confparse.Env) (lint.File, confparse.Diagnostics) {
	cfg, ds := confparse.Load(fsys, name, env)
	tree, _ := confparse.Parse(fsys, name, env) // its problems are among those of Load
	f := lint.File{Config: cfg, Tree: tree, Text: map[string]string{}}
	for _, n := range cfg.Inputs.Files() {
		if text, err := readFile(fsys, n); err == nil { // else Load has reported it
			f.Text[n] = text
		}
	}
	return f, ds
}
