package diag

import "strconv"

// Pos is a place in a source file. Line and Col are 1-based; Col counts bytes.
type Pos struct {
	Offset int32 // 0-based, in bytes
	Line   int32
	Col    int32
}

// Range is a half-open stretch of one source file. The zero Range means "no particular place".
type Range struct {
	File       string
	Start, End Pos
}

// String returns "FILE:LINE", the form logs use, and "" for the zero Range.
func (r Range) String() string {
	if r.File == "" {
		return ""
	}
	return r.File + ":" + strconv.Itoa(int(r.Start.Line))
}
