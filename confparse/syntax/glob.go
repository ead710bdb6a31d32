package syntax

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxGlobBranches bounds the alternatives of nested {a,b} groups.
const maxGlobBranches = 1000

func hasMeta(pattern string) bool { return strings.ContainsAny(pattern, `*?[{`) }

// hasWildcard tells a pattern that may rightly match nothing from one that lists files.
func hasWildcard(pattern string) bool { return strings.ContainsAny(pattern, `*?[`) }

// Files returns the names of the files that a configuration's name or pattern stands for, as Read reads them.
func Files(fsys fs.FS, pattern string) []string {
	var names []string
	for _, alt := range braceAlternatives(pattern) {
		names = append(names, globOne(fsys, alt)...)
	}
	return names
}

// glob returns the names that match pattern as glob(3) does with GLOB_BRACE: each alternative in turn, sorted within,
// a leading dot only by a literal one. Directories are left out. The result is noted among the inputs.
func (r *Reader) glob(pattern string) []string {
	names := Files(r.fsys, pattern)
	r.inputs.addGlob(pattern, names)
	return names
}

// globOne returns the files that match a pattern without brace groups. A name without wildcards stands for itself when
// there is such a file.
func globOne(fsys fs.FS, pattern string) []string {
	if !hasWildcard(pattern) {
		if info, err := fs.Stat(fsys, dirName(fsys, pattern)); err != nil || info.IsDir() {
			return nil
		}
		return []string{pattern}
	}
	dirs := []string{""}
	segments := strings.Split(pattern, "/")
	for i, seg := range segments {
		var next []string
		for _, dir := range dirs {
			if !hasWildcard(seg) {
				next = append(next, joinSegment(dir, seg, i))
				continue
			}
			list := dir
			switch {
			case dir == "" && i == 0:
				list = "."
			case dir == "":
				list = "/"
			}
			entries, err := fs.ReadDir(fsys, dirName(fsys, list))
			if err != nil {
				continue
			}
			for _, e := range entries {
				name := e.Name()
				if strings.HasPrefix(name, ".") && !strings.HasPrefix(seg, ".") {
					continue
				}
				if ok, err := path.Match(strings.ReplaceAll(seg, "[!", "[^"), name); err == nil && ok {
					next = append(next, joinSegment(dir, name, i))
				}
			}
		}
		dirs = next
	}
	var files []string
	for _, name := range dirs {
		if info, err := fs.Stat(fsys, dirName(fsys, name)); err == nil && !info.IsDir() {
			files = append(files, name)
		}
	}
	return files
}

func joinSegment(dir, seg string, i int) string {
	if i == 0 {
		return seg
	}
	return dir + "/" + seg
}

// braceAlternatives expands {a,b} groups, nested ones too. An unbalanced brace stands for itself.
func braceAlternatives(pattern string) []string {
	pending, done := []string{pattern}, []string(nil) // the next pattern is the last of pending
	for len(pending) > 0 && len(pending)+len(done) < maxGlobBranches {
		p := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		lo, hi := braceGroup(p)
		if lo < 0 {
			done = append(done, p)
			continue
		}
		var alts []string
		depth, start := 0, lo+1
		for i := lo + 1; i <= hi; i++ {
			switch {
			case p[i] == '{':
				depth++
			case p[i] == '}' && depth > 0:
				depth--
			case (p[i] == ',' || i == hi) && depth == 0:
				alts = append(alts, p[:lo]+p[start:i]+p[hi+1:])
				start = i + 1
			}
		}
		slices.Reverse(alts)
		pending = append(pending, alts...)
	}
	slices.Reverse(pending)
	return append(done, pending...)
}

// braceGroup returns the first balanced group of p, or -1.
func braceGroup(p string) (lo, hi int) {
	lo = strings.IndexByte(p, '{')
	if lo < 0 {
		return -1, -1
	}
	depth := 0
	for i := lo; i < len(p); i++ {
		switch p[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return lo, i
			}
		}
	}
	return -1, -1
}
