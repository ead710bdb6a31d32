package syntax

// Grammar is what reading must know of a language: its blocks, and the keywords of each. Blocks[0] is the root, and a
// block's ID its place.
type Grammar struct {
	Blocks []Block
	Rows   int // how many keywords there are
}

// BlockID is a kind of block.
type BlockID uint8

// BlockSet is a set of kinds of blocks.
type BlockSet uint32

// In returns the set of the given blocks.
func In(ids ...BlockID) BlockSet {
	var s BlockSet
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

// Has reports whether s holds id.
func (s BlockSet) Has(id BlockID) bool { return s&(1<<id) != 0 }

// Block is one kind of block with the keywords it knows.
type Block struct {
	ID    BlockID
	Name  string // the keyword that opens it
	Words map[string]*Keyword
}

// Items says what a list that a keyword opens consists of.
type Items uint8

// The kinds of lists.
const (
	NoItems   Items = iota // the keyword opens no list
	ItemLines              // one item on a line
	ItemWords              // a plain list of words, any number on a line
)

// Keyword is one word of the language: where it may stand, and what it opens. Index is its place among all, by which
// who reads the Tree finds what it means.
type Keyword struct {
	Name  string
	Index int32
	In    BlockSet
	Block *Block // the block it opens, or nil
	Items Items  // the list it opens
	Alias string // the keyword it is another spelling of, or ""

	Bare   bool // it takes no value; words behind it mean nothing
	Refers bool // a block with it depends on what stands elsewhere, see Sink
	Global bool // it counts for everything, wherever it stands
	Checks bool // it sets what a plain include enforces (include_check)
}

// Opens reports whether k is followed by a block.
func (k *Keyword) Opens() bool { return k.Block != nil || k.Items != NoItems }
