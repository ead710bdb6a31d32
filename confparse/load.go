package confparse

import (
	"io/fs"

	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// What Load and Parse return, under the names that their users need not import two more packages for.
type (
	Code        = diag.Code
	Severity    = diag.Severity
	Range       = diag.Range
	Pos         = diag.Pos
	Place       = diag.Place
	Diagnostic  = diag.Diagnostic
	Diagnostics = diag.Diagnostics

	Tree   = syntax.Tree
	Node   = syntax.Node
	Token  = syntax.Token
	Inputs = syntax.Inputs
)

// The severities, mildest first.
const (
	Note    = diag.Note
	Warning = diag.Warning
	Error   = diag.Error
	Fatal   = diag.Fatal
)

// OSFS returns the machine's file system for Load: absolute names, and relative ones from the working directory.
func OSFS() fs.FS { return syntax.OSFS() }

// Overlay returns fsys with one file replaced, or added: what an editor has not saved yet, or standard input.
func Overlay(fsys fs.FS, name, text string) fs.FS { return syntax.Overlay(fsys, name, text) }

// Files returns the names of the files of fsys that path, which may be a pattern, stands for: what Load reads first.
func Files(fsys fs.FS, path string) []string { return syntax.Files(fsys, path) }

// Load reads the configuration at path, and what it includes, from fsys. It always returns a Config, as complete as
// the text allows; whether it may be used is for the caller to decide from the Diagnostics.
func Load(fsys fs.FS, path string, env Env) (*Config, Diagnostics) {
	if cfg, ds := loadOnce(fsys, path, env, true); cfg != nil {
		return cfg, ds
	}
	if env.Known != nil {
		env.Known = nil
		return Load(fsys, path, env)
	}
	return loadOnce(fsys, path, env, false)
}

// loadOnce is Load, decoding virtual servers as they are read or after everything has been. It returns nil when the former
// has led astray.
func loadOnce(fsys fs.FS, path string, env Env, streaming bool) (*Config, Diagnostics) {
	rep := &diag.Reporter{Strict: env.Strict}
	d := newDecoder(env, rep)
	r := syntax.NewReader(fsys, env.Text(), &grammar, rep)
	var servers *serverStream
	if streaming {
		servers = newServerStream(d, r, env.Known)
	}
	tree := r.Read(path)
	begun := false
	if servers != nil {
		if servers.text.Misled(rep) {
			return nil, nil
		}
		begun, d.cfg.Known = servers.text.Begun(), servers.known()
	}
	d.decode(tree, begun)
	d.cfg.Inputs = r.Inputs()
	if begun && rep.Dropped() > 0 {
		return nil, nil // which ones were dropped depends on the order
	}
	return d.cfg, rep.Finish()
}

// Parse reads the configuration at path and returns its statements without giving them meaning.
func Parse(fsys fs.FS, path string, env Env) (*Tree, Diagnostics) {
	rep := &diag.Reporter{Strict: env.Strict}
	tree := syntax.NewReader(fsys, env.Text(), &grammar, rep).Read(path)
	return tree, rep.Finish()
}
