package confparse

import (
	"fmt"
	"net/netip"
	"time"
)

// row is a keyword of a block that is kept as a T. It names the field that it sets, so that one row is what the keyword
// looks like, what it sets, what the field is without it, and how it is printed. Odd keywords have functions of their own.
type row[T any] struct {
	keyword
	reset func(*T)           // nil: the zero value
	print func(*printer, *T) // nil: it is printed by another row, or is another spelling
}

// blockOf is a kind of block that is kept as a T: its rows, in the order in which they are printed.
type blockOf[T any] []row[T]

// keywords returns the rows of the table, all of the block id.
func (b blockOf[T]) keywords(id blockID) []keyword {
	list := make([]keyword, len(b))
	for i, r := range b {
		list[i] = r.keyword
		list[i].in = in(id)
	}
	return list
}

// decode decodes the statements of n's block into t, which gets the defaults first.
func (b blockOf[T]) decode(d *decoder, n *Node, t *T) {
	for _, r := range b {
		if r.reset != nil {
			r.reset(t)
		}
	}
	outer := d.block
	d.block, d.weightSet = t, false
	d.body(n.Body)
	d.block = outer
}

// write prints the statements of a block.
func (b blockOf[T]) write(p *printer, t *T) {
	for _, r := range b {
		if r.print != nil {
			r.print(p, t)
		}
	}
}

// here returns the block that is being decoded.
func here[T any](d *decoder) *T { return d.block.(*T) }

// as returns r with another keyword for the same: it is not printed.
func (r row[T]) as(name string) row[T] {
	r.alias, r.name, r.print, r.reset = r.name, name, nil, nil
	return r
}

// because returns r with a default that depends on something else, as documented.
func (r row[T]) because(def string) row[T] {
	r.def = def
	return r
}

// from returns r for a keyword that is known since a release after 2.2.7.
func (r row[T]) from(release string) row[T] {
	r.since = release
	return r
}

// ownRow returns a row that has its own way to decode and to print. def is for the reference.
func ownRow[T any](name, def string, decode func(*decoder, *Node, *T), print func(*printer, *T)) row[T] {
	return row[T]{keyword: keyword{name: name, def: def, decode: func(d *decoder, n *Node) { decode(d, n, here[T](d)) }}, print: print}
}

// flagRow is a keyword that takes no value and sets a field; without it the field is unset.
func flagRow[T any](name string, field func(*T) *bool) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: bare}, def: "off", on: func(d *decoder) { *field(here[T](d)) = true }},
		print:   func(p *printer, t *T) { p.flag(*field(t), name) },
	}
}

// toggleRow is a keyword that takes on or off, and means on when it is bare.
func toggleRow[T any](name string, def bool, field func(*T) *bool) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: boolean}, def: onOff(def),
			yes: func(d *decoder, v bool) { *field(here[T](d)) = v }},
		reset: func(t *T) { *field(t) = def },
		print: func(p *printer, t *T) { p.line(name, onOff(*field(t))) },
	}
}

// numberRow is a keyword with a whole number.
func numberRow[T any, V ~int | ~uint8 | ~uint32](name string, v value, def V, field func(*T) *V) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, def: fmt.Sprint(def), num: func(d *decoder, n int64) { *field(here[T](d)) = V(n) }},
		reset:   func(t *T) { *field(t) = def },
		print:   func(p *printer, t *T) { p.line(name, *field(t)) },
	}
}

// durationRow is a keyword with a time that is 0 without it, and not printed then.
func durationRow[T any](name string, v value, field func(*T) *time.Duration) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, def: "0", dur: func(d *decoder, v time.Duration) { *field(here[T](d)) = v }},
		print:   func(p *printer, t *T) { p.duration(name, *field(t)) },
	}
}

// addrRow is a keyword with an address, which is invalid without it.
func addrRow[T any](name, def string, field func(*T) *netip.Addr) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: address}, def: def,
			ip: func(d *decoder, a netip.Addr) { *field(here[T](d)) = a }},
		print: func(p *printer, t *T) { p.addr(name, *field(t)) },
	}
}

// weightRow is "weight N [reverse]" of a tracker, N from -limit to limit. With once, a second one is ignored.
func weightRow[T any](limit int64, once bool, def int, weight func(*T) *int, reverse func(*T) *bool) row[T] {
	r := ownRow("weight", fmt.Sprint(def), func(d *decoder, n *Node, t *T) { d.definitionWeight(n, limit, weight(t), reverse(t), once) },
		func(p *printer, t *T) { p.line(weightWords("weight", *weight(t), *reverse(t))) })
	r.reset = func(t *T) { *weight(t) = def }
	return r
}
