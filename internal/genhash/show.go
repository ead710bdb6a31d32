package genhash

import (
	"bytes"
	"fmt"
	"io"
)

// reply shows a reply piece by piece.
type reply struct {
	out    io.Writer
	header []byte // what has come of it
	whole  bool   // the header has
}

// read shows a piece.
func (r *reply) read(piece []byte) {
	if r.whole {
		dump(r.out, piece)
		return
	}
	io.WriteString(r.out, headerTitle)
	r.header = append(r.header, piece...)
	header, body, found := bytes.Cut(r.header, []byte("\r\n\r\n"))
	if !found {
		return
	}
	r.whole = true
	header = r.header[:len(header)+4]
	dump(r.out, header)
	fmt.Fprintf(r.out, "%s%s\n", asciiTitle, header)
	if len(body) > 0 {
		io.WriteString(r.out, bodyTitle)
		dump(r.out, body)
	}
}

// rowBytes is how many bytes a line shows.
const rowBytes = 16

// dump writes bytes as numbers and as text, after the position of the first of a line.
func dump(w io.Writer, b []byte) {
	for at := 0; at < len(b); at += rowBytes {
		row := b[at:min(at+rowBytes, len(b))]
		fmt.Fprintf(w, "%04d  ", at)
		text := bytes.Repeat([]byte(" "), rowBytes)
		for i := range rowBytes {
			if i == rowBytes/2 {
				io.WriteString(w, "- ")
			}
			if i >= len(row) {
				io.WriteString(w, "   ")
				continue
			}
			fmt.Fprintf(w, "%02x ", row[i])
			text[i] = '.'
			if row[i] >= ' ' && row[i] <= '~' {
				text[i] = row[i]
			}
		}
		fmt.Fprintf(w, "  %s\n", text)
	}
}
