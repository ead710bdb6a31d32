package confparse

import (
	"encoding/base64"
	"fmt"
	"strings"

	"vigil/confparse/diag"
)

// Request is what a url asks beyond what keepalived can: keywords of our own.
type Request struct {
	Method  string   // "" = GET
	Headers []string // "Name: value"; one of a name that is sent anyway takes its place
	MaxBody int      // bytes of a body that are accepted; 0 = as many as there may be at all
}

// requestRows are the rows of a url about its request.
var requestRows = blockOf[URL]{
	ownWordRow("method", oneWord, "GET", (*decoder).method9110, func(p *printer, u *URL) { p.text("method", u.Request.Method) }).from(ours),
	ownRow("header", "", (*decoder).requestHeader, func(p *printer, u *URL) {
		for _, h := range u.Request.Headers {
			p.line("header", quoted(h))
		}
	}).from(ours),
	ownRow("basic_auth", "", (*decoder).basicAuth, nil).from(ours), // it is printed as a header
	countRow("max_body_size", whole(1, maxInt32), 0, func(u *URL) *int { return &u.Request.MaxBody }).from(ours).because("64 MiB"),
}

// isToken reports whether s is a token of HTTP (RFC 9110 §5.6.2).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// method9110 decodes the method of a request (RFC 9110 §9.1).
func (d *decoder) method9110(n *Node, s string, u *URL) {
	if !isToken(s) {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Invalid method "+s+" - ignoring", "a method is a word such as HEAD")
		return
	}
	u.Request.Method = d.once(n, u.Request.Method, s)
}

// requestHeader decodes `header "Name: value"`. The name must be a token, and the value may have no control characters
// (RFC 9110 §5.5).
func (d *decoder) requestHeader(n *Node, u *URL) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	words := make([]string, len(n.Args))
	for i, a := range n.Args {
		words[i] = a.Text
	}
	name, value, ok := strings.Cut(strings.Join(words, " "), ":")
	value = strings.TrimSpace(value)
	if !ok || !isToken(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		d.about(n, diag.CodeUnknownWord, "Invalid header - ignoring", `write header "Name: value"`)
		return
	}
	u.Request.Headers = append(u.Request.Headers, name+": "+value)
}

// basicAuth decodes "basic_auth USER PASSWORD" (RFC 7617).
func (d *decoder) basicAuth(n *Node, u *URL) {
	if len(n.Args) != 2 || strings.Contains(n.Args[0].Text, ":") {
		d.about(n, diag.CodeArgumentExpected, "basic_auth takes a user, which has no colon, and a password - ignoring", "")
		return
	}
	credentials := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%s", n.Args[0].Text, n.Args[1].Text))
	u.Request.Headers = append(u.Request.Headers, "Authorization: Basic "+credentials)
}
