package syntax

import (
	"fmt"

	"vigil/confparse/diag"
)

// missingClose reports that the '}' of the block open is missing before the word t: where a brace closes a block that it
// is not indented like, inside the outermost block that ends here, or else at the word.
func (b *builder) missingClose(r *Reader, t Token, open, outermost *Node) {
	summary, n := fmt.Sprintf("missing '}' before '%s'", t.Text), b.suspect
	if n == nil || n.seq <= outermost.seq || b.suspectAt.File != r.cur.src.path {
		r.report(diag.CodeMissingClose, r.cur.rangeOf(t.Offset, t.Offset+int32(t.Len)), summary,
			fmt.Sprintf("'%s' is not a keyword of the %s block, which is still open", t.Text, open.Keyword.Text),
			diag.Place{Range: open.Range(), Note: "block opened here"})
		return
	}
	r.rep.Report(diag.Diagnostic{Code: diag.CodeMissingClose, Subject: b.suspectAt, Line: b.suspectLine, EndLine: r.cur.num,
		Summary: summary, Detail: fmt.Sprintf("this '}' closes the %s block, and is not indented like it", n.Keyword.Text),
		Related: append([]diag.Place{{Range: n.Range(), Note: "block opened here"}}, includedFrom(r.cur.src)...)}, b.suspectSeq)
}

// missingAtEnd reports braces that are missing at the end of the file, at the block that most likely lacks one.
func (b *builder) missingAtEnd(r *Reader, count int) {
	n := b.suspect
	if n == nil {
		n = b.top().node
	}
	d := diag.Diagnostic{Code: diag.CodeMissingAtEnd,
		Summary: fmt.Sprintf("There are %d missing '}'s or extra '{'s", count)}
	if n != nil {
		d.Subject, d.Line, d.Related = n.Range(), n.src.lineText(n.lineAt), includedFrom(n.src)
		d.Detail = fmt.Sprintf("the %s block is not closed", n.Keyword.Text)
		seq := n.seq
		if b.suspect == nil && b.lastSeen.src != nil {
			d.Detail = fmt.Sprintf("the %s block is not closed at the end of the file", n.Keyword.Text)
			last := b.lastSeen.line()
			d.Subject, d.Line, seq = last.whole(), last.text, last.seq
			d.Related = append([]diag.Place{{Range: n.Range(), Note: "block opened here"}}, includedFrom(b.lastSeen.src)...)
		}
		if b.suspectAt.File == n.src.path {
			d.Related = append([]diag.Place{{Range: n.Range(), Note: "block opened here"}}, d.Related...)
			d.Detail = fmt.Sprintf("this '}' closes the %s block, and is not indented like it", n.Keyword.Text)
			d.Subject, d.Line, seq = b.suspectAt, b.suspectLine, b.suspectSeq
		}
		r.rep.Report(d, seq)
		return
	}
	r.rep.Report(d, 0)
}
