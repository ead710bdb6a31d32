package daemon

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/internal/members"
	"vigil/ipvs"
)

// nameServer answers with addresses of IPv4, which hold for 30 s.
type nameServer struct {
	mu    sync.Mutex
	names map[string][]string
	fails error
}

func (s *nameServer) set(name string, addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = make(map[string][]string)
	}
	s.names[name] = addresses
}

func (s *nameServer) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

func (s *nameServer) exchange(_ context.Context, _ netip.AddrPort, _ bool, query []byte, _ func([]byte) bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m dnsmessage.Message
	if err := errors.Join(s.fails, m.Unpack(query)); err != nil {
		return nil, err
	}
	m.Response = true
	q := m.Questions[0]
	for _, a := range s.names[strings.TrimSuffix(q.Name.String(), ".")] {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 30},
			Body: &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()}})
	}
	return m.Pack()
}

// handTouched is members.Files by hand.
type handTouched struct {
	mu      sync.Mutex
	touched map[string]func()
}

func (f *handTouched) Watch(path string, touched func()) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.touched == nil {
		f.touched = make(map[string]func())
	}
	f.touched[path] = touched
	return func() {}
}

func (f *handTouched) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// put moves a complete file into the place of one.
func (f *handTouched) put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o644), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if touched := f.touched[path]; touched != nil {
		touched()
	}
}

// sourced is where the members of a test come from.
type sourced struct {
	t     *testing.T
	dir   string
	dns   nameServer
	files handTouched
}

func newSourced(t *testing.T) *sourced {
	s := &sourced{t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "resolv.conf"), []byte("nameserver 192.0.2.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sourced) edit(o *Options) {
	o.Members = members.Options{Exchange: s.dns.exchange, Configuration: filepath.Join(s.dir, "resolv.conf"), Files: &s.files}
}

// servers are the destinations in the kernel's table, with their weights.
func (i *instance) servers() string {
	synctest.Wait()
	var list []string
	for _, s := range i.kernel.Table() {
		for at, d := range s.Dests {
			list = append(list, fmt.Sprintf("%s*%d", at, d.Weight))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func (i *instance) serves(what, want string) {
	i.t.Helper()
	if got := i.servers(); got != want {
		i.t.Errorf("%s: %s, want %s\n%s", what, got, want, i.log)
	}
}

// sourcedService is a virtual server with more statements.
func sourcedService(statements string) string {
	return "virtual_server 203.0.113.1 80 {\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n" + statements + "}\n"
}

func line(address string) string { return fmt.Sprintf("{\"address\":%q}\n", address) }

// TestMembersComeAndGo: as servers that are written would by reloads; nothing of the configuration is read for it, no reload takes them away,
// and one that is asked for uses those of now.
func TestMembersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		s.dns.set("web", "198.51.100.1")
		path := filepath.Join(s.dir, "m")
		s.files.put(t, path, line("198.51.100.7"))
		config := sourcedService("  real_servers_from dns:web {\n    weight 3\n  }\n  real_servers_from "+path+" {\n  }\n  real_server 198.51.100.9 80 {\n  }\n") + oneService
		i := begin(t, config, s.edit)
		others := " 198.51.100.2:8080*1 "
		i.serves("at the start", "198.51.100.1:80*3 198.51.100.1:8080*1"+others+"198.51.100.7:80*1 198.51.100.9:80*1")

		s.dns.set("web", "198.51.100.1", "198.51.100.3", "198.51.100.9")
		i.kernel.TakeLog()
		time.Sleep(30 * time.Second)
		i.serves("a name has more addresses", "198.51.100.1:80*3 198.51.100.1:8080*1"+others+"198.51.100.3:80*3 198.51.100.7:80*1 198.51.100.9:80*1")
		if ops := i.kernel.TakeLog(); len(ops) != 1 || ops[0].Op.Kind != ipvs.AddDest {
			t.Errorf("operations %v", ops)
		}
		if !strings.Contains(i.log.String(), "Virtual server [203.0.113.1]:tcp:80, members of dns:web: 1 came, 0 went, 0 changed their weight; now there are 2") {
			t.Error(i.log)
		}
		i.write(strings.ReplaceAll(config, "lb_algo rr", "lb_algo wrr")) // not asked for
		s.files.put(t, path, line("198.51.100.8"))
		time.Sleep(membersPause)
		i.serves("a file has another", "198.51.100.1:80*3 198.51.100.1:8080*1"+others+"198.51.100.3:80*3 198.51.100.8:80*1 198.51.100.9:80*1")
		for _, ops := range i.kernel.TakeLog() {
			if ops.Op.Kind == ipvs.SetService {
				t.Errorf("what was edited is in force: %v", ops)
			}
		}
		reply, _ := i.reloadAgain()
		reply.want(t, "what was edited", reloadApplied)
		i.serves("after it", "198.51.100.1:80*3 198.51.100.1:8080*1"+others+"198.51.100.3:80*3 198.51.100.8:80*1 198.51.100.9:80*1")
		reply, ops := i.reloadAgain()
		reply.want(t, "the same file", reloadUnchanged)
		if len(ops) > 0 {
			t.Errorf("operations %v", ops)
		}
		reply, _ = i.reload(strings.Replace(config, "  real_servers_from dns:web {\n    weight 3\n  }\n", "", 1))
		reply.want(t, "without the name", reloadApplied)
		i.serves("after it", "198.51.100.1:8080*1"+others+"198.51.100.8:80*1 198.51.100.9:80*1")
		reply, _ = i.reload(config)
		reply.want(t, "with it", reloadApplied)
		i.serves("again", "198.51.100.1:80*3 198.51.100.1:8080*1"+others+"198.51.100.3:80*3 198.51.100.8:80*1 198.51.100.9:80*1")
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestReloadWithANewNameLeavesNoGap: the servers that were written stay until it is known who the name has, or for a limited time.
func TestReloadWithANewNameLeavesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		s.dns.set("web", "198.51.100.1", "198.51.100.2")
		i := begin(t, sourcedService("  real_server 198.51.100.1 80 {\n  }\n"), s.edit)
		reply, ops := i.reload(sourcedService("  real_servers_from dns:web {\n  }\n"))
		reply.want(t, "from DNS", reloadApplied)
		if len(ops) != 1 || ops[0].Op.Kind != ipvs.AddDest {
			t.Errorf("operations %v", ops)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestReloadAndMembersTakeTurns: what changes while the other is under way is not lost.
func TestReloadAndMembersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		path := filepath.Join(s.dir, "m")
		s.files.put(t, path, line("198.51.100.1"))
		config := func(algorithm string) *fstest.MapFile {
			return &fstest.MapFile{Data: []byte(strings.Replace(sourcedService("  real_servers_from "+path+" {\n  }\n"), "lb_algo rr", "lb_algo "+algorithm, 1))}
		}
		files := fstest.MapFS{"k.conf": config("rr")}
		g := &gate{FS: files, open: make(chan struct{})}
		close(g.open)
		i := begin(t, "", func(o *Options) {
			s.edit(o)
			o.ConfigFile, o.Files = "k.conf", g
		})
		i.serves("at the start", "198.51.100.1:80*1")
		g.open = make(chan struct{})
		asked := i.ask(CommandReload)
		synctest.Wait() // it waits for the file
		s.files.put(t, path, line("198.51.100.2"))
		i.serves("while a reload is under way", "198.51.100.1:80*1")
		files["k.conf"] = config("wrr")
		close(g.open)
		(<-asked).want(t, "the reload", reloadApplied)
		i.serves("after it", "198.51.100.2:80*1")

		g.open = make(chan struct{})
		asked = i.ask(CommandReload)
		synctest.Wait()
		s.files.put(t, path, line("198.51.100.3"))
		synctest.Wait()
		close(g.open)
		(<-asked).want(t, "a reload of the same", reloadUnchanged)
		time.Sleep(membersPause)
		i.serves("after that", "198.51.100.3:80*1")
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestRequestsWaitForMembers: a reload that is asked for while members are taken comes after, and so does what changes until it is over.
func TestRequestsWaitForMembers(t *testing.T) {
	files := fstest.MapFS{"k.conf": {Data: []byte(oneService), Mode: 0o644}}
	d := newDaemon(Options{ConfigFile: "k.conf", Files: files, Checkers: true, Logger: nothingLogged})
	first, err := load(d.opts, loaded{}, nothingLogged)
	if err != nil {
		t.Fatal(err)
	}
	d.running = first
	d.reloading = &reload{revises: true, cancel: func() {}}
	reply := make(chan Reply, 1)
	d.beginReload(t.Context(), Request{Command: CommandReload, Reply: reply})
	d.revisionDue(t.Context())
	if !d.stale || !d.reloading.revises || len(reply) > 0 {
		t.Fatal("something was begun beside it")
	}
	if err := d.endReload(t.Context(), outcome{next: first}); err != nil || d.reloading == nil || d.reloading.revises || !d.stale {
		t.Fatalf("the reload has not begun: %v", err)
	}
	if err := d.endReload(t.Context(), <-d.reloadOutcome()); err != nil || d.stale {
		t.Errorf("what has changed meanwhile is not taken: %v", err)
	}
	(<-reply).want(t, "the reload", reloadUnchanged)
}

// authority is a certificate of an authority, in PEM.
func authority(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, one, one, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestMembersThatCannotBeHad: a part that cannot be prepared leaves everything as it is; a request waits for that, and it is tried again.
func TestMembersThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		path, certificate := filepath.Join(s.dir, "m"), filepath.Join(s.dir, "ca.pem")
		s.files.put(t, path, line("198.51.100.1"))
		s.files.put(t, certificate, authority(t))
		i := begin(t, "SSL {\n  ca "+certificate+"\n}\n"+sourcedService("  real_servers_from "+path+" {\n  }\n"), s.edit)
		i.serves("at the start", "198.51.100.1:80*1")
		if err := os.Remove(certificate); err != nil {
			t.Fatal(err)
		}
		s.files.put(t, path, line("198.51.100.2"))
		i.serves("without the certificate", "198.51.100.1:80*1")
		if text := i.log.String(); !strings.Contains(text, "The members of virtual servers, and what is drained, stay as they were for now") || !strings.Contains(text, certificate) {
			t.Error(text)
		}
		s.files.put(t, certificate, authority(t))
		time.Sleep(reviseAgainAfter)
		i.serves("with it", "198.51.100.2:80*1")
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestMembersOverARestart: those of the run before serve while DNS does not answer, and a virtual server that never had any has its sorry
// server, and its quorum as it is written.
func TestMembersOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		s.dns.set("web", "198.51.100.1", "198.51.100.2")
		config := sourcedService("  quorum 2\n  sorry_server 198.51.100.99 80\n  real_servers_from dns:web {\n  }\n")
		pid := filepath.Join(s.dir, "keepalived.pid")
		again := func() *instance {
			return begin(t, config, func(o *Options) {
				s.edit(o)
				o.PIDFiles.Daemon = pid
			})
		}
		s.dns.fail(errors.New("connection refused"))
		i := again()
		i.serves("nobody knows", "198.51.100.99:80*1")
		if err := i.end(); err != nil {
			t.Error(err)
		}
		st := i.status().Members
		if st == nil || len(st.Sources) != 1 || st.Sources[0].Failing == nil || st.Sources[0].Members != 0 || !st.Sources[0].Since.IsZero() {
			t.Errorf("%+v", st)
		}
		if text := i.log.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "real_servers_from dns:web: there are no members") {
			t.Error(text)
		}
		s.dns.fail(nil)
		i = again()
		i.serves("it answers", "198.51.100.1:80*1 198.51.100.2:80*1")
		s.dns.set("web", "198.51.100.1")
		time.Sleep(30 * time.Second)
		i.serves("the quorum is lost", "198.51.100.99:80*1")
		s.dns.set("web", "198.51.100.1", "198.51.100.3")
		time.Sleep(30 * time.Second)
		i.serves("it is back", "198.51.100.1:80*1 198.51.100.3:80*1")
		if err := i.end(); err != nil {
			t.Error(err)
		}
		s.dns.fail(errors.New("connection refused"))
		i = again()
		i.serves("it does not answer any more", "198.51.100.1:80*1 198.51.100.3:80*1")
		st = i.status().Members
		if len(st.Sources) != 1 || !st.Sources[0].Remembered || st.Sources[0].Members != 2 || st.Sources[0].Since.IsZero() || st.Sources[0].Failing == nil ||
			st.Sources[0].Failing.Error != "web: 192.0.2.53: connection refused" {
			t.Errorf("%+v", st)
		}
		got := make(map[string]float64)
		all, err := i.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if strings.HasPrefix(f.GetName(), "keepalived_members") {
				for _, m := range f.Metric {
					got[fmt.Sprintf("%s %s %s", f.GetName(), m.Label[0].GetValue(), m.Label[1].GetValue())] = m.Gauge.GetValue()
				}
			}
		}
		if len(got) != 2 || got["keepalived_members dns:web [203.0.113.1]:tcp:80"] != 2 || got["keepalived_members_source_failing dns:web [203.0.113.1]:tcp:80"] != 1 {
			t.Errorf("%v", got)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestSourceOfSeveralVirtualServers: each has its own members of one source, those of its family, and is told of by itself. A weight that changes
// is a change.
func TestSourceOfSeveralVirtualServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		path := filepath.Join(s.dir, "m")
		s.files.put(t, path, line("198.51.100.1")+line("2001:db8::1"))
		one := sourcedService("  real_servers_from " + path + " {\n  }\n")
		i := begin(t, one+strings.Replace(one, "203.0.113.1", "203.0.113.2", 1)+strings.Replace(one, "203.0.113.1", "2001:db8::99", 1), s.edit)
		i.serves("at the start", "198.51.100.1:80*1 198.51.100.1:80*1 [2001:db8::1]:80*1")
		s.files.put(t, path, strings.Replace(line("198.51.100.1"), "}", `,"weight":7}`, 1)+line("2001:db8::2"))
		i.serves("after", "198.51.100.1:80*7 198.51.100.1:80*7 [2001:db8::2]:80*1")
		for _, told := range []string{"[203.0.113.2]:tcp:80, members of " + path + ": 0 came, 0 went, 1 changed their weight; now there are 1",
			"[2001:db8::99]:tcp:80, members of " + path + ": 1 came, 1 went, 0 changed their weight; now there are 1"} {
			if !strings.Contains(i.log.String(), told) {
				t.Errorf("%s is not told:\n%s", told, i.log)
			}
		}
		st := i.status().Members.Sources
		if len(st) != 3 || st[0].Members != 1 || st[0].Listed != 2 || st[2].VirtualServer != "[2001:db8::99]:tcp:80" || st[2].Failing != nil {
			t.Errorf("%+v", st)
		}
		s.files.put(t, path, "{")
		i.serves("a mistake", "198.51.100.1:80*7 198.51.100.1:80*7 [2001:db8::2]:80*1")
		if st := i.status().Members.Sources; st[1].Failing == nil || !strings.HasPrefix(st[1].Failing.Error, path+":1: ") {
			t.Errorf("%+v", st)
		}
		reply, _ := i.reload("virtual_server {\n" + one) // refused
		reply.want(t, "a broken configuration", reloadRefused)
		s.files.put(t, path, "")
		time.Sleep(membersPause)
		i.serves("a list without members", "")
		if n := len(i.kernel.Table()); n != 3 {
			t.Errorf("%d services without servers, want 3", n)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestMembersThatLeaveMayDrain: as a server that a reload takes out.
func TestMembersThatLeaveMayDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		path := filepath.Join(s.dir, "m")
		s.files.put(t, path, line("198.51.100.1")+line("198.51.100.2"))
		i := begin(t, sourcedService("  drain_on_remove 60\n  real_servers_from "+path+" {\n  }\n"), s.edit)
		i.kernel.SetConnections(func(ipvs.ServiceKey, ipvs.DestKey) uint32 { return 1 })
		s.files.put(t, path, line("198.51.100.1"))
		i.serves("with a connection", "198.51.100.1:80*1 198.51.100.2:80*0")
		time.Sleep(61 * time.Second)
		i.serves("when the time is over", "198.51.100.1:80*1")
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestMembersWithoutCheckers: a daemon that has no virtual servers asks nobody.
func TestMembersWithoutCheckers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSourced(t)
		s.dns.fail(errors.New("asked"))
		i := begin(t, sourcedService("  real_servers_from dns:web {\n  }\n"), func(o *Options) {
			s.edit(o)
			o.Checkers = false
		})
		time.Sleep(time.Minute)
		if strings.Contains(i.log.String(), "asked") {
			t.Error(i.log)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestConfigTestReadsFilesOfMembers: what is wrong with one is told, and is no mistake of the configuration; DNS is not asked.
func TestConfigTestReadsFilesOfMembers(t *testing.T) {
	dir := t.TempDir()
	path, conf := filepath.Join(dir, "m"), filepath.Join(dir, "k.conf")
	for _, tt := range []struct{ text, prints string }{
		{line("198.51.100.1"), ""},
		{line("198.51.100.1") + "{", "KA3052"},
		{"gone", "KA3052"},
	} {
		err := errors.Join(os.WriteFile(path, []byte(tt.text), 0o644),
			os.WriteFile(conf, []byte(sourcedService("  real_servers_from "+path+" {\n  }\n  real_servers_from dns:web.invalid {\n  }\n")), 0o644))
		if tt.text == "gone" {
			err = errors.Join(err, os.Remove(path))
		}
		if err != nil {
			t.Fatal(err)
		}
		o := DefaultOptions()
		o.ConfigFile = conf
		var stderr bytes.Buffer
		if status := ConfigTest(o, "", &stderr); status != 0 || !strings.Contains(stderr.String(), tt.prints) || (tt.prints == "") != (stderr.Len() == 0) {
			t.Errorf("%q: status %d, %s", tt.text, status, &stderr)
		}
	}
}

// TestMembersLeadWhereAFreshStartLeads: whatever members there were before, and whatever the rest of the configuration is, the desired state is
// that of a start with those of now.
func TestMembersLeadWhereAFreshStartLeads(t *testing.T) {
	text := "global_defs {\n  nftables_ipvs\n}\nvirtual_server_group G {\n  203.0.113.9 80\n  203.0.113.10 80\n}\n" +
		oneService + sourcedService("  real_servers_from /a {\n    TCP_CHECK {\n    }\n  }\n  real_servers_from /b {\n  }\n") +
		"virtual_server group G {\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n  real_server 198.51.100.1 80 {\n  }\n}\n" +
		strings.Replace(sourcedService("  real_servers_from /a {\n    lvs_method TUN\n  }\n  real_server 198.51.100.1 80 {\n  }\n"), "203.0.113.1 80", "group G", 1)
	text = strings.Replace(text, "virtual_server group G {", "virtual_server_group H {\n  203.0.113.11 80\n}\nvirtual_server group H {", 1)
	cfg, diags := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", confparse.Env{Hostname: "host"})
	if diags.HasErrors() || len(cfg.VirtualServers) != 4 {
		t.Fatalf("%v, %d virtual servers", diags, len(cfg.VirtualServers))
	}
	kept := cfg.Sourced()
	rapid.Check(t, func(rt *rapid.T) {
		running := NewDesired(cfg)
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			lists := make(memberLists)
			for _, path := range []string{"/a", "/b"} {
				for k := range rapid.IntRange(0, 4).Draw(rt, path) {
					m := confparse.Member{Addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(k + rapid.IntRange(0, 1).Draw(rt, "from")*2)})}
					if !slices.Contains(lists[confparse.Source{File: path}], m) {
						lists[confparse.Source{File: path}] = append(lists[confparse.Source{File: path}], m)
					}
				}
			}
			next, ok := running.Updated(kept.WithMembers(lists.of))
			want := NewDesired(cfg.WithMembers(lists.of))
			if p := planOf(everyPart, want, next); !ok || !p.Empty() {
				rt.Errorf("%v: %v", lists, p.Steps)
			}
			running = next
		}
	})
}
