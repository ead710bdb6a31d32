package confparse

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// WriteTo writes c as a canonical keepalived.conf: every default, inherited value and expansion spelled out, nothing
// that Load corrected. Loading the result gives c again, places and inputs aside.
func (c *Config) WriteTo(w io.Writer) (int64, error) {
	p := &printer{checksUnicast: slices.ContainsFunc(c.Instances, inheritsCheck)}
	rootBlock.write(p, c)
	n, err := w.Write(p.b.Bytes())
	return int64(n), err
}

// printer writes statements, one per line, indented by blocks.
type printer struct {
	b      bytes.Buffer
	indent int
	// checksUnicast says that vrrp_check_unicast_src is written, so that all instances have it.
	checksUnicast bool
}

// line writes one statement. Words are written as they are; see quoted.
func (p *printer) line(words ...any) {
	for range p.indent {
		p.b.WriteString("    ")
	}
	for i, w := range words {
		if i > 0 {
			p.b.WriteByte(' ')
		}
		switch v := w.(type) {
		case time.Duration:
			p.b.WriteString(micros(v.Microseconds()))
		default:
			fmt.Fprint(&p.b, v)
		}
	}
	p.b.WriteByte('\n')
}

func (p *printer) open(words ...any) {
	p.line(append(words, "{")...)
	p.indent++
}

func (p *printer) close() {
	p.indent--
	p.line("}")
}

// flag writes a word that stands alone.
func (p *printer) flag(on bool, word string) {
	if on {
		p.line(word)
	}
}

// text writes a setting that has a word, unless it is empty.
func (p *printer) text(name, value string) {
	if value != "" {
		p.line(name, quoted(value))
	}
}

// number writes a setting unless it has the value that cannot, or need not, be written.
func (p *printer) number(name string, v, not int64) {
	if v != not {
		p.line(name, v)
	}
}

func (p *printer) duration(name string, v time.Duration) {
	if v > 0 {
		p.line(name, v)
	}
}

// seconds writes a setting that takes whole seconds.
func (p *printer) seconds(name string, v time.Duration) { p.line(name, int64(v/time.Second)) }

func (p *printer) addr(name string, a netip.Addr) {
	if a.IsValid() {
		p.line(name, a)
	}
}

func (p *printer) toggle(name string, s Switch) {
	switch s {
	case On:
		p.line(name, "on")
	case Off:
		p.line(name, "off")
	}
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

// quoted returns a word in the form that reads back as itself.
func quoted(s string) string {
	safe := s != ""
	for i := 0; i < len(s) && safe; i++ {
		c := s[i]
		safe = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.:/+-%,=", c) >= 0
	}
	if safe {
		return s
	}
	return `"` + s + `"`
}

// command returns a program's arguments as one quoted word, as splitCommand reads it.
func command(argv []string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, a := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a == "" {
			b.WriteString("''")
		}
		for k := 0; k < len(a); k++ {
			c := a[k]
			if c <= ' ' || c == 0x7f || strings.IndexByte("\"'\\${}#!", c) >= 0 {
				fmt.Fprintf(&b, "\\%03o", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}

// accountWords returns "USER [[:]GROUP]" with a leading blank, or "".
func accountWords(a Account) string {
	if a.User == "" {
		return ""
	}
	s := " " + quoted(a.User)
	switch {
	case a.Supplementary:
		s += " :" + a.Group
	case a.Group != "":
		s += " " + quoted(a.Group)
	}
	return s
}

func (p *printer) script(name string, s Script) {
	if len(s.Argv) > 0 {
		p.line(name, command(s.Argv)+accountWords(s.Account))
	}
}

func (p *printer) scriptRef(name string, s *Script) {
	if s != nil {
		p.script(name, *s)
	}
}

func (p *printer) list(name string, words []string) {
	if len(words) == 0 {
		return
	}
	p.open(name)
	for _, w := range words {
		p.line(quoted(w))
	}
	p.close()
}

// ints writes numbers on one line.
func (p *printer) ints(name string, list []int) {
	if len(list) == 0 {
		return
	}
	words := []any{name}
	for _, v := range list {
		words = append(words, v)
	}
	p.line(words...)
}

// mask writes persistence_granularity unless it is the whole address.
func (p *printer) mask(f Family, v uint32) {
	switch {
	case f == IPv6 && v != 128:
		p.line("persistence_granularity", v)
	case f == IPv4 && v != 0xffffffff:
		p.line("persistence_granularity", netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}))
	}
}
