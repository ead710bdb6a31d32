package ipvsadm

import (
	"strconv"
	"strings"
)

// number reads a decimal number of least to most, with white space and a plus sign before it as strtol(3) allows.
func number(s string, least, most uint64) (uint64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	s = strings.TrimPrefix(s, "+")
	if s == "" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n >= least && n <= most
}
