package trackfile

import (
	"math"
	"strconv"
	"strings"
)

// Value reads the number that text begins with, as strtol(3) does with base 0: 0x is hexadecimal, 0 octal, and what
// follows does not count. Without a number it is 0. It returns false for one that does not fit in 32 bits, which is passed
// over; 2147483648 still fits, as keepalived has it, and is the lowest there is.
func Value(text string) (v int32, ok bool) {
	s := strings.TrimLeft(text, " \t\n\v\f\r")
	sign := int64(1)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	base, digits := 10, s
	switch {
	case len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit(s[2]) < 16:
		base, digits = 16, s[2:]
	case strings.HasPrefix(s, "0"):
		base = 8
	}
	n := 0
	for n < len(digits) && digit(digits[n]) < base {
		n++
	}
	digits = strings.TrimLeft(digits[:n], "0")
	if digits == "" {
		return 0, true
	}
	u, err := strconv.ParseUint(digits, base, 32)
	if err != nil || u > -math.MinInt32 {
		return 0, false
	}
	return int32(sign * int64(u)), true
}

// digit is the value of a digit, or more than any base has.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return math.MaxInt
}
