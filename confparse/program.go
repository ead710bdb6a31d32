package confparse

import (
	"encoding/json"
	"strings"
)

// Program is a Script as one comparable value, for desired states. The zero value is none.
type Program struct {
	argv string // its words, each ended by a NUL
	File string // that is executed; "" = the first word
	As   Identity
}

// ProgramOf returns the program of a script, which may be nil.
func ProgramOf(s *Script) Program {
	if s == nil || len(s.Argv) == 0 {
		return Program{}
	}
	return Program{argv: strings.Join(s.Argv, "\x00") + "\x00", File: s.File, As: s.RunAs}
}

// Argv returns the words of the program; none if there is none.
func (p Program) Argv() []string {
	if p.argv == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(p.argv, "\x00"), "\x00")
}

// Exists reports whether there is a program.
func (p Program) Exists() bool { return p.argv != "" }

// With returns the program with further arguments.
func (p Program) With(args ...string) Program {
	for _, a := range args {
		p.argv += a + "\x00"
	}
	return p
}

// programJSON is a Program as JSON.
type programJSON struct {
	Argv []string `json:",omitempty"`
	File string   `json:",omitempty"`
	As   Identity
}

// MarshalJSON returns the words and the account.
func (p Program) MarshalJSON() ([]byte, error) {
	return json.Marshal(programJSON{p.Argv(), p.File, p.As})
}

// UnmarshalJSON accepts what MarshalJSON returns.
func (p *Program) UnmarshalJSON(b []byte) error {
	var j programJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*p = Program{File: j.File, As: j.As}
	if len(j.Argv) > 0 {
		p.argv = strings.Join(j.Argv, "\x00") + "\x00"
	}
	return nil
}
