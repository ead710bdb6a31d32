package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// membersConfig has a virtual server whose members are in a file, one with those of a name, and one with those of a service. The file is
// FILE.
const membersConfig = `virtual_server 192.0.2.100 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    delay_loop 1
    retry 1
    delay_before_retry 1
    real_servers_from FILE {
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
virtual_server 192.0.2.100 8080 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_servers_from dns:web.example.net:80 { }
}
virtual_server 192.0.2.100 443 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_servers_from dns:_https._tcp.example.net { }
}
`

// memberLab is a director and a host that has the servers and their name server.
type memberLab struct {
	*checkLab
	director *labkit.Director
	names    *testlan.Process
	want     labkit.Table
}

// answer has the name server give these answers, and live for a second.
func (l *memberLab) answer(answers ...string) {
	l.t.Helper()
	l.silence()
	p, err := l.servers.Start("dnsmasq", nil, append([]string{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root",
		"--pid-file=", "--no-resolv", "--no-hosts", "--local=/example.net/", "--listen-address=10.0.0.2", "--bind-interfaces", "--local-ttl=1"}, answers...)...)
	l.must(err)
	l.names = p
}

// silence ends the name server.
func (l *memberLab) silence() {
	l.t.Helper()
	if l.names != nil {
		l.must(l.names.Stop(wait(l.t)))
	}
	l.names = nil
}

// write puts a list of members into the place of the one that was there.
func (l *memberLab) write(path string, lines ...string) {
	l.t.Helper()
	l.must(os.WriteFile(path+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	l.must(os.Rename(path+".new", path))
}

// has waits until a service has these servers and the others have what they had.
func (l *memberLab) has(when, service string, servers ...string) {
	l.t.Helper()
	l.want["TCP 192.0.2.100:"+service+" rr"] = servers
	l.must(testlan.Until(wait(l.t), when, func() error {
		table, err := labkit.ReadTable(context.Background(), l.director.Host)
		if diff := cmp.Diff(l.want, table); err == nil && diff != "" {
			err = errors.New("the table (-want +got):\n" + diff)
		}
		return errors.Join(err, l.director.Running())
	}))
}

// says waits for a line of the log that was written since a time.
func (l *memberLab) says(text string, since time.Time) {
	l.t.Helper()
	l.must(testlan.Until(wait(l.t), text, func() error {
		log := l.director.Log[len(l.director.Log)-1]
		if _, ok := log.Find(text, since); !ok {
			return errors.New(log.Tail(5))
		}
		return l.director.Running()
	}))
}

// TestMembersFromOutside: servers come and go with a file and with what a name server says, of addresses and of services; what fails
// leaves the last good list, over a restart too.
func TestMembersFromOutside(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	l := &memberLab{checkLab: newCheckLab(t), want: labkit.Table{}}
	for _, a := range []string{"10.0.0.11/24", "10.0.0.12/24"} {
		l.must(l.servers.AddAddress("eth0", netip.MustParsePrefix(a)))
	}
	_, err := labkit.StartServer(l.servers, "web", ":80")
	l.must(err)
	file, resolver := filepath.Join(l.lab.Dir(), "members"), filepath.Join(l.lab.Dir(), "resolv.conf")
	l.must(os.WriteFile(resolver, []byte("nameserver 10.0.0.2\n"), 0o644))
	p := program(t, "vigil")
	p.Argv = append([]string{"sh", "-c", `mount --bind "$1" /etc/resolv.conf && shift && exec "$@"`, "sh", resolver}, p.Argv...)
	const (
		first  = `{"address":"10.0.0.11"}`
		second = `{"address":"10.0.0.12","weight":3}`
		dead   = `{"address":"10.0.0.12","port":81}`
		https1 = "--srv-host=_https._tcp.example.net,a.example.net,443,1,5"
		https2 = "--srv-host=_https._tcp.example.net,b.example.net,8443,1,7"
		spare  = "--srv-host=_https._tcp.example.net,b.example.net,9443,2,7"
		a, b   = "--host-record=a.example.net,10.0.0.11", "--host-record=b.example.net,10.0.0.12"
		web1   = "--host-record=web.example.net,10.0.0.11"
		web2   = "--host-record=web.example.net,10.0.0.12"
	)
	l.write(file, first)
	l.answer(web1, https1, spare, a, b)
	d := l.start(p, strings.ReplaceAll(membersConfig, "FILE", file))
	l.director = d
	defer l.silence()

	l.want["TCP 192.0.2.100:8080 rr"] = []string{"10.0.0.11:80 Masq 1"}
	l.want["TCP 192.0.2.100:443 rr"] = []string{"10.0.0.11:443 Masq 5"}
	l.has("at the start", "80", "10.0.0.11:80 Masq 1")

	l.write(file, "# two", first, second)
	l.has("one more in the file", "80", "10.0.0.11:80 Masq 1", "10.0.0.12:80 Masq 3")
	l.write(file, first, dead)
	l.has("one that fails its check", "80", "10.0.0.11:80 Masq 1")
	since := time.Now()
	l.write(file, first, second, "none")
	l.says(file+":3", since)
	l.has("a file with a mistake", "80", "10.0.0.11:80 Masq 1")
	l.write(file, second)
	l.has("another one", "80", "10.0.0.12:80 Masq 3")

	l.answer(web1, web2, https1, https2, spare, a, b)
	l.want["TCP 192.0.2.100:443 rr"] = []string{"10.0.0.11:443 Masq 5", "10.0.0.12:8443 Masq 7"}
	l.has("one more of each name", "8080", "10.0.0.11:80 Masq 1", "10.0.0.12:80 Masq 1")
	l.answer(web2, spare, a, b)
	l.want["TCP 192.0.2.100:443 rr"] = []string{"10.0.0.12:9443 Masq 7"}
	l.has("fewer, and those in reserve", "8080", "10.0.0.12:80 Masq 1")

	since = time.Now()
	l.silence()
	l.says("web.example.net", since)
	l.has("nobody answers", "8080", "10.0.0.12:80 Masq 1")
	l.must(os.Remove(file))
	l.must(d.Stop())
	l.must(d.Start())
	l.has("after a restart, with no file and no name server", "80", "10.0.0.12:80 Masq 3")
	l.answer(web1, https1, a)
	l.write(file, first)
	l.want["TCP 192.0.2.100:443 rr"] = []string{"10.0.0.11:443 Masq 5"}
	l.want["TCP 192.0.2.100:8080 rr"] = []string{"10.0.0.11:80 Masq 1"}
	l.has("both are back", "80", "10.0.0.11:80 Masq 1")
	l.must(d.Stop())
	l.want = labkit.Table{}
	table, err := labkit.ReadTable(wait(t), l.director.Host)
	if err != nil || len(table) > 0 {
		t.Error(fmt.Sprint("at the end: ", table, err))
	}
}
