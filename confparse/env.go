package confparse

import (
	"strings"

	"vigil/confparse/syntax"
)

// Env is what a configuration may depend on besides its files.
type Env struct {
	Hostname string // router_id's default; cut at the first dot it is the default of ConfigID
	ConfigID string // the -i option: which @ID lines count, and ${_INSTANCE}

	// LookupEnv finds the environment variable of a ${_ENV NAME}; nil means none is set.
	LookupEnv func(string) (string, bool)
	// Seed drives ${_RANDOM}: equal seeds give equal configurations.
	Seed uint64
	// AllConfig is -e: a missing, unreadable or unmatched include refuses the configuration.
	AllConfig bool
	// ConfigTest is -t: a number with trailing junk is rejected even where the daemon would use its beginning.
	ConfigTest bool
	// Strict turns warnings into errors.
	Strict bool
	// Known, from the Config of an earlier Load with an equal Env, lets Load pass over virtual servers whose text is the
	// same as then: they are in the Config with Unchanged set. nil reads everything.
	Known *Known
	// System answers what the configuration says about this machine; the zero value asks nothing.
	System System
}

// configID returns the id that @ID lines are compared with.
func (e Env) configID() string {
	if e.ConfigID != "" {
		return e.ConfigID
	}
	short, _, _ := strings.Cut(e.Hostname, ".")
	return short
}

// Text returns what of e the text of a configuration may depend on.
func (e Env) Text() syntax.Env {
	return syntax.Env{ID: e.configID(), LookupEnv: e.LookupEnv, Seed: e.Seed, AllConfig: e.AllConfig}
}
