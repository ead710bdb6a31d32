package confparse

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"vigil/confparse/syntax"
)

// damage is one text with one mistake in it.
type damage struct {
	what string
	line int
	text string
}

// isPlain reports whether c is part of a word that is not quoted.
func isPlain(c byte) bool { return !syntax.IsBlank(c) && c != '{' && c != '}' && c != '"' }

// damages deletes and doubles every brace, quote and word of text, one at a time.
func damages(text string) []damage {
	var all []damage
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case syntax.IsBlank(c):
			i++
		case c == '#' || c == '!':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		default:
			j := i + 1
			if isPlain(c) {
				for j < len(text) && isPlain(text[j]) && text[j] != '#' && text[j] != '!' {
					j++
				}
			}
			w := text[i:j]
			all = append(all, damage{fmt.Sprintf("line %d without %q", line, w), line, text[:i] + text[j:]},
				damage{fmt.Sprintf("line %d with %q twice", line, w), line, text[:j] + " " + w + text[j:]})
			i = j
		}
	}
	return all
}

// maxDamages bounds how many of the damages of one text are tried. Those of a longer one are drawn with a fixed seed.
const maxDamages = 100

// measure returns how many damages of text lead to at most three more problems, the first of them near the damage.
func measure(t testing.TB, text string, verbose bool) (good, total int) {
	t.Helper()
	count := func(text string) (n, first int) {
		_, ds := load(t, text)
		for _, d := range ds {
			if d.Severity >= Warning {
				n++
				if first == 0 && d.Subject.Start.Line > 0 {
					first = int(d.Subject.Start.Line)
				}
			}
		}
		return n, first
	}
	base, _ := count(text)
	all := damages(text)
	if len(all) > maxDamages {
		r := rand.New(rand.NewPCG(1, 2))
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:maxDamages]
	}
	for _, d := range all {
		n, first := count(d.text)
		near := n == 0 || first >= d.line-3 && first <= d.line+3
		total++
		if n-base <= 3 && (base > 0 || near) {
			good++
		} else if verbose {
			t.Logf("%s: %d problems, the first at line %d", d.what, n, first)
		}
	}
	return good, total
}

const sound = `
global_defs {
    router_id LB
}
vrrp_script check {
    script "/bin/check now"
    interval 2
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    track_script {
        check
    }
    virtual_ipaddress {
        192.0.2.1/24 dev eth0
        192.0.2.2
    }
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    virtual_ipaddress {
        192.0.2.3
    }
}
virtual_server 192.0.2.1 80 {
    delay_loop 6
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.1 80 {
        weight 1
        HTTP_GET {
            url {
                path /
                status_code 200
            }
            connect_timeout 3
        }
    }
    real_server 10.0.0.2 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
`

// TestOneMistakeOneMessage damages a sound configuration in every single place.
func TestOneMistakeOneMessage(t *testing.T) {
	good, total := measure(t, sound, testing.Verbose())
	if good*100 < total*95 {
		t.Errorf("%d of %d mistakes are reported briefly and in their place", good, total)
	}
}

// corpusFiles is how many configurations TestOneMistakeOneMessageInCorpus damages.
const corpusFiles = 200

// TestOneMistakeOneMessageInCorpus does the same with the first real configurations that have no problem of their own,
// when VIGIL_CORPUS names a directory of them.
func TestOneMistakeOneMessageInCorpus(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS does not name a directory of configurations")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	used, good, total := 0, 0, 0
	for _, f := range files {
		if used == corpusFiles {
			break
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, ds := load(t, string(raw)); ds.Worst() >= Warning {
			continue // a mistake on top of others says nothing about one mistake
		}
		used++
		g, n := measure(t, string(raw), testing.Verbose())
		good, total = good+g, total+n
	}
	t.Logf("%d of %d mistakes in %d files (%.1f %%)", good, total, used, 100*float64(good)/float64(total))
	if good*100 < total*95 {
		t.Errorf("%d of %d mistakes are reported briefly and in their place", good, total)
	}
}
