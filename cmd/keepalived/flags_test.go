package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/daemon"
	"vigil/ipvs"
)

func parse(t *testing.T, line string) (command, error) {
	t.Helper()
	return parseFlags(append([]string{"keepalived"}, strings.Fields(line)...))
}

// summary is what the tests compare of a command line.
type summary struct {
	Action         action
	File, TestFile string
	VRRP, Checkers bool
	Foreground     bool
	Console        bool
	Detail         int
	PIDs           daemon.PIDFiles
	Repair         bool
	Strays         string
	Messages       string
	Failed         bool
}

func summarise(c command, err error) summary {
	return summary{c.action, c.options.ConfigFile, c.testFile, c.options.VRRP, c.options.Checkers, c.foreground,
		c.options.Log.Console, c.options.Log.Detail, c.options.PIDFiles, c.options.Audit == ipvs.AuditRepair, strings.Join(c.strays, " "),
		strings.Join(c.messages, "|"), err != nil}
}

func TestGetoptLongRules(t *testing.T) {
	def := summarise(parse(t, ""))
	if def.File != "/etc/keepalived/keepalived.conf" || !def.VRRP || !def.Checkers || def.Foreground || def.Failed {
		t.Fatalf("defaults: %+v", def)
	}
	with := func(edit func(*summary)) summary {
		s := def
		edit(&s)
		return s
	}
	for _, tt := range []struct {
		rule, line string
		want       summary
	}{
		{"short options", "-n -l -D -f a.conf", with(func(s *summary) { s.Foreground, s.Console, s.Detail, s.File = true, true, 1, "a.conf" })},
		{"cluster with value", "-nlDDfa.conf", with(func(s *summary) { s.Foreground, s.Console, s.Detail, s.File = true, true, 2, "a.conf" })},
		{"value of a cluster in the next word", "-nf a.conf", with(func(s *summary) { s.Foreground, s.File = true, "a.conf" })},
		{"long with =", "--use-file=a.conf --dont-fork", with(func(s *summary) { s.File, s.Foreground = "a.conf", true })},
		{"long with word", "--use-file a.conf", with(func(s *summary) { s.File = "a.conf" })},
		{"unique abbreviation", "--use a.conf --log-c", with(func(s *summary) { s.File, s.Console = "a.conf", true })},
		{"ambiguous abbreviation", "--log", with(func(s *summary) { s.Messages, s.Failed = "Unknown option --log", true })},
		{"permuted", "stray -n words", with(func(s *summary) { s.Foreground, s.Strays = true, "stray words" })},
		{"end of options", "-n -- -l", with(func(s *summary) { s.Foreground, s.Strays = true, "-l" })},
		{"VRRP only", "-P", with(func(s *summary) { s.Checkers = false })},
		{"checkers only", "-C", with(func(s *summary) { s.VRRP = false })},
		{"all after -C re-enables", "-C --all", def},
		{"all before -C does not", "--all -C", with(func(s *summary) { s.VRRP = false })},
		{"pid files", "-p 1 -r 2 -c 3 -b 4", with(func(s *summary) { s.PIDs = daemon.PIDFiles{Daemon: "1", VRRP: "2", Checkers: "3", BFD: "4"} })},
		{"config test", "-t", with(func(s *summary) { s.Action = actionConfigTest })},
		{"config test, attached file", "-t/tmp/x -f a", with(func(s *summary) { s.Action, s.TestFile, s.File = actionConfigTest, "/tmp/x", "a" })},
		{"config test, attached in a cluster", "-nt/tmp/x", with(func(s *summary) { s.Action, s.TestFile, s.Foreground = actionConfigTest, "/tmp/x", true })},
		{"config test, detached word is no file", "-t x", with(func(s *summary) { s.Action, s.Strays = actionConfigTest, "x" })},
		{"config test, long", "--config-test=/tmp/x", with(func(s *summary) { s.Action, s.TestFile = actionConfigTest, "/tmp/x" })},
		{"value that looks like an option", "-f -t", with(func(s *summary) { s.File = "-t" })},
		{"long value that looks like an option", "--use-file -t/x", with(func(s *summary) { s.File = "-t/x" })},
		{"unknown short", "-Z", with(func(s *summary) { s.Messages, s.Failed = "Unknown option -Z", true })},
		{"unknown long", "--nope", with(func(s *summary) { s.Messages, s.Failed = "Unknown option --nope", true })},
		{"missing value", "-f", with(func(s *summary) { s.Messages, s.Failed = "Missing parameter for option -f", true })},
		{"empty namespace", "--namespace=", with(func(s *summary) { s.Messages, s.Failed = "Missing parameter for option --namespace", true })},
		{"empty value", "--use-file=", with(func(s *summary) { s.File, s.Messages, s.Failed = "", "Missing parameter for option --use-file", true })},
		{"umask that is none goes on", "-u 01000 -n --umask x", with(func(s *summary) {
			s.Foreground, s.Messages = true, "Invalid --umask option 01000|Invalid --umask option x"
		})},
		{"bad facility goes on", "-S mail -n", with(func(s *summary) { s.Foreground, s.Messages = true, "Invalid log facility 'mail'" })},
		{"option without effect says so", "-x", with(func(s *summary) { s.Messages = "Option --snmp is accepted, not supported yet" })},
		{"audit", "--audit=repair", with(func(s *summary) { s.Repair = true })},
		{"audit, unknown", "--audit=never", with(func(s *summary) {
			s.Messages, s.Failed = `invalid argument "never" for "--audit" flag: --audit is keep or repair, not "never"`, true
		})},
		{"repair, unknown", "--repair=never", with(func(s *summary) {
			s.Messages, s.Failed = `invalid argument "never" for "--repair" flag: --repair is on, off or fault, not "never"`, true
		})},
		{"version", "-v", with(func(s *summary) { s.Action = actionVersion })},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, summarise(parse(t, tt.line))); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.line, diff)
			}
		})
	}
}

func TestSignumPrintsGlibcNumbers(t *testing.T) {
	for name, want := range map[string]string{"STOP": "15\n", "RELOAD": "1\n", "DATA": "10\n", "STATS": "12\n",
		"STATS_CLEAR": "63\n", "JSON": "36\n"} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"keepalived", "--signum=" + name}, &stdout, &stderr); code != 0 || stdout.String() != want {
			t.Errorf("%s: exit %d, stdout %q", name, code, stdout.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"keepalived", "--signum", "json"}, &stdout, &stderr); code != 1 || stderr.String() != "Unknown sigfunc json\n" {
		t.Errorf("unknown: exit %d, stderr %q", code, stderr.String())
	}
}

func TestVersionIsOnStderrAndParsesAsKeepalived(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"keepalived", "-v"}, &stdout, &stderr); code != 0 || stdout.Len() != 0 {
		t.Fatalf("exit %d, stdout %q", code, stdout.String())
	}
	lines := strings.Split(stderr.String(), "\n")
	words := strings.Fields(lines[0])
	if len(lines) < 2 || len(words) < 3 || words[0] != "Keepalived" || !strings.HasPrefix(words[1], "v") ||
		strings.Count(words[1], ".") != 2 {
		t.Errorf("first line %q", lines[0])
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"keepalived", "-h"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit %d", code)
	}
	for _, o := range []string{"-f, --use-file", "-n, --dont-fork", "-t, --config-test", "--metrics-listen", "-V, --dont-release-vrrp"} {
		if !strings.Contains(stderr.String(), o) {
			t.Errorf("usage lacks %q", o)
		}
	}
}

func TestBadOptionExitsOne(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"keepalived", "-Z"}, &stdout, &stderr); code != 1 || stderr.String() != "Unknown option -Z\n" {
		t.Errorf("exit %d, stderr %q", code, stderr.String())
	}
}

// TestGenhash: what follows -T or --genhash is genhash's, whose exit status counts.
func TestGenhash(t *testing.T) {
	const usage = "Usage: keepalived --genhash COMMAND"
	for _, tt := range []struct {
		args    []string
		status  int
		warning string
	}{
		{[]string{"-T", "-h"}, 1, ""},
		{[]string{"--genhash"}, 1, ""},
		{[]string{"--gen", "-s", "192.0.2.1"}, 1, ""},
		{[]string{"-n", "-T", "-h"}, 1, "Warning -- `-T` not used as first option, previous options ignored\n"},
		{[]string{"-nT", "-h"}, 1, "Warning -- `-T` not used as first option, previous options ignored\n"},
		{[]string{"-f", "-T", "--genhash"}, 1, "Warning -- `genhash` not used as first option, previous options ignored\n"},
	} {
		var out, errs bytes.Buffer
		status := run(append([]string{"keepalived"}, tt.args...), &out, &errs)
		if status != tt.status || !strings.HasPrefix(errs.String(), tt.warning+usage) || out.Len() > 0 {
			t.Errorf("%q: %d, %q, %q", tt.args, status, out.String(), errs.String())
		}
	}
	var errs bytes.Buffer
	if status := run([]string{"/usr/bin/genhash", "-h"}, &errs, &errs); status != 1 || !strings.HasPrefix(errs.String(), "Usage: genhash ") {
		t.Errorf("as genhash: %d, %q", status, errs.String())
	}
	for _, args := range [][]string{{"-f", "-T"}, {"-fT"}, {"--use-file", "-T"}, {"--", "-T"}, {"-n"}, nil} {
		if at, _ := genhashAt(args); at >= 0 {
			t.Errorf("%q is taken for genhash", args)
		}
	}
}

// TestUmaskOption: any base of C.
func TestUmaskOption(t *testing.T) {
	for line, want := range map[string]uint32{"-u 027": 0o27, "--umask=0x17": 0x17, "-u 23": 23, "-u 0": 0} {
		if c, err := parse(t, line); err != nil || c.options.Umask == nil || *c.options.Umask != want {
			t.Errorf("%s: %v, %v; want %#o", line, c.options.Umask, err, want)
		}
	}
	if c, _ := parse(t, "-u 08"); c.options.Umask != nil {
		t.Errorf("-u 08: %#o", *c.options.Umask)
	}
}

// TestStrayWordsAreOnlyToldOfByWhoGoesOn: keepalived exits as soon as it has printed what was asked for.
func TestStrayWordsAreOnlyToldOfByWhoGoesOn(t *testing.T) {
	for line, told := range map[string]bool{"--signum=DATA extra": false, "-v extra": false, "-h extra": false, "-t -f /nonexistent extra": true} {
		var out, err bytes.Buffer
		if code := run(append([]string{"keepalived"}, strings.Fields(line)...), &out, &err); code != 0 || strings.Contains(out.String(), "Unexpected argument(s): extra \n") != told {
			t.Errorf("%s: %d, %q, %q", line, code, out.String(), err.String())
		}
	}
}
