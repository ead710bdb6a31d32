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

// keywords returns the rows of the table, which are those of the given blocks.
func (b blockOf[T]) keywords(blocks blockSet) []keyword {
	list := make([]keyword, len(b))
	for i, r := range b {
		list[i] = r.keyword
		list[i].in = blocks
	}
	return list
}

// decode decodes the statements of n's block into t, which gets the defaults first.
func (b blockOf[T]) decode(d *decoder, n *Node, t *T) {
	b.defaults(t)
	b.update(d, n, t)
}

// defaults gives t what holds when nothing is written.
func (b blockOf[T]) defaults(t *T) {
	for _, r := range b {
		if r.reset != nil {
			r.reset(t)
		}
	}
}

// resets returns the defaults that are no zero values, for blocks of which there are very many.
func (b blockOf[T]) resets() []func(*T) {
	var list []func(*T)
	for _, r := range b {
		if r.reset != nil {
			list = append(list, r.reset)
		}
	}
	return list
}

// update decodes the statements of n's block into t, which keeps what they do not say: for blocks that may be repeated.
func (b blockOf[T]) update(d *decoder, n *Node, t *T) {
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

// print prints a block with a name.
func (b blockOf[T]) print(p *printer, word, name string, t *T) {
	p.open(word, quoted(name))
	b.write(p, t)
	p.close()
}

// here returns the block that is being decoded.
func here[T any](d *decoder) *T { return d.block.(*T) }

// as returns r with another keyword for the same: it is not printed.
func (r row[T]) as(name string) row[T] {
	r.alias, r.name, r.print, r.reset = r.name, name, nil, nil
	return r
}

// asOldName is as for a name whose use is noted, but is no problem.
func (r row[T]) asOldName(name string) row[T] {
	r = r.as(name)
	r.oldName = true
	return r
}

// withoutEffect returns r for a keyword that is parsed and kept, but that the program does not act on yet.
func (r row[T]) withoutEffect() row[T] {
	r.pending = true
	return r
}

// referring returns r for a keyword that makes a virtual_server depend on other blocks.
func (r row[T]) referring() row[T] {
	r.refers = true
	return r
}

// printed returns r with another way to print what it set.
func (r row[T]) printed(print func(*printer, *T)) row[T] {
	r.print = print
	return r
}

// because returns r with a default that depends on something else, as documented.
func (r row[T]) because(def string) row[T] {
	r.def = def
	return r
}

// ours is the release of what keepalived does not have.
const ours = "Vigil"

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

// number is what a whole number is kept as.
type number interface {
	~int | ~int32 | ~uint8 | ~uint16 | ~uint32
}

// numberRow is a keyword with a whole number.
func numberRow[T any, V number](name string, v value, def V, field func(*T) *V) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, def: fmt.Sprint(def), num: func(d *decoder, n int64) { *field(here[T](d)) = V(n) }},
		reset:   resetTo(def, field),
		print:   func(p *printer, t *T) { p.line(name, *field(t)) },
	}
}

// resetTo gives a field a default, and is nil for the zero value.
func resetTo[T any, V comparable](def V, field func(*T) *V) func(*T) {
	var zero V
	if def == zero {
		return nil
	}
	return func(t *T) { *field(t) = def }
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

// optionRow is a keyword that takes on or off, and means on when it is bare; without it the field is unset.
func optionRow[T any](name string, field func(*T) *bool) row[T] {
	r := toggleRow(name, false, field)
	r.print = func(p *printer, t *T) { p.flag(*field(t), name) }
	return r
}

// switchRow is optionRow for a setting that a more general one gives when it is not written.
func switchRow[T any](name, def string, field func(*T) *Switch) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: boolean}, def: def,
			yes: func(d *decoder, v bool) { *field(here[T](d)) = switchOf(v) }},
		print: func(p *printer, t *T) { p.toggle(name, *field(t)) },
	}
}

// countRow is numberRow for a number that is not printed when it is the default.
func countRow[T any, V number](name string, v value, def V, field func(*T) *V) row[T] {
	r := numberRow(name, v, def, field)
	r.print = func(p *printer, t *T) { p.number(name, int64(*field(t)), int64(def)) }
	return r
}

// secondsRow is a keyword with a time in whole seconds.
func secondsRow[T any](name string, v value, def time.Duration, field func(*T) *time.Duration) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, def: fmt.Sprint(int64(def / time.Second)),
			num: func(d *decoder, n int64) { *field(here[T](d)) = time.Duration(n) * time.Second }},
		reset: func(t *T) { *field(t) = def },
		print: func(p *printer, t *T) { p.seconds(name, *field(t)) },
	}
}

// wordRow is a keyword with a word, of which the last one counts, and which is "" without it.
func wordRow[T any](name string, v value, field func(*T) *string) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, str: func(d *decoder, s string) { *field(here[T](d)) = s }},
		print:   func(p *printer, t *T) { p.text(name, *field(t)) },
	}
}

// ownWordRow is a keyword with a word that has its own way to set what it stands for. def is for the reference.
func ownWordRow[T any](name string, v value, def string, set func(*decoder, string, *T), print func(*printer, *T)) row[T] {
	return row[T]{keyword: keyword{name: name, value: v, def: def, str: func(d *decoder, s string) { set(d, s, here[T](d)) }},
		print: print}
}

// firstWordRow is wordRow for a word of which the first one counts. Others are reported.
func firstWordRow[T any](name string, v value, field func(*T) *string) row[T] {
	r := wordRow(name, v, field)
	r.str = func(d *decoder, s string) { d.first(field(here[T](d)), s) }
	return r
}

// replacedWordRow is wordRow for a word whose replacement is reported.
func replacedWordRow[T any](name string, v value, field func(*T) *string) row[T] {
	r := wordRow(name, v, field)
	r.str = func(d *decoder, s string) {
		to := field(here[T](d))
		*to = d.once(*to, s)
	}
	return r
}

// pathRow is a keyword with exactly one path.
func pathRow[T any](name string, field func(*T) *string) row[T] {
	return ownRow(name, "", func(d *decoder, n *Node, t *T) { d.onePath(n, field(t)) },
		func(p *printer, t *T) { p.text(name, *field(t)) })
}

// weightRow is "weight N [reverse]" of a tracker, N from -limit to limit. With once, a second one is ignored.
func weightRow[T any](limit int64, once bool, def int, weight func(*T) *int, reverse func(*T) *bool) row[T] {
	r := ownRow("weight", fmt.Sprint(def), func(d *decoder, n *Node, t *T) { d.definitionWeight(n, limit, weight(t), reverse(t), once) },
		func(p *printer, t *T) { p.line(weightWords("weight", *weight(t), *reverse(t))) })
	r.reset = func(t *T) { *weight(t) = def }
	return r
}

func weightWords(name string, weight int, reverse bool) string {
	if reverse {
		return fmt.Sprintf("%s %d reverse", name, weight)
	}
	return fmt.Sprintf("%s %d", name, weight)
}
