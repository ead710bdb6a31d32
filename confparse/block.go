package confparse

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
	var list []keyword
	for _, r := range b {
		if r.name == "" { // see including
			continue
		}
		if r.in == 0 {
			r.in = blocks
		}
		list = append(list, r.keyword)
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
	for _, statement := range n.Body {
		d.statement(site{statement, t})
	}
}

// including is the place in a block where the rows of a part of it are printed, and where they get their defaults. The table
// has them once for all the blocks with such a part, so that what is said of a row once is said once for all of them.
func including[T, P any](b blockOf[P], part func(*T) *P) row[T] {
	return row[T]{
		reset: func(t *T) { b.defaults(part(t)) },
		print: func(p *printer, t *T) { b.write(p, part(t)) },
	}
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

// here returns the block that a statement stands in, or the part of it that is a T: blocks that have rows in common embed
// what those rows are about.
func here[T any](at site) *T {
	if t, ok := at.block.(*T); ok {
		return t
	}
	return at.block.(interface{ part() *T }).part()
}

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

// asDeprecated is as for a name that is to be replaced, as its use is told.
func (r row[T]) asDeprecated(name string) row[T] { return r.as(name).deprecatedFor(r.name) }

// withoutEffect returns r for a keyword that is parsed and kept, but that the program does not act on yet.
func (r row[T]) withoutEffect() row[T] {
	r.pending = true
	return r
}

// needless returns r for a keyword that is parsed and kept, and to which nothing in this program corresponds, for a reason.
func (r row[T]) needless(reason string) row[T] {
	r.keyword.needless = reason
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

// onlyIn returns r for some of the blocks that have the other rows of its table.
func (r row[T]) onlyIn(blocks blockSet) row[T] {
	r.in = blocks
	return r
}

// opening returns r for a keyword that opens a block.
func (r row[T]) opening(id blockID) row[T] {
	r.block = id
	return r
}

// deprecatedFor returns r for a keyword in the place of which another is to be written, as its use is told.
func (r row[T]) deprecatedFor(other string) row[T] {
	r.deprecated = other
	return r
}

// ours is the release of what keepalived does not have.
const ours = "Vigil"

// from returns r for a keyword that is known since a release after 2.2.7.
func (r row[T]) from(release string) row[T] {
	r.since = release
	return r
}
