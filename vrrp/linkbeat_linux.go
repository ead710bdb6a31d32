package vrrp

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"vigil/vrrp/election"
)

// linkbeatPeriod is the time between two questions to a driver.
const linkbeatPeriod = time.Second

// linkbeat is what drivers say of their links, who may not tell when one fails (linkbeat_interfaces).
type linkbeat struct {
	up     map[string]bool // by name; those that were not asked, or do not answer, are not in it
	mute   map[string]bool // do not answer, which was logged
	at     election.Instant
	asking bool
}

func newLinkbeat() linkbeat {
	return linkbeat{up: make(map[string]bool), mute: make(map[string]bool), at: election.Never}
}

// beat is an answer.
type beat struct {
	name string
	up   bool
	err  error
}

// beatLinks is which links are asked for, and how.
func (r *Runner) beatLinks() map[string]string {
	list := make(map[string]string)
	if r.spec.LinkbeatAll {
		for name := range r.view.dependents {
			list[name] = ""
		}
	}
	for _, b := range r.spec.Linkbeat {
		if _, known := list[b.Link]; !known || b.Method != "" {
			list[b.Link] = b.Method
		}
	}
	return list
}

// setLinkbeat begins to ask, or ends it, after a new Spec.
func (r *Runner) setLinkbeat() {
	links := r.beatLinks()
	for name := range maps.Clone(r.linkbeat.up) {
		if _, still := links[name]; !still {
			delete(r.linkbeat.up, name)
			r.judgeLink(name)
		}
	}
	if len(links) == 0 {
		r.linkbeat.at = election.Never
	} else if r.linkbeat.at == election.Never && !r.linkbeat.asking {
		r.linkbeat.at = r.now()
	}
}

// askLinks asks the drivers, beside Run: one may take its time.
func (r *Runner) askLinks() {
	links := r.beatLinks()
	r.linkbeat.at = election.Never
	if len(links) == 0 {
		return
	}
	r.linkbeat.asking = true
	r.io.Go(func() {
		answers := make([]beat, 0, len(links))
		for _, name := range slices.Sorted(maps.Keys(links)) {
			up, err := r.network.Carrier(name, links[name])
			answers = append(answers, beat{name, up, err})
		}
		select {
		case r.beats <- answers:
		case <-r.quit:
		}
	})
}

// answered takes what the drivers have said. One that does not answer leaves it at what the kernel reports.
func (r *Runner) answered(list []beat) {
	r.linkbeat.asking = false
	r.linkbeat.at = r.now().Add(linkbeatPeriod)
	links := r.beatLinks()
	for _, b := range list {
		_, wanted := links[b.name]
		switch _, there := r.links.actual[b.name]; {
		case !wanted || !there:
			delete(r.linkbeat.up, b.name)
		case b.err != nil:
			if delete(r.linkbeat.up, b.name); !r.linkbeat.mute[b.name] {
				r.log.Warn("the driver does not say whether its link works", slog.String("interface", b.name), slog.Any("err", b.err))
			}
			r.linkbeat.mute[b.name] = true
		default:
			r.linkbeat.up[b.name] = b.up
			delete(r.linkbeat.mute, b.name)
		}
		r.judgeLink(b.name)
	}
	r.setLinkbeat()
}
