package confparse

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vigil/confparse/diag"
)

// partOf is which part of the program a keyword is for.
func partOf(c Coverage) string {
	switch block, _, _ := strings.Cut(c.Path, "/"); {
	case strings.Contains(c.Keyword, "snmp"), strings.Contains(c.Keyword, "dbus"), c.Keyword == "enable_traps":
		return "SNMP and D-Bus"
	case strings.HasPrefix(c.Keyword, "lvs_sync_daemon"):
		return "synchronization of connections"
	case strings.HasPrefix(block, "virtual_server"), block == "SSL", block == "@item:vsg_entry", block == "@item:lvs_method",
		strings.HasPrefix(c.Keyword, "virtual_server"), strings.HasPrefix(c.Keyword, "lvs_"), strings.HasPrefix(c.Keyword, "nftables_ipvs"),
		c.Keyword == "SSL", c.Keyword == "checker_log_all_failures", c.Keyword == "rs_init_notifies", c.Keyword == "smtp_alert_checker",
		c.Keyword == "no_checker_emails":
		return "checkers and services"
	case strings.HasPrefix(block, "vrrp_"), strings.HasPrefix(block, "@item:"), block == "garp_group", block == "track_group",
		strings.HasPrefix(c.Keyword, "vrrp_"), strings.HasPrefix(c.Keyword, "static_"), strings.HasPrefix(c.Keyword, "track_"), c.Keyword == "garp_group":
		return "VRRP"
	}
	return "the program itself"
}

// TestCorpusIsActedOn counts, for each part of the program, the files of VIGIL_CORPUS in which all that is for it is acted on.
// Of those that are done that must be all of them.
func TestCorpusIsActedOn(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS does not name a directory of configurations")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	waits := map[string]map[string]bool{} // the parts that wait for a word of this name
	for _, c := range Keywords() {
		if c.ActedOn || c.ItemName {
			continue
		}
		if waits[c.Keyword] == nil {
			waits[c.Keyword] = map[string]bool{}
		}
		waits[c.Keyword][partOf(c)] = true
	}
	lacking := map[string]map[string][]string{} // by part and word, the files
	short := map[string]map[string]bool{}       // by part, the files
	for _, file := range files {
		_, problems := Load(OSFS(), file, Env{Hostname: "lb1"})
		for _, p := range problems {
			if p.Code != diag.CodeNotSupported {
				continue
			}
			word, _, _ := strings.Cut(p.Summary, " ")
			parts := waits[word]
			if len(parts) == 0 {
				t.Errorf("%s: %s: no keyword of this name waits", file, p.Summary)
			}
			for part := range parts {
				if lacking[part] == nil {
					lacking[part], short[part] = map[string][]string{}, map[string]bool{}
				}
				lacking[part][word] = append(lacking[part][word], filepath.Base(file))
				short[part][file] = true
			}
		}
	}
	for _, part := range []string{"checkers and services", "synchronization of connections", "VRRP", "the program itself", "SNMP and D-Bus"} {
		t.Logf("%s: %d of %d files are acted on", part, len(files)-len(short[part]), len(files))
		for _, word := range slices.Sorted(maps.Keys(lacking[part])) {
			t.Logf("\t%s: %d files, the first %s", word, len(lacking[part][word]), lacking[part][word][0])
		}
	}
	for _, part := range []string{"checkers and services", "synchronization of connections", "VRRP", "the program itself"} {
		if n := len(short[part]); n > 0 {
			t.Errorf("in %d files something of %s is not acted on", n, part)
		}
	}
}
