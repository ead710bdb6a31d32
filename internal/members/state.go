package members

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/wholefile"
)

// stateFile keeps the last good lists for the next run.
type stateFile struct{ path string }

// maxState is how much of a state file is read.
const maxState = 256 << 20

// remembered is the list of an earlier run.
type remembered struct {
	list  []confparse.Member
	since time.Time
}

// savedSource is a source in the state file.
type savedSource struct {
	From    confparse.Source `json:"from"`
	Since   time.Time        `json:"since"`
	Members []savedMember    `json:"members"`
}

// savedMember is a member in the state file.
type savedMember struct {
	Addr   netip.Addr `json:"address"`
	Port   uint16     `json:"port,omitempty"`
	Weight *int32     `json:"weight,omitempty"`
}

// read returns the lists that are in the file; none if there is none.
func (f stateFile) read() (map[confparse.Source]remembered, error) {
	all := make(map[confparse.Source]remembered)
	if f.path == "" {
		return all, nil
	}
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return all, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxState))
	if err != nil {
		return all, err
	}
	if all, err = parseState(text); err != nil {
		return all, fmt.Errorf("%s: %w", f.path, err)
	}
	return all, nil
}

// parseState reads the text of a state file.
func parseState(text []byte) (map[confparse.Source]remembered, error) {
	all := make(map[confparse.Source]remembered)
	var saved []savedSource
	if err := json.Unmarshal(text, &saved); err != nil {
		return all, err
	}
	for _, s := range saved {
		r := remembered{since: s.Since}
		for _, m := range s.Members {
			if err := usable(m.Addr); err != nil || !m.Addr.IsValid() || len(r.list) == confparse.MaxMembers {
				return make(map[confparse.Source]remembered), errors.Join(errors.New("it is not what this program writes"), err)
			}
			one := confparse.Member{Addr: m.Addr, Port: m.Port}
			if m.Weight != nil {
				one.Weight, one.Weighted = max(*m.Weight, 0), true
			}
			r.list = append(r.list, one)
		}
		slices.SortFunc(r.list, confparse.Member.Compare)
		all[s.From] = r
	}
	return all, nil
}

// write makes all what is in the file; without any there is none.
func (f stateFile) write(all map[confparse.Source]remembered) error {
	if f.path == "" {
		return nil
	}
	if len(all) == 0 {
		if err := os.Remove(f.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	saved := make([]savedSource, 0, len(all))
	for from, r := range all {
		s := savedSource{From: from, Since: r.since, Members: make([]savedMember, len(r.list))}
		for i, m := range r.list {
			s.Members[i] = savedMember{Addr: m.Addr, Port: m.Port}
			if m.Weighted {
				s.Members[i].Weight = &r.list[i].Weight
			}
		}
		saved = append(saved, s)
	}
	slices.SortFunc(saved, func(a, b savedSource) int { return strings.Compare(a.From.String(), b.From.String()) })
	text, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	return wholefile.Write(f.path, append(text, '\n'), 0o600)
}
