package ipvsadm

import (
	"strings"
)

// scanner takes an argument vector apart as popt(3) does: options and other words in any order, short options in clusters,
// values attached or in the next word, long names in full.
type scanner struct {
	args    []string
	cluster string   // what is left of a cluster of short options
	word    string   // the one the last option was in
	strays  []string // words that are no options
	valued  bool     // the last option was given a value
}

// scanError is a word that cannot be an option.
type scanError struct{ word, problem string }

func (e scanError) Error() string { return e.word + ": " + e.problem }

// next returns the next option and its value, nil at the end.
func (s *scanner) next() (*definition, string, error) {
	for s.cluster == "" {
		if len(s.args) == 0 {
			return nil, "", nil
		}
		s.word, s.args = s.args[0], s.args[1:]
		switch {
		case s.word == "--":
			s.strays = append(s.strays, s.args...)
			s.args = nil
		case strings.HasPrefix(s.word, "--"):
			return s.long(s.word[2:])
		case len(s.word) < 2 || s.word[0] != '-':
			s.strays = append(s.strays, s.word)
		default:
			s.cluster = s.word[1:]
		}
	}
	short := s.cluster[0]
	s.cluster = s.cluster[1:]
	for i := range definitions {
		if d := &definitions[i]; d.short == short {
			if d.value == noValue {
				return d, "", nil
			}
			attached := s.cluster
			s.cluster = ""
			return s.valueOf(d, strings.TrimPrefix(attached, "="), attached != "")
		}
	}
	s.cluster = ""
	return nil, "", scanError{s.word, "unknown option"}
}

func (s *scanner) long(text string) (*definition, string, error) {
	name, value, attached := strings.Cut(text, "=")
	for i := range definitions {
		d := &definitions[i]
		switch {
		case d.long == "" || d.long != name:
		case d.value == noValue && attached:
			return nil, "", scanError{s.word, "option does not take an argument"}
		case d.value == noValue:
			return d, "", nil
		default:
			return s.valueOf(d, value, attached)
		}
	}
	return nil, "", scanError{s.word, "unknown option"}
}

// valueOf completes an option with its value, which may be in the next word.
func (s *scanner) valueOf(d *definition, value string, attached bool) (*definition, string, error) {
	s.valued = true
	switch {
	case attached:
	case d.value == maybeValue && (len(s.args) == 0 || strings.HasPrefix(s.args[0], "-")):
		s.valued = false
	case len(s.args) == 0:
		return nil, "", scanError{s.word, "missing argument"}
	default:
		value, s.args = s.args[0], s.args[1:]
	}
	return d, value, nil
}
