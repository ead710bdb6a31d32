package confparse

// Switch is a boolean setting that may be left to a more general one.
type Switch uint8

// The values of a Switch.
const (
	Unset Switch = iota
	On
	Off
)

// Or returns s as a boolean, and def when it is unset.
func (s Switch) Or(def bool) bool {
	switch s {
	case On:
		return true
	case Off:
		return false
	}
	return def
}

func switchOf(v bool) Switch {
	if v {
		return On
	}
	return Off
}
