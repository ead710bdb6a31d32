package daemon

import (
	"slices"
	"strings"

	"vigil/confparse"
)

// interfaceUses lists the interfaces that a configuration names and does not make itself.
func interfaceUses(c *confparse.Config) []confparse.Reference {
	return slices.DeleteFunc(c.References(), func(r confparse.Reference) bool { return r.Kind != confparse.ToInterface })
}

// strangers are the uses of interfaces that neither exist nor were known before: most likely mistakes in writing. One
// that was known has gone since, and is waited for.
func strangers(uses []confparse.Reference, known map[string]bool, exists func(string) bool) []confparse.Reference {
	var list []confparse.Reference
	seen := make(map[string]bool)
	for _, u := range uses {
		if !known[u.Name] && !seen[u.Name] && !exists(u.Name) {
			seen[u.Name] = true
			list = append(list, u)
		}
	}
	return list
}

// errStrangers is a configuration that names interfaces which do not exist.
type errStrangers []confparse.Reference

func (e errStrangers) Error() string {
	words := make([]string, len(e))
	for i, u := range e {
		words[i] = u.String()
	}
	return "no such interface: " + strings.Join(words, ", ") + "; set dynamic_interfaces if it comes later"
}
