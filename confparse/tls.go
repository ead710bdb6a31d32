package confparse

import (
	"vigil/confparse/diag"
)

// TLSMaterial is the SSL block.
type TLSMaterial struct {
	Range                     Range
	Password, CA, Certificate string
	Key                       string
	IsSet                     bool
}

// tlsRow is SSL, of which the last one counts.
var tlsRow = ownRow("SSL", "", (*decoder).tlsBlock, func(p *printer, c *Config) {
	if c.TLS.IsSet {
		p.open("SSL")
		tlsBlock.write(p, &c.TLS)
		p.close()
	}
}).opening(inSSL)

// tlsBlock is the rows of SSL.
var tlsBlock = blockOf[TLSMaterial]{
	replacedWordRow("password", optionalWord, func(t *TLSMaterial) *string { return &t.Password }),
	replacedWordRow("ca", optionalWord, func(t *TLSMaterial) *string { return &t.CA }),
	replacedWordRow("certificate", optionalWord, func(t *TLSMaterial) *string { return &t.Certificate }),
	replacedWordRow("key", optionalWord, func(t *TLSMaterial) *string { return &t.Key }),
}

func (d *decoder) tlsBlock(n *Node, c *Config) {
	if c.TLS.IsSet {
		d.about(n, diag.CodeReplaced, "SSL block is already specified, replacing it", "", Place{Range: c.TLS.Range, Note: "the first"})
	}
	c.TLS = TLSMaterial{Range: n.RangeOf(n.Keyword), IsSet: true}
	tlsBlock.update(d, n, &c.TLS)
}
