package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// figure is what was measured, beside what it may be.
type figure struct {
	what  string
	value float64
	unit  string
	bar   float64 // at most; +Inf is none
}

// missed reports whether the figure is over its bar. What was not measured at all is.
func (f figure) missed() bool { return !(f.value <= f.bar) }

// milliseconds is a figure with a bar.
func milliseconds(what string, value, bar time.Duration) figure {
	return figure{what, float64(value.Microseconds()) / 1000, "ms", float64(bar.Microseconds()) / 1000}
}

// seconds is a figure with a bar.
func seconds(what string, value, bar time.Duration) figure {
	return figure{what, value.Seconds(), "s", bar.Seconds()}
}

// number is a count with a bar.
func number(what string, value, bar int) figure {
	return figure{what, float64(value), "", float64(bar)}
}

// told is a figure without a bar.
func told(what string, value float64, unit string) figure {
	return figure{what, value, unit, math.Inf(1)}
}

// table lays figures out, a column for each program. The verdict is that on the first.
func table(names []string, columns [][]figure) string {
	var b strings.Builder
	line := func(what, bar string, cells []string, verdict string) {
		fmt.Fprintf(&b, "  %-58s", what)
		for _, cell := range cells {
			fmt.Fprintf(&b, " %14s", cell)
		}
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf(" %14s%s", bar, verdict), " "))
	}
	line("", "bar", names, "")
	for _, f := range columns[0] {
		bar, verdict := "", ""
		if !math.IsInf(f.bar, 1) {
			bar = "<= " + show(f.bar, f.unit)
		}
		if f.missed() {
			verdict = "  missed"
		}
		cells := []string{show(f.value, f.unit)}
		for _, other := range columns[1:] {
			cell := "-"
			if i := slices.IndexFunc(other, func(o figure) bool { return o.what == f.what }); i >= 0 {
				cell = show(other[i].value, f.unit)
			}
			cells = append(cells, cell)
		}
		line(f.what, bar, cells, verdict)
	}
	return b.String()
}

func show(value float64, unit string) string {
	text := fmt.Sprintf("%.2f", value)
	if value == math.Trunc(value) {
		text = fmt.Sprintf("%.0f", value)
	}
	return strings.TrimRight(text+" "+unit, " ")
}
