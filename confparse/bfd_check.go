package confparse

// BFDDetail is what BFD_CHECK follows.
type BFDDetail struct {
	Name string
}
