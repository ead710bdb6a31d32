package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"
)

// reloadClock asks for a reload at the time that a file says, as keepalived's reload_time_file has it. The file is removed
// then, unless it is a time of the day and reload_repeat is set.
type reloadClock struct {
	log      *slog.Logger
	requests chan<- Request // has room for one
	files    chan clockFile

	// Owned by run.
	file  clockFile
	text  string // of the file when it was looked at last; "" = none
	at    time.Time
	daily bool
}

type clockFile struct {
	path   string
	repeat bool
}

// lookInterval is how often the file is looked at. Times are whole seconds.
const lookInterval = time.Second

func newReloadClock(log *slog.Logger, requests chan<- Request) *reloadClock {
	return &reloadClock{log: log, requests: requests, files: make(chan clockFile)}
}

// follow makes path the file that is looked at, at once; "" is none. run must be on.
func (c *reloadClock) follow(path string, repeat bool) { c.files <- clockFile{path, repeat} }

func (c *reloadClock) run(ctx context.Context) error {
	looks := time.NewTicker(lookInterval)
	defer looks.Stop()
	for {
		select {
		case f := <-c.files:
			if f.path != c.file.path {
				c.cancel()
				c.text = ""
			}
			c.file = f
			c.look(time.Now())
		case <-looks.C:
			now := time.Now()
			c.look(now)
			if !c.at.IsZero() && !now.Before(c.at) {
				c.ring(now)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// look reads the file. Only what is not what it was is news.
func (c *reloadClock) look(now time.Time) {
	text := ""
	if c.file.path != "" {
		b, err := readStart(c.file.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("reload_time_file cannot be read", "err", err)
		}
		text = b
	}
	if text == c.text {
		return
	}
	c.text = text
	if text == "" {
		c.cancel()
		return
	}
	at, daily, err := parseReloadTime(text, now)
	switch {
	case err != nil:
		c.log.Info(fmt.Sprintf("Reload time %s %v - ignoring", firstLine(text), err))
		c.cancel()
		return
	case c.at.IsZero():
		c.log.Info("Scheduling reload for " + at.Local().Format(time.DateTime))
	case !at.Equal(c.at):
		c.log.Info("Reload time updated from " + c.at.Local().Format(time.DateTime) + " to " + at.Local().Format(time.DateTime))
	}
	c.at, c.daily = at, daily
}

func (c *reloadClock) cancel() {
	if !c.at.IsZero() {
		c.log.Info("Cancelling reload scheduled for " + c.at.Local().Format(time.DateTime))
		c.at = time.Time{}
	}
}

// ring asks for the reload.
func (c *reloadClock) ring(now time.Time) {
	text := c.text
	c.at, c.text = time.Time{}, ""
	if c.daily && c.file.repeat {
		if at, _, err := parseReloadTime(text, now.Add(time.Second)); err == nil {
			c.at, c.text = at, text
		}
	} else if err := os.Remove(c.file.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("reload_time_file cannot be removed: its reload is not repeated all the same", "err", err)
		c.text = text
	}
	select {
	case c.requests <- Request{Command: CommandReload}:
	default: // there is one on its way
	}
}

// readStart returns the beginning of a file, which is more than any time takes.
func readStart(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would be waited for
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 64)
	n, err := f.Read(b)
	if n > 0 {
		return string(b[:n]), nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", nil
}

// The errors of a time, as keepalived words them.
var (
	errTimeFormat = errors.New("format is incorrect")
	errTimePast   = errors.New("is in the past")
)

// parseReloadTime reads the first line of text: a time of the day, HH:MM:SS, or YY-MM-DD HH:MM:SS, or YYYY-MM-DD HH:MM:SS, each
// of which is UTC with a Z behind it. A time of the day that is over today is meant for tomorrow.
func parseReloadTime(text string, now time.Time) (at time.Time, daily bool, err error) {
	words, utc := strings.CutSuffix(firstLine(text), "Z")
	zone := now.Location()
	if utc {
		zone = time.UTC
	}
	if t, err := time.ParseInLocation(time.TimeOnly, words, zone); err == nil {
		y, m, d := now.In(zone).Date()
		at := time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, zone)
		if !at.After(now) {
			at = time.Date(y, m, d+1, t.Hour(), t.Minute(), t.Second(), 0, zone)
		}
		return at, true, nil
	}
	for _, layout := range []string{time.DateTime, "06-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, words, zone); err == nil {
			if !t.After(now) {
				return t, false, errTimePast
			}
			return t, false, nil
		}
	}
	return time.Time{}, false, errTimeFormat
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}
