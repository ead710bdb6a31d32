package confparse

import "time"

// Regex is what a url's body must match.
type Regex struct {
	Range      Range
	Pattern    string
	Invert     bool     // regex_no_match
	Options    []string // regex_options
	MinOffset  int
	MaxOffset  int // -1 = none
	StackStart int
	StackMax   int
}

// SMTPDetail is what SMTP_CHECK has beyond a connection.
type SMTPDetail struct {
	HELO string // helo_name
}

// DNSDetail is what DNS_CHECK asks.
type DNSDetail struct {
	Type string // upper case, SOA by default
	Name string // "." by default
}

// MiscDetail is what MISC_CHECK runs.
type MiscDetail struct {
	Script  Script
	Timeout time.Duration // misc_timeout; the virtual server's delay_loop
	Dynamic bool
}

// UDPDetail is what UDP_CHECK sends and expects.
type UDPDetail struct {
	Payload      []byte // nil = random
	RequireReply bool
	Reply        []byte // expected beginning, under Mask; nil = any
	Mask         []byte // 0xf0 and 0x0f clear a wildcard nibble
	MinLength    uint16
	MaxLength    uint16 // 255
}

// FileDetail is what FILE_CHECK follows.
type FileDetail struct {
	TrackFile string
	Weight    int
	Reverse   bool
}

// BFDDetail is what BFD_CHECK follows.
type BFDDetail struct {
	Name string
}
