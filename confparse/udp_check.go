package confparse

import (
	"encoding/hex"
	"fmt"

	"vigil/confparse/diag"
)

// UDPDetail is what UDP_CHECK sends and expects.
type UDPDetail struct {
	Payload      []byte // nil = random
	RequireReply bool
	Reply        []byte // expected beginning, under Mask; nil = any
	Mask         []byte // 0xf0 and 0x0f clear a wildcard nibble
	MinLength    uint16
	MaxLength    uint16 // 255
}

// hexWords decodes words of hexadecimal digits, joined. With wildcards, x stands for a nibble that may be anything.
func (d *decoder) hexWords(n *Node, wildcards bool) (data, mask []byte, ok bool) {
	nibbles := 0
	for _, t := range n.Args {
		for i := 0; i < len(t.Text); i++ {
			v, m := hexDigit(t.Text[i]), byte(0xf)
			if wildcards && (t.Text[i] == 'x' || t.Text[i] == 'X') {
				v, m = 0, 0
			}
			if v < 0 {
				d.report(n, n.RangeOf(t), diag.CodeBadHex, fmt.Sprintf("%s: '%s' is not hexadecimal", n.Keyword.Text, t.Text), "")
				return nil, nil, false
			}
			if nibbles%2 == 0 {
				data, mask = append(data, byte(v)<<4), append(mask, m<<4)
			} else {
				data[len(data)-1] |= byte(v)
				mask[len(mask)-1] |= m
			}
			nibbles++
		}
	}
	if nibbles%2 != 0 {
		d.about(n, diag.CodeBadHex, n.Keyword.Text+" has an odd number of hexadecimal digits", "")
		return nil, nil, false
	}
	return data, mask, true
}

func (p *printer) udp(x *UDPDetail) {
	if len(x.Payload) > 0 {
		p.line("payload", hex.EncodeToString(x.Payload))
	}
	if x.RequireReply {
		digits := []byte(hex.EncodeToString(x.Reply))
		for i, m := range x.Mask {
			if m&0xf0 == 0 {
				digits[2*i] = 'x'
			}
			if m&0x0f == 0 {
				digits[2*i+1] = 'x'
			}
		}
		p.line("require_reply", string(digits))
	}
	p.line("min_reply_length", x.MinLength)
	p.line("max_reply_length", x.MaxLength)
}
