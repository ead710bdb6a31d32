package confparse

import (
	"encoding/hex"
	"fmt"
	"math"

	"vigil/confparse/diag"
)

// UDPDetail is what UDP_CHECK sends and expects.
type UDPDetail struct {
	Payload      []byte // nil = random
	RequireReply bool
	Reply        []byte // expected beginning, under Mask; nil = any
	Mask         []byte // 0xf0 and 0x0f clear a wildcard nibble
	MinLength    uint16
	MaxLength    uint16
}

// udpRows are the rows that UDP_CHECK has beyond a connection.
var udpRows = blockOf[checkerScratch]{
	ownRow("payload", "random", func(d *decoder, n *Node, c *checkerScratch) {
		if len(n.Args) == 0 {
			d.missing(n, true)
			return
		}
		if b, _, ok := d.hexWords(n, false); ok {
			c.Detail.(*UDPDetail).Payload = b
		}
	}, func(p *printer, c *checkerScratch) {
		if x := c.Detail.(*UDPDetail); len(x.Payload) > 0 {
			p.line("payload", hex.EncodeToString(x.Payload))
		}
	}),
	ownRow("require_reply", "off", func(d *decoder, n *Node, c *checkerScratch) {
		x := c.Detail.(*UDPDetail)
		x.RequireReply = true
		if b, mask, ok := d.hexWords(n, true); ok && len(b) > 0 {
			x.Reply, x.Mask = b, mask
		}
	}, func(p *printer, c *checkerScratch) {
		if x := c.Detail.(*UDPDetail); x.RequireReply {
			p.line("require_reply", x.replyWord())
		}
	}),
	numberRow("min_reply_length", wholeStrict(0, 65535), 0,
		func(c *checkerScratch) *uint16 { return &c.Detail.(*UDPDetail).MinLength }),
	maxReplyRow(),
}

// maxReplyRow is max_reply_length.
func maxReplyRow() row[checkerScratch] {
	field := func(c *checkerScratch) *uint16 { return &c.Detail.(*UDPDetail).MaxLength }
	r := numberRow("max_reply_length", wholeStrict(0, 65535), defaultMaxReply, field)
	r.num = func(_ *decoder, at site, v int64) {
		c := here[checkerScratch](at)
		*field(c), c.maxReply = uint16(v), true
	}
	return r.because("255, without data for require_reply 65535")
}

// defaultMaxReply is the longest reply that is compared with data. keepalived looks at the length of no other, so that the
// default does not bind one.
const defaultMaxReply = 255

// replyWord is the expected reply as it is written.
func (x *UDPDetail) replyWord() string {
	digits := []byte(hex.EncodeToString(x.Reply))
	for i, m := range x.Mask {
		if m&0xf0 == 0 {
			digits[2*i] = 'x'
		}
		if m&0x0f == 0 {
			digits[2*i+1] = 'x'
		}
	}
	return string(digits)
}

func (d *decoder) settleUDP(n *Node, c *checkerScratch) bool {
	x := c.Detail.(*UDPDetail)
	if x.RequireReply && x.Reply == nil && !c.maxReply {
		x.MaxLength = math.MaxUint16
	}
	if x.MinLength > x.MaxLength {
		d.about(n, diag.CodeRaised, fmt.Sprintf("UDP_CHECK min_reply_length %d is above max_reply_length %d", x.MinLength,
			x.MaxLength), "")
	}
	return true
}

// hexWords decodes words of hexadecimal digits: two make a byte, and one that is left at the end of a word makes another.
// With wildcards, x stands for a nibble that may be anything.
func (d *decoder) hexWords(n *Node, wildcards bool) (data, mask []byte, ok bool) {
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
			if i%2 == 0 {
				data, mask = append(data, byte(v)), append(mask, 0xf0|m)
			} else {
				data[len(data)-1] = data[len(data)-1]<<4 | byte(v)
				mask[len(mask)-1] = mask[len(mask)-1]<<4 | m
			}
		}
	}
	return data, mask, true
}
