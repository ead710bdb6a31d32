// Package simulate plays what happens to the hosts of some configurations in simulated time, with the engine that the
// daemon runs, and tells who becomes what, when and why. It is what "vigil sim" and the page docs/sim are about.
package simulate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/internal/track"
)

// Scenario is what happens, in order of time.
type Scenario struct {
	Steps []Step
	LANs  [][]Port      // links of hosts that are on one LAN though their names differ
	End   time.Duration // of the simulation; 0: some time after the last step
	Seed  uint64        // of what is left to chance
}

// Port is a link of a host.
type Port struct{ Host, Link string }

// Step is one thing that happens.
type Step struct {
	At   time.Duration
	Line int    // of the file
	Text string // as written, without the time
	Kind Kind
	Host string
	Link string        // of Cut and Heal; "" means all
	Peer string        // of Block and Unblock: who hears Host no longer
	File string        // of Reload
	ID   track.ID      // of Track
	N    int           // of Track: the value; of Loss: percent
	For  time.Duration // of Stall
	Addr netip.Addr    // of Remove, Refuse and Allow
}

// Kind is what a Step is.
type Kind int

// The kinds, by their words in a file.
const (
	Cut Kind = iota
	Heal
	Block
	Unblock
	Start
	Stop
	Crash // of the process
	Halt  // of the host
	Stall
	Reload
	Track
	Remove
	Refuse
	Allow
	Loss
)

// form is how a command is written: words in capitals stand for something.
type form struct {
	words string
	kind  Kind
}

var forms = []form{
	{"cut LINK of HOST", Cut}, {"cut HOST", Cut}, {"heal LINK of HOST", Heal}, {"heal HOST", Heal},
	{"block HOST to PEER", Block}, {"unblock HOST to PEER", Unblock},
	{"start HOST", Start}, {"stop HOST", Stop}, {"crash HOST", Crash}, {"halt HOST", Halt}, {"stall HOST for TIME", Stall},
	{"reload HOST with FILE", Reload},
	{"script NAME STATE on HOST", Track}, {"process NAME STATE on HOST", Track}, {"bfd NAME STATE on HOST", Track},
	{"file NAME is NUMBER on HOST", Track},
	{"remove ADDRESS on HOST", Remove}, {"refuse ADDRESS on HOST", Refuse}, {"allow ADDRESS on HOST", Allow},
	{"loss PERCENT", Loss},
}

// Error is something in a scenario that cannot be understood or done.
type Error struct {
	File      string
	Line, Col int
	Message   string
	Remedy    string // what to write instead; "" when that is plain
}

// Error returns FILE:LINE:COL: message; remedy.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// word is one of a line, and where it begins.
type word struct {
	text string
	col  int
}

func wordsOf(line string) (list []word) {
	line, _, _ = strings.Cut(line, "#")
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' || line[i] == '\r' {
			i++
			continue
		}
		end := i + strings.IndexAny(line[i:]+" ", " \t\r")
		list = append(list, word{line[i:end], i + 1})
		i = end
	}
	return list
}

// parser reads one file.
type parser struct {
	file string
	line int
	sc   Scenario
}

// Parse reads a scenario. The error is an *Error, about the first thing that is wrong.
func Parse(file, text string) (Scenario, error) {
	p := &parser{file: file}
	for i, line := range strings.Split(text, "\n") {
		p.line = i + 1
		words := wordsOf(line)
		if len(words) == 0 {
			continue
		}
		if err := p.statement(words); err != nil {
			return Scenario{}, err
		}
	}
	slices.SortStableFunc(p.sc.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return p.sc, nil
}

func (p *parser) fail(col int, remedy, format string, args ...any) error {
	return &Error{File: p.file, Line: p.line, Col: col, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

func (p *parser) statement(words []word) error {
	switch words[0].text {
	case "lan":
		return p.lan(words[1:], words[0].col)
	case "seed":
		n, err := strconv.ParseUint(text(words, 1), 10, 64)
		if err != nil || len(words) != 2 {
			return p.fail(words[0].col, "write: seed NUMBER", "seed has no number")
		}
		p.sc.Seed = n
		return nil
	}
	at := len(words) - 1
	for at >= 0 && words[at].text != "at" { // the last one: something may be called at
		at--
	}
	switch {
	case at == 0:
		return p.fail(words[0].col, "write what happens before it, as in: stop A at 5 s", "nothing happens at that time")
	case at < 0:
		return p.fail(words[len(words)-1].col, "end the line with a time, as in: at 5 s", "it is not said when that happens")
	}
	when, err := p.duration(words[at+1:], words[at].col)
	if err != nil {
		return err
	}
	words = words[:at]
	if len(words) == 1 && words[0].text == "end" {
		p.sc.End = when
		return nil
	}
	step, err := p.step(words)
	if err != nil {
		return err
	}
	step.At = when
	p.sc.Steps = append(p.sc.Steps, step)
	return nil
}

func text(words []word, i int) string {
	if i < len(words) {
		return words[i].text
	}
	return ""
}

func (p *parser) lan(words []word, col int) error {
	var ports []Port
	for _, w := range words {
		host, link, ok := strings.Cut(w.text, ":")
		if !ok || host == "" || link == "" {
			return p.fail(w.col, "write HOST:LINK, as in A:eth0", "%q is no link of a host", w.text)
		}
		ports = append(ports, Port{host, link})
	}
	if len(ports) < 2 {
		return p.fail(col, "name two links or more, as in: lan A:eth0 B:ens3", "a LAN connects several links")
	}
	p.sc.LANs = append(p.sc.LANs, ports)
	return nil
}

// duration reads "5 s", "5s", "300 ms", "2 min".
func (p *parser) duration(words []word, col int) (time.Duration, error) {
	joined := ""
	for _, w := range words {
		joined += w.text
	}
	if n, ok := strings.CutSuffix(joined, "min"); ok {
		joined = n + "m"
	}
	d, err := time.ParseDuration(joined)
	if err != nil || d < 0 || d > 1000*time.Hour {
		return 0, p.fail(col, "write a number and ms, s, min or h, as in 5 s", "%q is no time", joined)
	}
	return d, nil
}

// step finds the form that the words have.
func (p *parser) step(words []word) (Step, error) {
	var texts, like []string
	for _, w := range words {
		texts = append(texts, w.text)
	}
	for _, f := range forms {
		pattern := strings.Fields(f.words)
		if pattern[0] != words[0].text {
			continue
		}
		like = append(like, f.words)
		if !matches(pattern, texts) {
			continue
		}
		s := Step{Kind: f.kind, Line: p.line, Text: strings.Join(texts, " ")}
		for i, name := range pattern {
			if i < len(words) {
				if err := p.fill(&s, name, words[i:]); err != nil {
					return Step{}, err
				}
			}
		}
		return s, nil
	}
	if like != nil {
		return Step{}, p.fail(words[0].col, "write: "+strings.Join(like, ", or "), "%q cannot be understood", strings.Join(texts, " "))
	}
	var known []string
	for _, f := range forms {
		if w, _, _ := strings.Cut(f.words, " "); !slices.Contains(known, w) {
			known = append(known, w)
		}
	}
	return Step{}, p.fail(words[0].col, "there are "+strings.Join(known, ", ")+", lan, seed and end", "unknown command %q", words[0].text)
}

// matches compares words with a form. A time takes what is left of the line.
func matches(pattern, words []string) bool {
	open := pattern[len(pattern)-1] == "TIME" || pattern[len(pattern)-1] == "PERCENT"
	if len(words) < len(pattern) || len(words) > len(pattern) && !open {
		return false
	}
	for i, w := range pattern {
		if w == strings.ToLower(w) && w != words[i] {
			return false
		}
	}
	return true
}

// states are the words for what a tracked object is.
var states = map[string]int{
	"fails": track.Down, "down": track.Down, "ends": track.Down, "succeeds": track.Up, "up": track.Up, "runs": track.Up,
}

var kinds = map[string]track.Kind{"script": track.Script, "process": track.Process, "bfd": track.BFD, "file": track.File}

// fill takes what stands for a word of a form.
func (p *parser) fill(s *Step, name string, words []word) (err error) {
	w := words[0]
	switch name {
	case "HOST":
		s.Host = w.text
	case "PEER":
		s.Peer = w.text
	case "LINK":
		s.Link = w.text
	case "FILE":
		s.File = w.text
	case "NAME":
		s.ID.Name = w.text
	case "script", "process", "bfd", "file":
		s.ID.Kind = kinds[name]
	case "STATE":
		value, ok := states[w.text]
		if !ok {
			return p.fail(w.col, "write fails or succeeds, down or up, ends or runs", "%q is no state", w.text)
		}
		s.N = value
	case "NUMBER":
		if s.N, err = strconv.Atoi(w.text); err != nil {
			return p.fail(w.col, "write a whole number", "%q is no number", w.text)
		}
	case "PERCENT":
		joined := ""
		for _, w := range words {
			joined += w.text
		}
		if s.N, err = strconv.Atoi(strings.TrimSuffix(joined, "%")); err != nil || s.N < 0 || s.N > 100 {
			return p.fail(w.col, "write 0 to 100 %", "%q is no share of packets", joined)
		}
	case "ADDRESS":
		if s.Addr, err = netip.ParseAddr(w.text); err != nil {
			return p.fail(w.col, "write an address without its length, as in 192.0.2.1", "%q is no address", w.text)
		}
	case "TIME":
		s.For, err = p.duration(words, w.col)
	}
	return err
}
