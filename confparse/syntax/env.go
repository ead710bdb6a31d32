package syntax

// Env is what the text of a configuration may depend on besides its files.
type Env struct {
	ID string // which @ID lines count, and ${_INSTANCE}

	// LookupEnv finds the environment variable of a ${_ENV NAME}; nil means none is set.
	LookupEnv func(string) (string, bool)
	// Seed drives ${_RANDOM}: equal seeds give equal configurations.
	Seed uint64
	// AllConfig makes a missing, unreadable or unmatched include refuse the configuration.
	AllConfig bool
}

func (e Env) lookup(name string) string {
	if e.LookupEnv == nil {
		return ""
	}
	v, _ := e.LookupEnv(name)
	return v
}
