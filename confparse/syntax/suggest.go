package syntax

import "slices"

// suggest returns the keyword of b that word most likely stands for, or "".
func suggest(word string, b *Block) string {
	if b == nil || len(word) < 3 {
		return ""
	}
	limit := 1 + len(word)/4
	best, dist := "", limit+1
	for name := range b.Words {
		if n := EditDistance(word, name, limit); n < dist || n == dist && n <= limit && name < best {
			best, dist = name, n
		}
	}
	return best
}

// EditDistance is the least number of insertions, deletions, substitutions and swaps of neighbours that turn a into b.
// It may return anything above limit once the distance exceeds it.
func EditDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		if slices.Min(cur) > limit {
			return limit + 1
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
