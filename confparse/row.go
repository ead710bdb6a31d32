package confparse

import (
	"fmt"
	"net/netip"
	"time"
)

// The kinds of rows, by what a keyword takes and what it sets.

// ownRow returns a row that has its own way to decode and to print. def is for the reference.
func ownRow[T any](name, def string, decode func(*decoder, *Node, *T), print func(*printer, *T)) row[T] {
	return row[T]{keyword: keyword{name: name, def: def, decode: func(d *decoder, at site) { decode(d, at.n, here[T](at)) }}, print: print}
}

// listRow is a list of which every item is decoded by itself.
func listRow[T any](name, items string, item func(*decoder, *Node, *T), print func(*printer, *T)) row[T] {
	return row[T]{
		keyword: keyword{name: name, list: &itemGrammar{name: items,
			decode: func(d *decoder, at site) { item(d, at.n, here[T](at)) }}},
		print: print,
	}
}

// actionRow is a keyword that takes no value and does something. def is for the reference.
func actionRow[T any](name, def string, on func(*decoder, *Node, *T), print func(*printer, *T)) row[T] {
	return row[T]{keyword: keyword{name: name, value: value{kind: bare}, def: def,
		on: func(d *decoder, at site) { on(d, at.n, here[T](at)) }}, print: print}
}

// noted returns a row whose place is remembered when it has set something.
func noted[T any](r row[T], place func(*T) **Node) row[T] {
	set, note := r.keyword, func(at site) { *place(here[T](at)) = at.n }
	switch {
	case set.on != nil:
		r.on = func(d *decoder, at site) { set.on(d, at); note(at) }
	case set.yes != nil:
		r.yes = func(d *decoder, at site, v bool) { set.yes(d, at, v); note(at) }
	case set.num != nil:
		r.num = func(d *decoder, at site, v int64) { set.num(d, at, v); note(at) }
	case set.dur != nil:
		r.dur = func(d *decoder, at site, v time.Duration) { set.dur(d, at, v); note(at) }
	}
	return r
}

// flagRow is a keyword that takes no value and sets a field; without it the field is unset.
func flagRow[T any](name string, field func(*T) *bool) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: bare}, def: "off", on: func(d *decoder, at site) { *field(here[T](at)) = true }},
		print:   func(p *printer, t *T) { p.flag(*field(t), name) },
	}
}

// toggleRow is a keyword that takes on or off, and means on when it is bare.
func toggleRow[T any](name string, def bool, field func(*T) *bool) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: boolean}, def: onOff(def),
			yes: func(d *decoder, at site, v bool) { *field(here[T](at)) = v }},
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
		keyword: keyword{name: name, value: v, def: fmt.Sprint(def), num: func(d *decoder, at site, n int64) { *field(here[T](at)) = V(n) }},
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
		keyword: keyword{name: name, value: v, def: "0", dur: func(d *decoder, at site, v time.Duration) { *field(here[T](at)) = v }},
		print:   func(p *printer, t *T) { p.duration(name, *field(t)) },
	}
}

// addrRow is a keyword with an address, which is invalid without it.
func addrRow[T any](name, def string, field func(*T) *netip.Addr) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: value{kind: address}, def: def,
			ip: func(d *decoder, at site, a netip.Addr) { *field(here[T](at)) = a }},
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
			yes: func(d *decoder, at site, v bool) { *field(here[T](at)) = switchOf(v) }},
		print: func(p *printer, t *T) { p.toggle(name, *field(t)) },
	}
}

// countRow is numberRow for a number that is not printed when it is the default.
func countRow[T any, V number](name string, v value, def V, field func(*T) *V) row[T] {
	r := numberRow(name, v, def, field)
	r.print = func(p *printer, t *T) { p.number(name, int64(*field(t)), int64(def)) }
	return r
}

// inheritedTime is a keyword with a time that inner blocks inherit, and are printed with.
func inheritedTime[T any](name string, v value, def string, field func(*T) *opt[time.Duration]) row[T] {
	return row[T]{keyword: keyword{name: name, value: v, def: def,
		dur: func(_ *decoder, at site, v time.Duration) { field(here[T](at)).put(v) }}}
}

// inheritedSeconds is inheritedTime for whole seconds.
func inheritedSeconds[T any](name string, v value, def string, field func(*T) *opt[time.Duration]) row[T] {
	return row[T]{keyword: keyword{name: name, value: v, def: def,
		num: func(_ *decoder, at site, n int64) { field(here[T](at)).put(time.Duration(n) * time.Second) }}}
}

// inheritedCount is inheritedTime for a number.
func inheritedCount[T any, V number](name string, v value, def string, field func(*T) *opt[V]) row[T] {
	return row[T]{keyword: keyword{name: name, value: v, def: def,
		num: func(_ *decoder, at site, n int64) { field(here[T](at)).put(V(n)) }}}
}

// inheritedToggle is inheritedTime for on or off; bare, it is on.
func inheritedToggle[T any](name, def string, field func(*T) *opt[bool]) row[T] {
	return row[T]{keyword: keyword{name: name, value: value{kind: boolean}, def: def,
		yes: func(_ *decoder, at site, v bool) { field(here[T](at)).put(v) }}}
}

// secondsRow is a keyword with a time in whole seconds.
func secondsRow[T any](name string, v value, def time.Duration, field func(*T) *time.Duration) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, def: fmt.Sprint(int64(def / time.Second)),
			num: func(d *decoder, at site, n int64) { *field(here[T](at)) = time.Duration(n) * time.Second }},
		reset: func(t *T) { *field(t) = def },
		print: func(p *printer, t *T) { p.seconds(name, *field(t)) },
	}
}

// wordRow is a keyword with a word, of which the last one counts, and which is "" without it.
func wordRow[T any](name string, v value, field func(*T) *string) row[T] {
	return row[T]{
		keyword: keyword{name: name, value: v, str: func(d *decoder, at site, s string) { *field(here[T](at)) = s }},
		print:   func(p *printer, t *T) { p.text(name, *field(t)) },
	}
}

// ownWordRow is a keyword with a word that has its own way to set what it stands for. def is for the reference.
func ownWordRow[T any](name string, v value, def string, set func(*decoder, *Node, string, *T), print func(*printer, *T)) row[T] {
	return row[T]{keyword: keyword{name: name, value: v, def: def, str: func(d *decoder, at site, s string) { set(d, at.n, s, here[T](at)) }},
		print: print}
}

// firstWordRow is wordRow for a word of which the first one counts. Others are reported.
func firstWordRow[T any](name string, v value, field func(*T) *string) row[T] {
	r := wordRow(name, v, field)
	r.str = func(d *decoder, at site, s string) { d.first(at.n, field(here[T](at)), s) }
	return r
}

// replacedWordRow is wordRow for a word whose replacement is reported.
func replacedWordRow[T any](name string, v value, field func(*T) *string) row[T] {
	r := wordRow(name, v, field)
	r.str = func(d *decoder, at site, s string) {
		to := field(here[T](at))
		*to = d.once(at.n, *to, s)
	}
	return r
}

// pathRow is a keyword with exactly one path.
func pathRow[T any](name string, field func(*T) *string) row[T] {
	return ownRow(name, "", func(d *decoder, n *Node, t *T) { d.onePath(n, field(t)) },
		func(p *printer, t *T) { p.text(name, *field(t)) })
}
