package confparse

import (
	"hash/maphash"
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
	r := &reader{fsys: fsys, env: env, inputs: now}
	for _, i := range in.list {
		switch i.kind {
		case inputFile:
			_, _ = r.readFile(i.name) // noted in now, an error included
		case inputGlob:
			r.glob(i.name)
		case inputConfigID:
			now.add(inputConfigID, "", env.configID())
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
	in.list = append(in.list, input{kind, name, value})
}

// addOnce is add for what the expansion of every line may ask for.
func (in *Inputs) addOnce(kind inputKind, name, value string) {
	if i := (input{kind, name, value}); !slices.Contains(in.list, i) {
		in.list = append(in.list, i)
	}
}

func (in *Inputs) addFile(name string, sum []byte, err error) {
	if err != nil {
		in.add(inputFile, name, "error: "+err.Error())
		return
	}
	in.add(inputFile, name, string(sum))
}

func (in *Inputs) addGlob(pattern string, names []string) {
	in.add(inputGlob, pattern, strings.Join(names, "\x00"))
}
