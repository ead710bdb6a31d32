package members

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"vigil/confparse"
)

const (
	resolvConf = "/etc/resolv.conf"
	// maxServers is how many name servers are asked, as resolv.conf(5) has it.
	maxServers = 3
	// eachServer is how long one has to answer, and rounds how often all of them are asked.
	eachServer = 3 * time.Second
	rounds     = 2
	// maxConf is how much of resolv.conf is read.
	maxConf = 64 << 10
)

// Exchange sends a query to a name server, by TCP if stream, and returns what matches says is the reply.
type Exchange func(ctx context.Context, server netip.AddrPort, stream bool, query []byte, matches func([]byte) bool) ([]byte, error)

// resolver asks name servers.
type resolver struct {
	exchange Exchange
	conf     string
}

func newResolver(e Exchange, conf string) resolver {
	if e == nil {
		e = exchange
	}
	if conf == "" {
		conf = resolvConf
	}
	return resolver{e, conf}
}

// of returns what asks for the members of a source.
func (r resolver) of(from confparse.Source) asker { return &names{r, from} }

// servers are the name servers of this host. They are looked up each time: who changes them tells nobody.
func (r resolver) servers() ([]netip.AddrPort, error) {
	f, err := os.Open(r.conf)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list := nameServers(io.LimitReader(f, maxConf))
	if len(list) == 0 { // resolv.conf(5): then it is the one on this host
		list = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)}
	}
	return list, nil
}

const dnsPort = 53

// nameServers reads the nameserver lines of resolv.conf(5).
func nameServers(in io.Reader) (list []netip.AddrPort) {
	lines := bufio.NewScanner(in)
	for lines.Scan() && len(list) < maxServers {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			list = append(list, netip.AddrPortFrom(a, dnsPort))
		}
	}
	return list
}

// lookup asks for the records of a type that a name has. It has no records, and no error, where the name is known to have none of the
// type; errNoName is that it is known not to exist at all. Servers that do not know are no answer.
func (r resolver) lookup(ctx context.Context, name string, kind dnsmessage.Type) (answer, error) {
	servers, err := r.servers()
	if err != nil {
		return answer{}, err
	}
	var failures []error
	for range rounds {
		for _, server := range servers {
			got, err := r.query(ctx, server, name, kind)
			if err == nil || errors.Is(err, errNoName) {
				return got, err
			}
			if ctx.Err() != nil {
				return answer{}, err
			}
			failures = append(failures, fmt.Errorf("%s: %w", server.Addr(), err))
		}
	}
	last := failures[len(failures)-len(servers):]
	return answer{}, oneLine(last)
}

// oneLine joins errors in one line.
func oneLine(errs []error) error {
	all := errs[0]
	for _, e := range errs[1:] {
		all = fmt.Errorf("%w; %w", all, e)
	}
	return all
}

// query asks one server, again by TCP when its answer is too long for UDP.
func (r resolver) query(ctx context.Context, server netip.AddrPort, name string, kind dnsmessage.Type) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, eachServer)
	defer cancel()
	for _, stream := range []bool{false, true} {
		id := uint16(rand.Uint32())
		query, err := question(id, name, kind)
		if err != nil {
			return answer{}, err
		}
		reply, err := r.exchange(ctx, server, stream, query, func(b []byte) bool { return answers(b, id, name, kind) })
		if err != nil {
			return answer{}, err
		}
		got, err := parseReply(reply, id, name, kind)
		if !errors.Is(err, errTruncated) {
			return got, err
		}
	}
	return answer{}, errTruncated
}

// exchange is Exchange on the network of the machine.
func exchange(ctx context.Context, server netip.AddrPort, stream bool, query []byte, matches func([]byte) bool) ([]byte, error) {
	network := "udp"
	if stream {
		network = "tcp"
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, plain(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if stream {
		query = append([]byte{byte(len(query) >> 8), byte(len(query))}, query...) // RFC 1035 §4.2.2
	}
	if _, err := conn.Write(query); err != nil {
		return nil, plain(err)
	}
	for b := make([]byte, 1<<16); ; {
		n, err := receive(conn, stream, b)
		switch {
		case ctx.Err() != nil:
			return nil, plain(ctx.Err())
		case err != nil:
			return nil, plain(err)
		case matches(b[:n]):
			return b[:n], nil
		case stream:
			return nil, errors.New("it answers something else")
		}
	}
}

// receive reads one message into b, which has room for any.
func receive(conn io.Reader, stream bool, b []byte) (n int, err error) {
	if !stream {
		return conn.Read(b)
	}
	if _, err := io.ReadFull(conn, b[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(conn, b[:int(b[0])<<8|int(b[1])])
}

// plain is an error of the network in the words of an operator: which server it was is said elsewhere, and our own port changes each time.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("it does not answer")
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// question is a query in the form of RFC 1035 §4, with recursion desired and nothing else.
func question(id uint16, name string, kind dnsmessage.Type) ([]byte, error) {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", name, err)
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: n, Type: kind, Class: dnsmessage.ClassINET}}}
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", name, err)
	}
	return b, nil
}

// answers reports whether a message is a reply to the question: who is not the server has to guess its number and our port.
func answers(b []byte, id uint16, name string, kind dnsmessage.Type) bool {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || !h.Response || h.ID != id {
		return false
	}
	q, err := p.Question()
	if err != nil {
		return errors.Is(err, dnsmessage.ErrSectionDone) && h.RCode != dnsmessage.RCodeSuccess // some repeat nothing in an error
	}
	return canonical(q.Name) == name && q.Type == kind && q.Class == dnsmessage.ClassINET
}

// canonical is a name as confparse.Source has it.
func canonical(n dnsmessage.Name) string {
	return strings.TrimSuffix(string(bytes.ToLower(n.Data[:n.Length])), ".")
}
