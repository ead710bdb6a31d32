package debian

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// suites are the names under which Debian's main archive has its releases.
var suites = []string{"bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"}

// mirror is where this machine gets Debian's main archive from, by its own sources (sources.list(5)).
func mirror(etc string) (string, error) {
	parts, err := filepath.Glob(filepath.Join(etc, "sources.list.d/*"))
	if err != nil {
		return "", err
	}
	for _, path := range append([]string{filepath.Join(etc, "sources.list")}, parts...) {
		read := map[string]func(io.Reader) string{".list": mirrorOfLines, ".sources": mirrorOfStanzas}[filepath.Ext(path)]
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) || read == nil {
			continue
		}
		if err != nil {
			return "", err
		}
		uri := read(f)
		f.Close()
		if uri != "" {
			return uri, nil
		}
	}
	return "", errors.New("the package sources in " + etc + " have no release of Debian")
}

// mirrorOfLines reads lines "deb [options] uri suite component…".
func mirrorOfLines(r io.Reader) string {
	for s := bufio.NewScanner(r); s.Scan(); {
		text, _, _ := strings.Cut(s.Text(), "#")
		if before, options, found := strings.Cut(text, "["); found {
			_, after, _ := strings.Cut(options, "]")
			text = before + after
		}
		if f := strings.Fields(text); len(f) > 3 && f[0] == "deb" && slices.Contains(suites, f[2]) && slices.Contains(f[3:], "main") {
			return f[1]
		}
	}
	return ""
}

// mirrorOfStanzas reads stanzas of fields.
func mirrorOfStanzas(r io.Reader) string {
	stanza, field := map[string][]string{}, ""
	uri := func() string {
		known := slices.ContainsFunc(stanza["suites"], func(s string) bool { return slices.Contains(suites, s) })
		if known && slices.Contains(stanza["types"], "deb") && slices.Contains(stanza["components"], "main") && len(stanza["uris"]) > 0 &&
			!slices.Contains(stanza["enabled"], "no") {
			return stanza["uris"][0]
		}
		return ""
	}
	for s := bufio.NewScanner(r); s.Scan(); {
		line := s.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			if uri := uri(); uri != "" {
				return uri
			}
			stanza = map[string][]string{}
		case line[0] == ' ' || line[0] == '\t':
			stanza[field] = append(stanza[field], strings.Fields(line)...)
		default:
			name, value, _ := strings.Cut(line, ":")
			field = strings.ToLower(name)
			stanza[field] = strings.Fields(value)
		}
	}
	return uri()
}
