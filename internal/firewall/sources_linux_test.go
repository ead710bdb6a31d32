package firewall

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

// behind is a director between a client and a server that has no route back to it. What IPVS does with a packet, which is another
// kernel's business, a rule of nftables does: it gets the server's address.
type behind struct {
	t                        *testing.T
	client, director, server *testlan.Host
	virtual, real            netip.AddrPort
	local                    []netip.Addr // addresses of the director's at the server's side, besides its own
}

func newBehind(t *testing.T, v6 bool) *behind {
	t.Helper()
	lab := testlan.ForTest(t)
	b := &behind{t: t, virtual: netip.MustParseAddrPort("10.8.0.100:80"), real: netip.MustParseAddrPort("10.7.0.1:8080")}
	front, back, family, forwarding := "10.8.0.%d/24", "10.7.0.%d/24", "ip", "net/ipv4/ip_forward"
	if v6 {
		b.virtual, b.real = netip.MustParseAddrPort("[fd00:8::100]:80"), netip.MustParseAddrPort("[fd00:7::1]:8080")
		front, back, family, forwarding = "fd00:8::%d/64", "fd00:7::%d/64", "ip6", "net/ipv6/conf/all/forwarding"
	}
	at := func(subnet string, n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf(subnet, n)) }
	for name, h := range map[string]**testlan.Host{"client": &b.client, "director": &b.director, "server": &b.server} {
		var err error
		*h, err = lab.Host(name)
		b.check(err)
	}
	for _, s := range []struct {
		name   string
		hosts  map[*testlan.Host]int
		subnet string
	}{{"front", map[*testlan.Host]int{b.client: 1, b.director: 2}, front}, {"back", map[*testlan.Host]int{b.server: 1, b.director: 2}, back}} {
		segment, err := lab.Segment(s.name)
		b.check(err)
		for h, n := range s.hosts {
			_, err := h.Attach(segment, s.name, at(s.subnet, n))
			b.check(err)
		}
	}
	b.check(b.director.Sysctl(forwarding, "1"))
	b.check(b.director.AddAddress("front", netip.PrefixFrom(b.virtual.Addr(), b.virtual.Addr().BitLen())))
	for n := range 3 {
		p := at(back, 20+n)
		b.local = append(b.local, p.Addr())
		b.check(b.director.AddAddress("back", p))
	}
	rules := fmt.Sprintf("table %s ipvs {\nchain in {\ntype nat hook prerouting priority -100\n%s daddr %s tcp dport %d dnat to %s\n}\n}\n",
		family, family, b.virtual.Addr(), b.virtual.Port(), b.real)
	file := t.TempDir() + "/rules"
	b.check(os.WriteFile(file, []byte(rules), 0o644))
	_, err := b.director.Output(t.Context(), "nft", "-f", file)
	b.check(err)
	b.check(b.server.Do(func() error {
		l, err := net.Listen("tcp", b.real.String())
		if err == nil {
			t.Cleanup(func() { l.Close() })
			go tellPeers(l)
		}
		return err
	}))
	return b
}

// tellPeers tells everyone who connects where he comes from, and again for each byte.
func tellPeers(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for one := make([]byte, 1); err == nil; _, err = io.ReadFull(c, one) {
				fmt.Fprintln(c, c.RemoteAddr())
			}
		}()
	}
}

func (b *behind) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// dial connects to an address and returns what the server takes the client for.
func (b *behind) dial(from *testlan.Host, to netip.AddrPort, patience time.Duration) (c net.Conn, seen netip.Addr, err error) {
	err = from.Do(func() error {
		c, err = net.DialTimeout("tcp", to.String(), patience)
		return err
	})
	if err != nil {
		return nil, seen, err
	}
	b.t.Cleanup(func() { c.Close() })
	seen, err = told(c)
	return c, seen, err
}

func told(c net.Conn) (netip.Addr, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return netip.Addr{}, err
	}
	var line [64]byte
	n, err := c.Read(line[:])
	if err != nil {
		return netip.Addr{}, err
	}
	ap, err := netip.ParseAddrPort(strings.TrimSpace(string(line[:n])))
	return ap.Addr(), err
}

// TestSourceTable: packets to the server get one of the director's addresses, the same for each connection of a client, or that of the
// interface; those that are not of the virtual server do not; what has begun goes on whatever changes; at the end nothing is left.
func TestSourceTable(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		t.Run(map[bool]string{false: "IPv4", true: "IPv6"}[v6], func(t *testing.T) {
			b := newBehind(t, v6)
			var table SourceTable
			set := func(local ...netip.Addr) {
				t.Helper()
				other := SourceFlow{Protocol: unix.IPPROTO_UDP, Virtual: b.virtual, Server: b.real}
				b.check(b.director.Do(func() error {
					return table.Set([]SourceFlow{{Protocol: unix.IPPROTO_TCP, Virtual: b.virtual, Server: b.real, Local: local}, other})
				}))
			}
			seen := func(want ...netip.Addr) net.Conn {
				t.Helper()
				var conn net.Conn
				var first netip.Addr
				for i := range 5 {
					c, from, err := b.dial(b.client, b.virtual, patience)
					b.check(err)
					is := false
					for _, w := range want {
						is = is || from == w
					}
					if !is || i > 0 && from != first {
						t.Errorf("the server has seen %v after %v, want one of %v", from, first, want)
					}
					conn, first = c, from
				}
				return conn
			}
			var late net.Error
			if _, _, err := b.dial(b.client, b.virtual, 300*time.Millisecond); !errors.As(err, &late) || !late.Timeout() {
				t.Errorf("without it: %v", err)
			}
			_, own, err := b.dial(b.director, b.real, patience)
			b.check(err)
			set()
			begun := seen(own)
			set(b.local[1])
			seen(b.local[1])
			set(b.local...)
			seen(b.local...)
			if _, from, err := b.dial(b.director, b.real, patience); err != nil || from != own {
				t.Errorf("the director itself is %v to the server: %v", from, err)
			}
			_, err = begun.Write([]byte{0})
			b.check(err)
			if from, err := told(begun); err != nil || from != own {
				t.Errorf("a connection that had begun: %v, %v", from, err)
			}

			if again, err := b.tend(&table); again || err != nil {
				t.Errorf("made again: %v, %v", again, err)
			}
			saved, err := b.director.Output(t.Context(), "nft", "list", "ruleset") // which an operator may load again
			b.check(err)
			file := t.TempDir() + "/saved"
			b.check(os.WriteFile(file, []byte("flush ruleset\n"+saved), 0o644))
			if _, err := b.director.Output(t.Context(), "nft", "-f", file); err != nil {
				t.Errorf("%v\n%s", err, saved)
			}
			seen(b.local...)
			_, err = b.director.Output(t.Context(), "nft", "flush", "ruleset")
			b.check(err)
			if again, err := b.tend(&table); !again || err != nil {
				t.Errorf("not made again: %v, %v", again, err)
			}
			set(b.local[0]) // in the place of tables that others have deleted
			_, err = b.director.Output(t.Context(), "nft", "flush", "ruleset")
			b.check(err)
			set(b.local[1])
			rules, err := b.director.Output(t.Context(), "nft", "list", "ruleset")
			b.check(err)
			if n := strings.Count(rules, "hook postrouting"); n != 1 || !strings.Contains(rules, b.local[1].String()) || strings.Contains(rules, b.local[0].String()) {
				t.Errorf("%d tables act:\n%s", n, rules)
			}
			b.check(b.director.Do(table.Close))
			if rules, err := b.director.Output(t.Context(), "nft", "list", "ruleset"); err != nil || strings.TrimSpace(rules) != "" {
				t.Errorf("left: %v\n%s", err, rules)
			}
		})
	}
}

func (b *behind) tend(table *SourceTable) (again bool, err error) {
	err = b.director.Do(func() (err error) {
		again, err = table.Tend()
		return err
	})
	return again, err
}

// TestSourceTableIsBounded: thousands of flows, with as many lists of addresses, are made and made anew, and a process that died has left
// its tables to the next.
func TestSourceTableIsBounded(t *testing.T) {
	l := newLAN(t, false)
	var flows []SourceFlow
	for n := range 5000 {
		f := SourceFlow{Protocol: unix.IPPROTO_TCP, Virtual: netip.AddrPortFrom(l.vip, uint16(1+n)), Server: netip.MustParseAddrPort("10.7.0.1:80")}
		for i := range n % 5 {
			f.Local = append(f.Local, netip.AddrFrom4([4]byte{10, 7, 1, byte(i)}))
		}
		flows = append(flows, f)
	}
	var table SourceTable
	l.check(l.new.Do(func() error { return table.Set(flows) }))
	_, err := l.new.Output(t.Context(), "nft", "add", "table", "ip", "vigil_fnat_999999999_7")
	l.check(err)
	var next SourceTable // of a process with the same number, and of another one
	l.check(l.new.Do(func() error { return next.Set(flows[1:]) }))
	rules, err := l.new.Output(t.Context(), "nft", "list", "ruleset")
	l.check(err)
	if tables, chains := strings.Count(rules, "table ip "), strings.Count(rules, "chain local_"); tables != 1 || chains != 4 ||
		strings.Contains(rules, "proto-dst 1 goto") || !strings.Contains(rules, "ct original proto-dst 5000 goto") || !strings.Contains(rules, "tcp . 10.7.0.1 . 80 : goto to_1") {
		t.Errorf("%d tables, %d chains:\n%.2000s", tables, chains, rules)
	}
	flows = nil // as many addresses as groups may have, in many groups
	for n := range 20 {
		f := SourceFlow{Protocol: unix.IPPROTO_TCP, Virtual: netip.AddrPortFrom(netip.MustParseAddr("fd00:9::100"), uint16(1+n)), Server: netip.MustParseAddrPort("[fd00:7::1]:80")}
		for i := range 1024 {
			f.Local = append(f.Local, netip.AddrFrom16([16]byte{0xfd, 13: byte(n), 14: byte(i >> 8), 15: byte(i)}))
		}
		flows = append(flows, f)
	}
	l.check(l.new.Do(func() error { return next.Set(flows) }))
	var last SourceTable // of one that has no FNAT any more
	l.check(l.new.Do(func() error { return last.Set(nil) }))
	rules, err = l.new.Output(t.Context(), "nft", "list", "ruleset")
	if l.check(err); rules != "" {
		t.Errorf("left:\n%.2000s", rules)
	}
	_, err = l.new.Output(t.Context(), "nft", "add", "table", "ip", "vigil_fnat_1_7")
	l.check(err)
	var beside SourceTable
	l.check(l.new.Do(func() error { return beside.Set(flows[:10]) }))
	l.check(l.new.Do(beside.Close))
	if rules, err = l.new.Output(t.Context(), "nft", "list", "tables"); err != nil || strings.TrimSpace(rules) != "table ip vigil_fnat_1_7" {
		t.Errorf("that of a living process: %q, %v", rules, err)
	}
}
