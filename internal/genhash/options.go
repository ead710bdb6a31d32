package genhash

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/healthcheck"
)

// defaultTimeout is that of connect_timeout.
const defaultTimeout = 5 * time.Second

// options are what a command line asks for.
type options struct {
	page    healthcheck.Page
	sni     bool
	verbose bool
	help    bool
	url     bool // -u was given
}

// flag is an option of the command.
type flag struct {
	long  string
	short byte
	plain func(*options)               // without a value
	set   func(*options, string) error // with one
}

var flags = []flag{
	{long: "use-ssl", short: 'S', plain: func(o *options) { o.page.TLS = true }},
	{long: "use-sni", short: 'I', plain: func(o *options) { o.sni = true }},
	{long: "verbose", short: 'v', plain: func(o *options) { o.verbose = true }},
	{long: "help", short: 'h', plain: func(o *options) { o.help = true }},
	{long: "server", short: 's', set: func(o *options, s string) error {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("server should be an IP, not %s", s)
		}
		o.page.Target = netip.AddrPortFrom(a, o.page.Target.Port())
		return nil
	}},
	{long: "port", short: 'p', set: func(o *options, s string) error {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("invalid port number '%s'", s)
		}
		o.page.Target = netip.AddrPortFrom(o.page.Target.Addr(), uint16(n))
		return nil
	}},
	{long: "url", short: 'u', set: func(o *options, s string) error { o.page.Path, o.url = s, true; return nil }},
	{long: "use-virtualhost", short: 'V', set: func(o *options, s string) error { o.page.Host = s; return nil }},
	{long: "fwmark", short: 'm', set: func(o *options, s string) error {
		n, err := strconv.ParseUint(s, 0, 32)
		if err != nil {
			return fmt.Errorf("invalid fwmark '%s'", s)
		}
		o.page.Fwmark = uint32(n)
		return nil
	}},
	{long: "protocol", short: 'P', set: func(o *options, s string) error {
		p, ok := map[string]confparse.HTTPProtocol{"1.0": confparse.HTTP10, "1.0c": confparse.HTTP10C, "1.0C": confparse.HTTP10C,
			"1.1": confparse.HTTP11}[s]
		if !ok {
			return fmt.Errorf("invalid HTTP protocol version '%s'", s)
		}
		o.page.Protocol = p
		return nil
	}},
	{long: "timeout", short: 't', set: func(o *options, s string) error {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return fmt.Errorf("invalid timeout '%s'", s)
		}
		o.page.Timeout = time.Duration(n) * time.Second
		return nil
	}},
}

// spoken is an error in the words of keepalived's genhash.
type spoken string

// Error implements error.
func (s spoken) Error() string { return string(s) }

// errUsage asks for the usage without a word about what is wrong.
var errUsage = errors.New("")

// parse reads a command line as getopt_long(3) does: options and words in any order, clusters of short options, long
// names abbreviated when only one begins so.
func parse(args []string) (options, error) {
	o := options{page: healthcheck.Page{Timeout: defaultTimeout}}
	var strays []string
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		var err error
		switch {
		case word == "--":
			strays, args = append(strays, args...), nil
		case strings.HasPrefix(word, "--"):
			args, err = o.long(word[2:], args)
		case len(word) > 1 && word[0] == '-':
			args, err = o.cluster(word[1:], args)
		default:
			strays = append(strays, word)
		}
		if err != nil {
			return o, err
		}
	}
	switch {
	case o.help:
		return o, errUsage
	case len(strays) > 0:
		return o, spoken("Unexpected argument(s): " + strings.Join(strays, " "))
	case !o.page.Target.Addr().IsValid() || o.page.Target.Port() == 0 || !o.url:
		return o, errUsage
	}
	if o.sni && o.page.TLS {
		o.page.ServerName = o.page.Host
	}
	return o, nil
}

// long reads a long option, and its value from args unless it is attached.
func (o *options) long(word string, args []string) ([]string, error) {
	name, value, attached := strings.Cut(word, "=")
	var found *flag
	for i, f := range flags {
		switch {
		case f.long == name:
			return o.apply(&flags[i], word, value, attached, args)
		case !strings.HasPrefix(f.long, name):
		case found != nil:
			return nil, unknownOption(word)
		default:
			found = &flags[i]
		}
	}
	if found == nil {
		return nil, errUsage
	}
	return o.apply(found, word, value, attached, args)
}

// cluster reads short options, of which the last may have a value.
func (o *options) cluster(letters string, args []string) ([]string, error) {
	for i := range len(letters) {
		var found *flag
		for k := range flags {
			if flags[k].short == letters[i] {
				found = &flags[k]
			}
		}
		switch {
		case found == nil:
			return nil, errUsage
		case found.set != nil:
			return o.apply(found, letters, letters[i+1:], i+1 < len(letters), args)
		}
		found.plain(o)
	}
	return args, nil
}

// unknownOption is the error of a long option that begins several, or has a value and takes none.
func unknownOption(word string) error { return spoken("Unknown option --" + word) }

func (o *options) apply(f *flag, word, value string, attached bool, args []string) ([]string, error) {
	switch {
	case f.set == nil && attached:
		return nil, unknownOption(word)
	case f.set == nil:
		f.plain(o)
		return args, nil
	case !attached && len(args) == 0:
		return nil, errUsage
	case !attached:
		value, args = args[0], args[1:]
	}
	return args, f.set(o, value)
}
