package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// bystanders are virtual routers that nothing happens to: their adverts are to be on time whatever the others do.
const bystanders = 20

// slowly is the place of the files and addresses of a measurement of what is slow.
type slowly struct {
	dir      string
	programs int
	globals  string
}

func (s slowly) file(name string) string { return filepath.Join(s.dir, name) }

var mailHost = netip.MustParseAddrPort("10.77.0.25:25")

// config has virtual routers on eth0 that fail with the file, and bystanders on eth1.
func (s slowly) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id bench\n  script_user root\n  enable_script_security\n  vrrp_notify_fifo %s\n"+
		"  smtp_server %s\n  smtp_connect_timeout 30\n  notification_email_from bench@example.net\n  notification_email {\n    ops@example.net\n  }\n"+
		"  smtp_alert_vrrp\n%s}\ntrack_file trouble {\n  file %s\n  weight 1\n}\n",
		s.file("fifo"), mailHost.Addr(), indent(s.globals), s.file("trouble"))
	for i := range s.programs {
		s.router(&b, 0, i+1, fmt.Sprintf("  track_file {\n    trouble\n  }\n  notify %s\n", s.file("note")))
	}
	for i := range bystanders {
		s.router(&b, 1, i+1, "")
	}
	return b.String()
}

func (s slowly) router(b *strings.Builder, link, vrid int, more string) {
	fmt.Fprintf(b, "vrrp_instance V_%d_%d {\n  state BACKUP\n  interface eth%d\n  virtual_router_id %d\n  version 3\n  priority 100\n  advert_int %v\n"+
		"  virtual_ipaddress {\n    10.%d.0.%d/32\n  }\n%s}\n", link, vrid, link, vrid, quickly.Seconds(), 100+link, vrid, more)
}

// prepare writes the program, which notes what it was told and sleeps, and the file.
func (s slowly) prepare(sleeps time.Duration) error {
	if err := os.Mkdir(s.file("notes"), 0o755); err != nil {
		return err
	}
	note := fmt.Sprintf("#!/bin/sh\necho \"$3\" >> %s/$2\nexec sleep %v\n", s.file("notes"), sleeps.Seconds())
	return errors.Join(os.WriteFile(s.file("note"), []byte(note), 0o755), s.trouble(0))
}

// trouble sets what the tracked file says; -255 is the end of every router that looks at it.
func (s slowly) trouble(n int) error {
	return os.WriteFile(s.file("trouble"), fmt.Appendf(nil, "%d\n", n), 0o644)
}

// measureSlow has all routers fail and come back again and again, faster than anybody can be told of it.
func measureSlow(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	if s.programs > 254 {
		return nil, fmt.Errorf("%d virtual routers do not fit on an interface", s.programs)
	}
	site, err := newSite(p, 2, deafMailServer)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := site.close(); err == nil {
			err = e
		}
	}()
	place := slowly{filepath.Join(site.lab.Dir(), "slow"), s.programs, s.globals}
	if err := errors.Join(os.Mkdir(place.dir, 0o755), place.prepare(s.sleeps)); err != nil {
		return nil, err
	}
	if err := site.start(0, place.config()); err != nil {
		return nil, err
	}
	d := site.directors[0].Process
	if err := site.heard(ctx, 0, d.Started, s.programs+bystanders); err != nil {
		return nil, err
	}
	began, before := time.Now(), d.Memory()
	peak, changes, err := place.flap(ctx, site, s.flaps)
	if err != nil {
		return nil, err
	}
	flapped := time.Now()
	said := transitions(d.Log)
	waited, wrong, err := place.toldAll(ctx, said)
	if err != nil {
		return nil, err
	}
	late := lateAdverts(slices.DeleteFunc(between(site.capture.Adverts("d1", began), flapped), func(a testlan.Advert) bool {
		return a.Source != directorAddress(0, 1).Addr()
	}), quickly)
	lines, err := place.readFIFO()
	if err != nil {
		return nil, err
	}
	fifoWrong, fifoLines := 0, 0
	for i := range s.programs {
		name := fmt.Sprintf("V_0_%d", i+1)
		fifoLines += len(lines[name])
		if !follows(lines[name], said[name]) {
			fifoWrong++
		}
	}
	return []figure{
		milliseconds("adverts of bystanders late, 99 %", late.p99, 5*time.Millisecond),
		told("adverts of bystanders late, latest", float64(late.max.Microseconds())/1000, "ms"),
		number("routers whose programs were out of order, or not told how it is", wrong, 0),
		number("routers whose lines in the FIFO are out of order, or end otherwise", fifoWrong, 0),
		{"memory, most", max(peak, d.Memory()), "MB", 60},
		told("memory before", before, "MB"),
		told("changes of state", float64(changes), ""),
		told("lines in the FIFO", float64(fifoLines), ""),
		told("time until all programs had been told how it is", waited.Seconds(), "s"),
	}, nil
}

// deafMailServer adds a host that takes connections and says nothing.
func deafMailServer(s *site) error {
	h, err := s.lab.Host("mail")
	if err != nil {
		return err
	}
	if _, err := h.Attach(s.segments[0], "eth0", netip.PrefixFrom(mailHost.Addr(), 24)); err != nil {
		return err
	}
	// Nobody accepts: the kernel completes connections all the same. The host's end closes it.
	return h.Do(func() error {
		_, err := net.Listen("tcp4", mailHost.String())
		return err
	})
}

// flap makes all routers fail and come back, and returns the most memory that was used, and how many changes there were.
func (s slowly) flap(ctx context.Context, site *site, times int) (peak float64, changes int, err error) {
	d := site.directors[0].Process
	for range times {
		for _, to := range []struct {
			file int
			text string
		}{{-255, "Entering FAULT STATE"}, {0, "Entering MASTER STATE"}} {
			at := time.Now()
			if err := s.trouble(to.file); err != nil {
				return 0, 0, err
			}
			if _, err := site.said(ctx, 0, to.text, at, s.programs); err != nil {
				return 0, 0, err
			}
			peak = max(peak, d.Memory())
		}
	}
	for _, list := range transitions(d.Log) {
		changes += len(list)
	}
	return peak, changes, nil
}

// transitions are the states of each router, in order, as the log has them.
func transitions(log *testlan.Log) map[string][]string {
	states := make(map[string][]string)
	for _, line := range log.Lines() {
		before, after, found := strings.Cut(line.Text, ") Entering ")
		open := strings.LastIndex(before, "(")
		word, _, _ := strings.Cut(after, " ")
		if found && open >= 0 {
			states[before[open+1:]] = append(states[before[open+1:]], word)
		}
	}
	return states
}

// toldAll waits until the last that each program was told is the last state, and counts the routers where it never is, or whose
// programs were told of states in another order than they had.
func (s slowly) toldAll(ctx context.Context, said map[string][]string) (waited time.Duration, wrong int, err error) {
	began := time.Now()
	for last := -1; ; {
		told, rights := 0, 0
		for i := range s.programs {
			name := fmt.Sprintf("V_0_%d", i+1)
			text, _ := os.ReadFile(filepath.Join(s.file("notes"), name)) // there may be none yet
			lines := strings.Fields(string(text))
			told += len(lines)
			if follows(lines, said[name]) {
				rights++
			}
		}
		if rights == s.programs {
			return time.Since(began), 0, nil
		}
		// A program may have to wait for one before it, but not for longer than keeps the others waiting too.
		if told == last {
			return time.Since(began), s.programs - rights, nil
		}
		last = told
		if err := pause(ctx, 40*time.Second); err != nil {
			return 0, 0, err
		}
	}
}

// follows reports whether told has states of said in the same order, and ends as said does.
func follows(told, said []string) bool {
	if len(told) == 0 || len(said) == 0 || told[len(told)-1] != said[len(said)-1] {
		return false
	}
	for _, word := range said {
		if len(told) > 0 && told[0] == word {
			told = told[1:]
		}
	}
	return len(told) == 0
}

// readFIFO reads what is there, and returns the states of each router.
func (s slowly) readFIFO() (map[string][]string, error) {
	f, err := os.OpenFile(s.file("fifo"), os.O_RDWR, 0) // never at its end, so that the deadline ends it
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text []byte
	for buffer := make([]byte, 1<<16); ; {
		if err := f.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return nil, err
		}
		n, err := f.Read(buffer)
		text = append(text, buffer[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fifoStates(string(text)), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// fifoStates takes apart lines like INSTANCE "V_0_1" MASTER 100.
func fifoStates(text string) map[string][]string {
	states := make(map[string][]string)
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 4 && f[0] == "INSTANCE" {
			name := strings.Trim(f[1], `"`)
			states[name] = append(states[name], f[2])
		}
	}
	return states
}
