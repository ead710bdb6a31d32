package confparse

import (
	"errors"
	"fmt"
	"strings"

	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// Account is who a program is run as.
type Account struct {
	User          string // "" = the default account
	Group         string // "" = the user's primary group
	Supplementary bool   // a group written as :GROUP, or : alone, keeps the user's supplementary groups
}

// Script is a program to run. A zero Script (no Argv) means that there is none.
type Script struct {
	Range   Range
	Argv    []string
	File    string // that is executed, its symbolic links resolved when it was read (unless use_symlink_paths); "" = Argv[0]
	Account Account
	RunAs   Identity // settled from Account, where the System knows the accounts
}

// Identity is the account of a program, resolved: its own, script_user, the user keepalived_script, or root.
type Identity struct {
	UID, GID      uint32
	Supplementary bool // with the user's further groups
}

// splitWords cuts a statement as keepalived does for programs: words end at blanks, both kinds of quotes group and
// adjacent quoted parts join, and backslash pairs are kept for the second cut. ok is false when a quote stays open.
func splitWords(s string) (words []string, ok bool) {
	var b strings.Builder
	started := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' || c == '\'':
			started = true
			end := closingQuote(s, i)
			if end < 0 {
				return words, false
			}
			b.WriteString(s[i+1 : end])
			i = end
		case c == '\\' && i+1 < len(s):
			started = true
			b.WriteString(s[i : i+2])
			i++
		case syntax.IsBlank(c):
			if started {
				words = append(words, b.String())
				b.Reset()
				started = false
			}
		default:
			started = true
			b.WriteByte(c)
		}
	}
	if started {
		words = append(words, b.String())
	}
	return words, true
}

// closingQuote returns the quote that ends the one at s[i]. A backslash protects the byte behind it in double quotes.
func closingQuote(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] == '\\' && s[i] == '"' && j+1 < len(s) {
			j++
			continue
		}
		if s[j] == s[i] {
			return j
		}
	}
	return -1
}

// simpleEscapes are the one-letter escapes of a command line.
var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'E': 0x1b, 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// splitCommand cuts a command line into its arguments. No shell is involved: quotes group, and within both kinds as outside
// \a \b \E \f \n \r \t \v, \NNN, \xXX and \cC give control characters, and a backslash before anything else gives that
// character.
func splitCommand(s string) (argv []string, ok bool) {
	var b strings.Builder
	started := false
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			started = true
			var out byte
			out, i = unescape(s, i+1)
			b.WriteByte(out)
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, started = c, true
		case quote == 0 && syntax.IsBlank(c):
			if started {
				argv = append(argv, b.String())
				b.Reset()
				started = false
			}
		default:
			started = true
			b.WriteByte(c)
		}
	}
	if started {
		argv = append(argv, b.String())
	}
	return argv, quote == 0
}

// unescape reads the escape whose letter is s[i] and returns its byte and the index of its last one.
func unescape(s string, i int) (byte, int) {
	c := s[i]
	if e, ok := simpleEscapes[c]; ok {
		return e, i
	}
	switch {
	case c >= '0' && c <= '7':
		v, j := 0, i
		for ; j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7'; j++ {
			v = v*8 + int(s[j]-'0')
		}
		return byte(v), j - 1
	case c == 'x':
		v, j := 0, i+1
		for ; j < len(s) && j < i+3; j++ {
			h := hexDigit(s[j])
			if h < 0 {
				break
			}
			v = v*16 + h
		}
		if j > i+1 {
			return byte(v), j - 1
		}
	case c == 'c' && i+1 < len(s):
		return s[i+1] & 0x1f, i + 1
	}
	return c, i
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// scriptWords returns the words of a program statement without its keyword.
func (d *decoder) scriptWords(n *Node) []string {
	words, ok := splitWords(n.Text())
	if !ok {
		d.about(n, diag.CodeScriptQuotes, fmt.Sprintf("%s: a quote is not closed", n.Keyword.Text), "the program is dropped")
		return nil
	}
	if len(words) > 0 {
		words = words[1:]
	}
	return words
}

// script decodes "COMMAND [USER [[:]GROUP]]".
func (d *decoder) script(n *Node, accountWords bool) (Script, bool) {
	return d.scriptOf(n, d.scriptWords(n), accountWords)
}

// scriptOf is script for the words of a statement.
func (d *decoder) scriptOf(n *Node, words []string, accountWords bool) (Script, bool) {
	if len(words) == 0 {
		if len(n.Args) == 0 {
			d.missing(n, !accountWords)
		}
		return Script{}, false
	}
	argv, ok := splitCommand(words[0])
	if !ok || len(argv) == 0 {
		d.about(n, diag.CodeScriptQuotes, fmt.Sprintf("%s: the quotes of '%s' do not match", n.Keyword.Text, words[0]),
			"the program is dropped")
		return Script{}, false
	}
	s := Script{Range: n.Range(), Argv: argv}
	for i := range argv {
		argv[i] = d.intern(argv[i])
	}
	if accountWords && len(words) > 1 {
		s.Account = d.account(words[1:])
	}
	return s, true
}

// account reads "USER [[:]GROUP]".
func (d *decoder) account(words []string) Account {
	a := Account{User: d.intern(words[0])}
	if len(words) > 1 {
		group, extra := strings.CutPrefix(words[1], ":")
		a.Group, a.Supplementary = d.intern(group), extra
	}
	return a
}

// notifyScript decodes a script of a block that may be given once.
func (d *decoder) notifyScript(n *Node, owner string, to *Script) {
	d.notifyScriptOf(n, d.scriptWords(n), owner, to)
}

// notifyScriptOf is notifyScript for the words of a statement.
func (d *decoder) notifyScriptOf(n *Node, words []string, owner string, to *Script) {
	s, ok := d.scriptOf(n, words, true)
	if !ok {
		return
	}
	if to.Range.File != "" {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("(%s) %s script already specified - ignoring %s", owner, n.Keyword.Text,
			strings.Join(s.Argv, " ")), "", Place{Range: to.Range, Note: "first given here"})
		return
	}
	to.Range = s.Range // the first counts even when it cannot be run
	if d.usable(n, &s) {
		*to = s
	}
}

// notifyScriptRef is notifyScript for the places that keep a pointer, since most have none.
func (d *decoder) notifyScriptRef(n *Node, owner string, to **Script) {
	var s Script
	if *to != nil {
		s = **to
	}
	d.notifyScript(n, owner, &s)
	if *to == nil && s.Range.File != "" {
		*to = &s
	}
}

// usable checks the account and the file of a program, as far as the System can tell. It returns false when the
// program must be left out.
func (d *decoder) usable(n *Node, s *Script) bool {
	sys := d.env.System
	if sys.Account == nil {
		return true
	}
	uid, gid, err := d.accountIDs(s)
	if err == errNoDefaultUser && !d.noAccount && !d.noDefaultUser {
		d.noDefaultUser = true // keepalived says so once
		d.about(n, diag.CodeNoAccount, "Unable to set default user keepalived_script for script", err.Error())
		return false
	}
	if w := n.Keyword.Text; err != nil && (w == "startup_script" || w == "shutdown_script") {
		d.about(n, diag.CodeNoAccount, fmt.Sprintf("Invalid %s script", strings.TrimSuffix(w, "_script")), err.Error())
		return false
	}
	if err != nil {
		d.about(n, diag.CodeNotifyMissing, fmt.Sprintf("Unable to set default user for script %s - removing", s.Argv[0]),
			err.Error())
		return false
	}
	if sys.Program == nil {
		return true
	}
	switch state := d.program(s, uid, gid); state {
	case programNone:
		return true
	case ProgramMissing:
		d.about(n, diag.CodeNotifyMissing, fmt.Sprintf("Script %s cannot be accessed", s.Argv[0]), "it will not be run")
		return false
	case ProgramNotExecutable:
		d.about(n, diag.CodeNotifyMissing, fmt.Sprintf(
			"WARNING - script '%s' is not executable for uid:gid %d:%d - disabling.", s.Argv[0], uid, gid), "")
		return false
	case ProgramInsecure:
		d.insecure = true
		if d.cfg.Global.Daemon.ScriptSecurity && uid == 0 {
			d.about(n, diag.CodeScriptInsecure, fmt.Sprintf("Unsafe permissions found for script '%s' - disabling.", s.Argv[0]),
				"somebody who is not root could change what is run as root")
			return false
		}
	}
	d.scripts = append(d.scripts, n)
	return true
}

// programNone is the state of a "</path": only a redirection, nothing is run.
const programNone ProgramState = 0xff

func (d *decoder) program(s *Script, uid, gid uint32) ProgramState {
	if strings.HasPrefix(s.Argv[0], "<") {
		return programNone
	}
	state := d.env.System.Program(s.Argv[0], uid, gid)
	if real := d.env.System.RealPath; real != nil && !d.cfg.Global.Daemon.UseSymlinkPaths && state != ProgramMissing {
		if s.File = real(s.Argv[0]); s.File == s.Argv[0] {
			s.File = ""
		}
	}
	return state
}

var errNoDefaultUser = errors.New("create the user keepalived_script, or write script_user")

// accountIDs resolves who a program is run as: its own account, script_user, the user keepalived_script, root.
func (d *decoder) accountIDs(s *Script) (uid, gid uint32, err error) {
	a := s.Account
	if a.User == "" {
		a = d.cfg.Global.Daemon.ScriptAccount
	}
	defer func() {
		if err == nil {
			s.RunAs = Identity{uid, gid, a.Supplementary || d.cfg.Global.Daemon.SupplementaryGroups}
		}
	}()
	if a.User != "" {
		return d.env.System.Account(a.User, a.Group)
	}
	uid, gid, err = d.env.System.Account("keepalived_script", "")
	switch {
	case err == nil:
		return uid, gid, nil
	case d.noAccount || d.cfg.Global.Daemon.ScriptSecurity && !d.asRoot:
		return 0, 0, errNoDefaultUser
	}
	d.asRoot = true
	return 0, 0, nil
}
