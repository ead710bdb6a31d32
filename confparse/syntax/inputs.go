package syntax

import (
	"hash/maphash"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Inputs is everything a Load looked at: files, what patterns matched, the configuration id, environment variables.
// It lets a reload with nothing changed be recognised without parsing.
type Inputs struct {
	list []input
}

type inputKind uint8

const (
	inputFile inputKind = iota
	inputGlob
	inputConfigID
	inputEnvironment
	inputRandom
)

type input struct {
	kind  inputKind
	name  string
	value string
	size  int64 // of a file
}

// inputSeed makes the hashes of file contents comparable within this process. They guard against editors, not against
// attackers, who could write the configuration anyway.
var inputSeed = maphash.MakeSeed()

// Unchanged reports whether a Load from fsys with env would read exactly the same again. A configuration that used
// ${_RANDOM} never is.
func (in *Inputs) Unchanged(fsys fs.FS, env Env) bool {
	if in == nil || len(in.list) == 0 {
		return false
	}
	now := &Inputs{}
	r := &Reader{fsys: fsys, env: env, inputs: now}
	for _, i := range in.list {
		switch i.kind {
		case inputFile:
			file, _ := readInput(fsys, i.name, func(size int64) io.Writer {
				if size != i.size {
					return nil
				}
				return io.Discard
			})
			if file != i {
				return false
			}
			now.list = append(now.list, file) // an error included
		case inputGlob:
			r.glob(i.name)
		case inputConfigID:
			now.add(inputConfigID, "", env.ID)
		case inputEnvironment:
			now.add(inputEnvironment, i.name, env.lookup(i.name))
		case inputRandom:
			return false
		}
	}
	return slices.Equal(in.list, now.list)
}

// Equal reports whether both were read from the same inputs.
func (in *Inputs) Equal(other *Inputs) bool {
	if in == nil || other == nil {
		return in == other
	}
	return slices.Equal(in.list, other.list)
}

// Files returns the names of the files that were read, in reading order.
func (in *Inputs) Files() []string {
	var names []string
	if in != nil {
		for _, i := range in.list {
			if i.kind == inputFile {
				names = append(names, i.name)
			}
		}
	}
	return names
}

func (in *Inputs) add(kind inputKind, name, value string) {
	in.list = append(in.list, input{kind: kind, name: name, value: value})
}

// addOnce is add for what the expansion of every line may ask for.
func (in *Inputs) addOnce(kind inputKind, name, value string) {
	if i := (input{kind: kind, name: name, value: value}); !slices.Contains(in.list, i) {
		in.list = append(in.list, i)
	}
}

// readInput copies a regular file without an execute bit to the writer that to returns for its size, and returns what
// is noted of it, in the case of an error as well. Without a writer nothing is read.
func readInput(fsys fs.FS, name string, to func(size int64) io.Writer) (in input, err error) {
	in = input{kind: inputFile, name: name}
	defer func() {
		if err != nil {
			in.value = "error: " + err.Error()
		}
	}()
	f, err := fsys.Open(fsName(fsys, name))
	if err != nil {
		return in, errnoOnly(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return in, errnoOnly(err)
	case !info.Mode().IsRegular():
		return in, errNotRegular
	case info.Mode().Perm()&0o111 != 0:
		return in, errExecutable
	case info.Size() > maxFileSize:
		return in, errTooBig
	}
	in.size = info.Size()
	w := to(in.size)
	if w == nil {
		return in, nil
	}
	var sum maphash.Hash
	sum.SetSeed(inputSeed)
	n, err := io.Copy(io.MultiWriter(w, &sum), io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return in, errnoOnly(err)
	case n > maxFileSize:
		return in, errTooBig
	}
	in.value = string(sum.Sum(nil))
	return in, nil
}

func (in *Inputs) addGlob(pattern string, names []string) {
	in.add(inputGlob, pattern, strings.Join(names, "\x00"))
}
