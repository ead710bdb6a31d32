package main

import (
	"fmt"
	"slices"
	"strings"
)

// contextLines is how many unchanged lines a hunk shows around a change.
const contextLines = 3

// edit is a line of a difference; op is ' ', '-' or '+'.
type edit struct {
	op   byte
	line string
}

// unified returns the difference between two texts of one file as diff -u shows it, and "" between equal ones.
func unified(name, before, after string) string {
	if before == after {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s.orig\n+++ %s\n", name, name)
	edits := edits(lines(before), lines(after))
	for start := 0; ; {
		first := slices.IndexFunc(edits[start:], func(e edit) bool { return e.op != ' ' })
		if first < 0 {
			return b.String()
		}
		from := max(start, start+first-contextLines)
		end, quiet := start+first, 0 // the hunk ends where enough lines are unchanged
		for ; end < len(edits) && quiet <= 2*contextLines; end++ {
			if quiet++; edits[end].op != ' ' {
				quiet = 0
			}
		}
		end -= max(quiet-contextLines, 0)
		hunk(&b, edits, from, end)
		start = end
	}
}

// hunk writes the edits between from and to with their line numbers.
func hunk(b *strings.Builder, edits []edit, from, to int) {
	count := func(list []edit, not byte) (n int) {
		for _, e := range list {
			if e.op != not {
				n++
			}
		}
		return n
	}
	span := func(not byte) string {
		start, n := count(edits[:from], not), count(edits[from:to], not)
		if n > 0 {
			start++ // an empty side names the line before it
		}
		return fmt.Sprintf("%d,%d", start, n)
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span('+'), span('-'))
	for _, e := range edits[from:to] {
		b.WriteByte(e.op)
		b.WriteString(e.line)
		if !strings.HasSuffix(e.line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// lines cuts a text behind its line ends.
func lines(text string) []string {
	list := strings.SplitAfter(text, "\n")
	if list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// edits turns a into b. Lines that are in each of them once, in the same order, stay; between two of those what begins
// and what ends alike stays as well.
func edits(a, b []string) (list []edit) {
	i, j := 0, 0
	for _, anchor := range append(anchors(a, b), [2]int{len(a), len(b)}) {
		x, y := anchor[0], anchor[1]
		for i < x && j < y && a[i] == b[j] {
			list = append(list, edit{' ', a[i]})
			i, j = i+1, j+1
		}
		tail := 0
		for i < x-tail && j < y-tail && a[x-tail-1] == b[y-tail-1] {
			tail++
		}
		for ; i < x-tail; i++ {
			list = append(list, edit{'-', a[i]})
		}
		for ; j < y-tail; j++ {
			list = append(list, edit{'+', b[j]})
		}
		for ; i < x; i, j = i+1, j+1 {
			list = append(list, edit{' ', a[i]})
		}
	}
	return list
}

// anchors returns the longest list of lines that are in a once and in b once and come in the same order in both.
func anchors(a, b []string) (found [][2]int) {
	inA, inB := places(a), places(b)
	type link struct {
		at [2]int
		up int // the link before it in the longest list that ends with it, or -1
	}
	var links []link
	var ends []int // for each length, the link that ends a list of it earliest in b
	for i, line := range a {
		j, once := inB[line]
		if inA[line] != i || !once || j < 0 {
			continue
		}
		n, _ := slices.BinarySearchFunc(ends, j, func(k, j int) int { return links[k].at[1] - j })
		up := -1
		if n > 0 {
			up = ends[n-1]
		}
		links = append(links, link{[2]int{i, j}, up})
		if n == len(ends) {
			ends = append(ends, 0)
		}
		ends[n] = len(links) - 1
	}
	if len(ends) > 0 {
		for k := ends[len(ends)-1]; k >= 0; k = links[k].up {
			found = append(found, links[k].at)
		}
		slices.Reverse(found)
	}
	return found
}

// places returns where each line is, and -1 for one that is there more than once.
func places(list []string) map[string]int {
	m := make(map[string]int, len(list))
	for i, line := range list {
		if _, twice := m[line]; twice {
			i = -1
		}
		m[line] = i
	}
	return m
}
