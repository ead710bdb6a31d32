package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/debian"
	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// proxies are the programs of examples/proxy-pair: how each is started in the foreground, with a configuration and a directory.
var proxies = map[string]struct {
	config string
	argv   func(program, config, dir string) []string
}{
	"haproxy": {"haproxy.cfg", func(program, config, _ string) []string { return []string{program, "-db", "-f", config} }},
	"nginx": {"nginx.conf", func(program, config, dir string) []string {
		return []string{program, "-p", dir, "-e", "stderr", "-c", config, "-g", "daemon off;"}
	}},
}

func TestHAProxyPair(t *testing.T) { proxyPair(t, "haproxy") }

func TestNginxPair(t *testing.T) { proxyPair(t, "nginx") }

// proxyPair runs an example as it is, but for the places of its files: the pair serves from both servers, and from the other proxy
// when the one with the address ends. The address comes back with it.
func proxyPair(t *testing.T, name string) {
	onHost(t)
	bin, err := debian.Balancers(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	j := judge{t, true}
	p := newPair(j, [2]labkit.Program{program(t, "vigil"), program(t, "vigil")}, labkit.DR)
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join("../examples/proxy-pair", file))
		j.must(err)
		return string(text)
	}
	proxy := proxies[name]
	start := make([]func() *testlan.Process, len(p.Directors))
	running := make([]*testlan.Process, len(p.Directors))
	for i, d := range p.Directors {
		dir := filepath.Join(p.Lab.Dir(), d.Host.Name+"-"+name)
		j.must(os.MkdirAll(dir, 0o755))
		pidFile, config := filepath.Join(dir, name+".pid"), filepath.Join(dir, proxy.config)
		here := strings.NewReplacer("/run/"+name+".pid", pidFile, "user www-data;", "user root;", "http {\n", "http {\n"+scratch(dir))
		j.must(os.WriteFile(config, []byte(here.Replace(read(proxy.config))), 0o644))
		start[i] = func() *testlan.Process {
			process, err := d.Host.Start(name, nil, proxy.argv(filepath.Join(bin, name), config, dir)...)
			j.must(err)
			return process
		}
		running[i] = start[i]()
		text := read("keepalived.conf")
		if i == 1 {
			text = strings.NewReplacer("state MASTER", "state BACKUP", "priority 100", "priority 50").Replace(text)
		}
		j.must(d.Configure(text))
		j.must(d.Start())
	}
	serves := func(holder int) {
		t.Helper()
		if err := p.WaitHolder(wait(j), holder); err != nil {
			t.Fatal(err, p.Directors[0].Running(), p.Directors[1].Running(), running[0].Log.Tail(20), running[1].Log.Tail(20))
		}
		got := map[string]int{}
		for _, r := range ask(j, p, labkit.ClientSources()[0], labkit.HTTP, 10) {
			got[r]++
		}
		if diff := cmp.Diff(map[string]int{"rs1": 5, "rs2": 5}, got); diff != "" {
			t.Errorf("with the address on d%d (-want +got):\n%s%s", holder+1, diff, running[holder].Log.Tail(20))
		}
	}
	serves(0)
	running[0].Kill()
	serves(1)
	running[0] = start[0]()
	serves(0)
}

// scratch are nginx's directories, which its package has below /var/lib.
func scratch(dir string) string {
	var b strings.Builder
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		b.WriteString("    " + what + "_temp_path " + dir + ";\n")
	}
	return b.String()
}
