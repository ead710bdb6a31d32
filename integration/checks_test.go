package integration

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// checkLab is a director, 10.0.0.1, and a host with servers, 10.0.0.2, on a network of their own.
type checkLab struct {
	t        *testing.T
	lab      *testlan.Lab
	director *testlan.Host
	servers  *testlan.Host
	cable    *testlan.Cable // of the servers
}

func newCheckLab(t *testing.T) *checkLab {
	t.Helper()
	lab := testlan.ForTest(t)
	l := &checkLab{t: t, lab: lab}
	segment, err := lab.Segment("lan")
	l.must(err)
	attach := func(name, address string) (*testlan.Host, *testlan.Cable) {
		h, err := lab.Host(name)
		l.must(err)
		cable, err := h.Attach(segment, "eth0", netip.MustParsePrefix(address))
		l.must(err)
		return h, cable
	}
	l.director, _ = attach("director", "10.0.0.1/24")
	l.servers, l.cable = attach("servers", "10.0.0.2/24")
	return l
}

func (l *checkLab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// start runs a program with a configuration on the director.
func (l *checkLab) start(p labkit.Program, text string) *labkit.Director {
	l.t.Helper()
	d, err := labkit.NewDirector(l.lab, l.director, p)
	l.must(err)
	l.must(d.Configure(text))
	l.must(d.Start())
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("%s:\n%s", p.Name, d.Log[0].Tail(60))
		}
	})
	return d
}

// pool returns the addresses of the servers that are in the kernel's table.
func (l *checkLab) pool(ctx context.Context) (in []string, err error) {
	table, err := labkit.ReadTable(ctx, l.director)
	if err != nil {
		return nil, err
	}
	for _, destinations := range table {
		for _, d := range destinations {
			address, _, _ := strings.Cut(d, ":")
			in = append(in, address)
		}
	}
	slices.Sort(in)
	return in, nil
}

// waitPool waits until these servers are in the table, and cond holds.
func (l *checkLab) waitPool(want []string, cond func() error) {
	l.t.Helper()
	ctx := wait(l.t)
	slices.Sort(want)
	l.must(testlan.Until(ctx, "servers in the table", func() error {
		in, err := l.pool(ctx)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, in); diff != "" {
			return errors.Join(fmt.Errorf("(-want +got):\n%s", diff), cond())
		}
		return cond()
	}))
}

// scripted is a server that does what a test wants, and the check of it.
type scripted struct {
	name  string
	check string // without the address
	up    bool   // what the check is to find
	lines []string
	udp   func([]byte) [][]byte
	web   *web
}

// transcripts is what the servers were asked, the most of it that came at once, and how often something came. On a busy machine a
// conversation may be cut short.
type transcripts struct {
	mu    sync.Mutex
	most  map[string]string
	count map[string]int
}

func (r *transcripts) add(name, asked string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count[name]++; r.count[name] == 1 || len(asked) > len(r.most[name]) {
		r.most[name] = asked
	}
}

// asks reports whether the server hears what it is asked.
func (s *scripted) asks() bool { return s.udp != nil || s.lines != nil || s.web != nil && !s.web.deaf }

// serve starts the server at a port, which is closed for one that does nothing.
func (l *checkLab) serve(s scripted, port int, r *transcripts) {
	l.t.Helper()
	l.must(l.servers.Do(func() error {
		if s.udp != nil {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
			if err != nil {
				return err
			}
			l.t.Cleanup(func() { c.Close() })
			go answer(c, s, r)
			return nil
		}
		if s.lines == nil && s.web == nil {
			return nil
		}
		listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		l.t.Cleanup(func() { listener.Close() })
		if s.web != nil {
			go s.serveWeb(listener, r)
		} else {
			go converse(listener, s, r)
		}
		return nil
	}))
}

// answer is a server of datagrams.
func answer(c *net.UDPConn, s scripted, r *transcripts) {
	for b := make([]byte, 1<<16); ; {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		asked := slices.Clone(b[:n])
		if strings.HasPrefix(s.check, "DNS_CHECK") && n > 2 {
			copy(asked, "id")
		}
		told := hex.EncodeToString(asked)
		if strings.Contains(s.check, "bind_port") {
			told += " from " + from.String()
		}
		r.add(s.name, told)
		for _, a := range s.udp(b[:n]) {
			c.WriteToUDPAddrPort(a, from)
		}
	}
}

// converse is a server that says its lines, waiting for one before each but the first.
func converse(listener net.Listener, s scripted, r *transcripts) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var asked []byte
			for i, line := range s.lines {
				for b := make([]byte, 1); i > 0 && !strings.HasSuffix(string(asked), "\n"); asked = append(asked, b[0]) {
					if n, _ := c.Read(b); n == 0 {
						break
					}
				}
				if i > 0 {
					asked = append(asked, '|')
				}
				io.WriteString(c, line)
			}
			rest, _ := io.ReadAll(c)
			r.add(s.name, string(append(asked, rest...)))
		}()
	}
}

// response returns the query as a response with a code.
func response(query []byte, flags uint16) []byte {
	b := slices.Clone(query)
	binary.BigEndian.PutUint16(b[2:], flags)
	return b
}

// scriptedServers are servers about whose health there might be two opinions.
func scriptedServers() []scripted {
	mail := func(name string, up bool, lines ...string) scripted {
		return scripted{name: "mail: " + name, check: "SMTP_CHECK {\n", up: up, lines: lines}
	}
	udp := func(name string, up bool, words string, replies ...string) scripted {
		return scripted{name: "udp: " + name, check: "UDP_CHECK {\n" + words, up: up, udp: func([]byte) (all [][]byte) {
			for _, reply := range replies {
				all = append(all, []byte(reply))
			}
			return all
		}}
	}
	dns := func(name string, up bool, words string, answer func(q []byte) [][]byte) scripted {
		return scripted{name: "dns: " + name, check: "DNS_CHECK {\n" + words, up: up, udp: answer}
	}
	code := func(flags uint16) func(q []byte) [][]byte {
		return func(q []byte) [][]byte { return [][]byte{response(q, flags)} }
	}
	line := func(length int) string { return "220 " + strings.Repeat("x", length-6) + "\r\n" }
	long := strings.Repeat("a", 300)
	all := []scripted{
		mail("all is well", true, "220 ok\r\n", "250 ok\r\n", "221 bye\r\n"),
		mail("QUIT refused", true, "220 ok\r\n", "250 ok\r\n", "500 no\r\n"),
		mail("no code after QUIT", true, "220 ok\r\n", "250 ok\r\n", "x\n"),
		mail("lines without CR", true, "220 ok\n", "250 ok\n", "221 bye\n"),
		mail("a code alone", true, "220 ok\r\n", "250\n", "221 bye\r\n"),
		mail("more with the greeting", true, "220 ok\r\n250 more\r\n", "250 ok\r\n", "221 bye\r\n"),
		mail("the longest line", true, line(511), "250 ok\r\n", "221 bye\r\n"),
		mail("a longer line", false, line(512), "250 ok\r\n", "221 bye\r\n"),
		mail("several lines", false, "220-a\r\n220 b\r\n", "250 ok\r\n", "221 bye\r\n"),
		mail("several lines for HELO", false, "220 ok\r\n", "250-a\r\n250 b\r\n", "221 bye\r\n"),
		mail("a code alone with CR", false, "220 ok\r\n", "250\r\n", "221 bye\r\n"),
		mail("a tab", false, "220\tok\r\n", "250 ok\r\n", "221 bye\r\n"),
		mail("no service", false, "554 no\r\n", "250 ok\r\n", "221 bye\r\n"),
		mail("a NUL", false, "220 a\x00b\r\n", "250 ok\r\n", "221 bye\r\n"),
		mail("silence after QUIT", false, "220 ok\r\n", "250 ok\r\n"),
		{name: "mail: closed", check: "SMTP_CHECK {\n"},
		udp("silence", true, ""), udp("silence, reply required", false, "require_reply\n"),
		udp("any reply", true, "require_reply\n", ""), udp("a long reply", true, "require_reply\n", long),
		udp("a long reply compared", false, "require_reply 61\n", long),
		udp("equal", true, "require_reply 616263\n", "abc"), udp("longer", true, "require_reply 616263\n", "abcd"),
		udp("shorter", true, "require_reply 616263\n", "ab"), udp("empty", true, "require_reply 61\n", ""),
		udp("different", false, "require_reply 616264\n", "abc", "abd"), udp("masked", true, "require_reply 61x263\n", "abc"),
		udp("too short", false, "require_reply 616263\nmin_reply_length 4\n", "abc"),
		udp("too long", false, "require_reply 616263\nmax_reply_length 3\n", "abcd"),
		udp("from a port", true, "bindto 10.0.0.1\nbind_port 40001\nrequire_reply\n", "x"),
		udp("digits alone", true, "payload Ab12f 3 456 546443123\n"),
		{name: "udp: closed", check: "UDP_CHECK {\n"},
		dns("from a port", true, "bindto 10.0.0.1\nbind_port 40002\n", code(0x8180)),
		dns("no error", true, "", code(0x8180)), dns("NXDOMAIN", false, "", code(0x8183)), dns("truncated", true, "", code(0x8380)),
		dns("a header alone", true, "", func(q []byte) [][]byte { return [][]byte{response(q, 0x8180)[:12]} }),
		dns("no question", true, "", func(q []byte) [][]byte { return [][]byte{append(response(q, 0x8180)[:4], make([]byte, 8)...)} }),
		dns("the query again", false, "", func(q []byte) [][]byte { return [][]byte{q} }),
		dns("others before", true, "", func(q []byte) [][]byte {
			return [][]byte{append([]byte{^q[0]}, response(q, 0x8180)[1:]...), {1}, response(q, 0x8180)}
		}),
		{name: "dns: closed", check: "DNS_CHECK {\n"},
	}
	for _, words := range []string{"name example.net", "name Ex-_%.Net.", "name a\\\\.b.c", "type rrsig", "type AAAA\nname ab.cd"} {
		all = append(all, dns(words, true, words+"\n", code(0x8180)))
	}
	return all
}

// TestChecksLikeKeepalived has keepalived and Vigil check the same servers: both must ask the same, byte for byte, and find the
// same servers up.
func TestChecksLikeKeepalived(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	asked := map[string]map[string]string{}
	pages, err := scriptedWebServers()
	if err != nil {
		t.Fatal(err)
	}
	servers := append(scriptedServers(), pages...)
	for _, name := range []string{"keepalived", "vigil"} {
		l := newCheckLab(t)
		r := &transcripts{most: map[string]string{}, count: map[string]int{}}
		config := "virtual_server 192.0.2.100 80 {\ndelay_loop 3\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nconnect_timeout 3\n"
		var want, hears []string
		n := 0
		add := func(check string, up bool) {
			n++
			address := fmt.Sprintf("10.1.0.%d", n)
			config += fmt.Sprintf("real_server %s 80 {\n%swarmup 0\nretry 1\ndelay_before_retry 1\n}\n}\n", address, check)
			if up {
				want = append(want, address)
			}
		}
		for i, s := range servers {
			port := 8001 + i // both programs find it there: it is in what they ask, and nobody else is at one that is closed
			l.serve(s, port, r)
			add(fmt.Sprintf("%sconnect_ip 10.0.0.2\nconnect_port %d\n", s.check, port), s.up)
			if s.asks() {
				hears = append(hears, s.name)
			}
		}
		add("PING_CHECK {\nconnect_ip 10.0.0.2\n", true)
		add("PING_CHECK {\nconnect_ip 10.0.0.99\n", false)
		add("PING_CHECK {\nconnect_ip 198.51.100.1\n", false)
		d := l.start(program(t, name), config+"}\n")
		l.waitPool(want, func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, s := range hears {
				if r.count[s] < 3 {
					return fmt.Errorf("%s was asked %d times", s, r.count[s])
				}
			}
			return d.Running()
		})
		l.must(d.Stop())
		asked[name] = r.most
	}
	if diff := cmp.Diff(asked["keepalived"], asked["vigil"]); diff != "" {
		t.Errorf("what the servers were asked (-keepalived +vigil):\n%s", diff)
	}
}
