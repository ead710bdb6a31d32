package integration

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// TestChecksOfRealServers has checks of a name server, a mail server and their host, which come, go and come back.
func TestChecksOfRealServers(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	l := newCheckLab(t)
	mail := filepath.Join(t.TempDir(), "smtpd.conf")
	l.must(os.WriteFile(mail, []byte("listen on 10.0.0.2 hostname mx.example.net\naction \"local\" mbox\nmatch from any for local action \"local\"\n"), 0o644))
	servers := map[string][]string{
		"dnsmasq": {"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--no-resolv", "--no-hosts", "--local=/example.net/",
			"--listen-address=10.0.0.2", "--bind-interfaces", "--host-record=www.example.net,192.0.2.80"},
		// Its spool and its socket are to be gone with it.
		"smtpd": {"unshare", "-m", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs run /run && mount -t tmpfs spool /var/spool && " +
			"exec smtpd -d -f " + mail},
	}
	running := map[string]*testlan.Process{}
	start := func(name string) {
		p, err := l.servers.Start(name, nil, servers[name]...)
		l.must(err)
		running[name] = p
	}
	t.Cleanup(func() {
		for name, p := range running {
			if t.Failed() {
				t.Logf("%s:\n%s", name, p.Log.Tail(20))
			}
		}
	})
	stop := func(name string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p := running[name]
		delete(running, name)
		l.must(p.Stop(ctx))
	}
	const (
		names   = "10.1.0.1"
		known   = "10.1.0.2"
		unknown = "10.1.0.3"
		data    = "10.1.0.4"
		mailing = "10.1.0.5"
		host    = "10.1.0.6"
	)
	// The query of UDP_CHECK is one for the address of www.example.net, and the reply begins as one without an error does.
	config := "virtual_server 192.0.2.100 80 {\nalpha\ndelay_loop 1\nwarmup 0\nretry 1\ndelay_before_retry 1\nconnect_timeout 3\n" +
		"lb_algo rr\nlb_kind NAT\nprotocol TCP\n"
	for _, s := range []struct{ address, check string }{
		{names, "DNS_CHECK {\nconnect_port 53\ntype A\nname www.example.net\n"},
		{known, "DNS_CHECK {\nconnect_port 53\ntype MX\nname www.example.net\n"},
		{unknown, "DNS_CHECK {\nconnect_port 53\ntype A\nname www.example.org\n"},
		{data, "UDP_CHECK {\nconnect_port 53\npayload 1234 0100 0001 0000 0000 0000 03777777076578616d706c65036e657400 0001 0001\nrequire_reply 1234 8xx0\n"},
		{mailing, "SMTP_CHECK {\nconnect_port 25\nhelo_name lb1.example.net\n"},
		{host, "PING_CHECK {\n"},
	} {
		config += "real_server " + s.address + " 80 {\n" + s.check + "connect_ip 10.0.0.2\nbindto 10.0.0.1\nbind_if eth0\nfwmark 7\n}\n}\n"
	}
	d := l.start(program(t, "vigil"), config+"}\n")
	// The processes of smtpd give each other up where a machine has no time for them; whoever supervises it starts it again.
	alive := func() error {
		for name, p := range running {
			select {
			case <-p.Done():
				start(name)
			default:
			}
		}
		return d.Running()
	}
	l.waitPool([]string{host}, alive)
	start("dnsmasq")
	l.waitPool([]string{host, names, known, data}, alive)
	start("smtpd")
	l.waitPool([]string{host, names, known, data, mailing}, alive)
	stop("dnsmasq")
	l.waitPool([]string{host, mailing}, alive)
	stop("smtpd")
	l.waitPool([]string{host}, alive)
	start("dnsmasq")
	start("smtpd")
	l.waitPool([]string{host, names, known, data, mailing}, alive)
	l.must(l.cable.Cut())
	l.waitPool(nil, alive)
	l.must(l.cable.Mend())
	l.waitPool([]string{host, names, known, data, mailing}, alive)
	l.must(d.Stop())
}
