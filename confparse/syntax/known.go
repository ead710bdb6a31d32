package syntax

import "hash/maphash"

// Known is what a reading learned of the blocks whose text alone says what they mean. With it, the next reading passes
// over those whose text has stayed the same, wherever it now stands.
type Known struct {
	blocks []knownBlock
	latest map[uint64]int // by hash of the first line, the place of a block in blocks, plus one
}

func newKnown(size int) *Known {
	return &Known{blocks: make([]knownBlock, 0, size), latest: make(map[uint64]int, size)}
}

// Len returns how many blocks were taken, those included that were not learned.
func (k *Known) Len() int { return len(k.blocks) }

// knownBlock is the text of a block, from its first line to its last.
type knownBlock struct {
	sum      uint64 // of the text; it guards against editors, like that of Inputs
	size     int32
	lines    int32
	from, to int32 // the words of the first line, in that line
	older    int   // another block with the same first line, plus one; 0: none
}

// sumOf is the hash of a text.
func sumOf(text string) uint64 { return maphash.String(inputSeed, text) }

func (k *Known) add(first string, b knownBlock) {
	sum := sumOf(first)
	b.older = k.latest[sum]
	k.blocks = append(k.blocks, b)
	k.latest[sum] = len(k.blocks)
}

// addUnread counts a block that cannot be known by its text.
func (k *Known) addUnread() { k.blocks = append(k.blocks, knownBlock{}) }

// match finds the block that text, whose first line is first, begins with.
func (k *Known) match(text, first string) (int, bool) {
	for i := k.latest[sumOf(first)]; i > 0; i = k.blocks[i-1].older {
		b := &k.blocks[i-1]
		if int(b.size) <= len(text) && sumOf(text[:b.size]) == b.sum {
			return i - 1, true
		}
	}
	return 0, false
}
