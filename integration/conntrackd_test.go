package integration

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/integration/debian"
	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// firewall lets through what has begun in the regular way, and what belongs to it: a segment from amid a connection that the kernel
// does not know is dropped.
const firewall = "table ip wall {\nchain forward {\ntype filter hook forward priority 0; policy drop;\nct state established,related accept\n" +
	"ct state new tcp flags & (syn | ack) == syn accept\n}\n}\n"

// conntrackd is Debian's on one director.
type conntrackd struct {
	program, config string
	process         *testlan.Process
}

// startConntrackd starts it with a configuration like that of its examples (FTFW).
func startConntrackd(j judge, p *labkit.Pair, i int) *conntrackd {
	j.Helper()
	path, err := debian.LookPath("conntrackd")
	if err != nil {
		testlan.RequirePeer(j.TB, err)
	}
	h := p.Directors[i].Host
	dir := filepath.Join(p.Lab.Dir(), h.Name+"-conntrackd")
	j.must(os.MkdirAll(dir, 0o755))
	c := &conntrackd{program: path, config: filepath.Join(dir, "conntrackd.conf")}
	j.must(os.WriteFile(c.config, []byte(fmt.Sprintf("Sync {\nMode FTFW {\n}\nUDP {\nIPv4_address 192.0.2.%d\nIPv4_Destination_Address 192.0.2.%d\n"+
		"Port 3780\nInterface eth0\nChecksum on\n}\n}\nGeneral {\nHashSize 1024\nHashLimit 4096\nSyslog off\nLogFile %s/log\nLockFile %s/lock\n"+
		"UNIX {\nPath %s/socket\n}\nFilter From Kernelspace {\nProtocol Accept {\nTCP\n}\n}\n}\n", i+2, 3-i, dir, dir, dir)), 0o600))
	c.process, err = h.Start("conntrackd", nil, path, "-C", c.config)
	j.must(err)
	return c
}

// knows waits until the copy of the other's table has a connection.
func (c *conntrackd) knows(ctx context.Context, h *testlan.Host, to netip.AddrPort) error {
	want := fmt.Sprintf("dst=%v sport", to.Addr())
	return testlan.Until(ctx, "the copy of the table", func() error {
		out, err := h.Output(ctx, c.program, "-C", c.config, "-e")
		if err == nil && !(strings.Contains(out, want) && strings.Contains(out, "ESTABLISHED")) {
			err = fmt.Errorf("%q: %s", out, c.process.Log.Tail(5))
		}
		return err
	})
}

// A connection through a firewall goes on through the other one, by examples/conntrackd.conf; without its pre_master it does not.
func TestConntrackdPair(t *testing.T) {
	onHost(t)
	if os.Getenv("VIGIL_IN_VM") == "1" {
		t.Skip("conntrackd is on the machine itself")
	}
	example, err := os.ReadFile("../examples/conntrackd.conf")
	if err != nil {
		t.Fatal(err)
	}
	for name, committed := range map[string]bool{"as the example has it": true, "nothing is committed": false} {
		t.Run(name, func(t *testing.T) {
			text, within := string(example), patience
			if !committed { // it is sent again after fractions of a second at first
				text, within = strings.ReplaceAll(text, "pre_master", "# pre_master"), 5*time.Second
			}
			if goes := goesOn(judge{t, true}, text, within); goes != committed {
				t.Errorf("the connection goes on: %v, want %v", goes, committed)
			}
		})
	}
}

// goesOn reports whether a connection through the master goes on, within a time, through its backup when it ends.
func goesOn(j judge, text string, within time.Duration) bool {
	p := newPair(j, [2]labkit.Program{program(j.TB, "vigil"), program(j.TB, "vigil")}, labkit.NAT)
	to := netip.AddrPortFrom(netip.MustParseAddr("10.10.0.11"), 8080)
	j.must(p.Client.AddRoute(netip.MustParsePrefix("10.10.0.0/24"), labkit.VIP))
	var copies [2]*conntrackd
	for i, d := range p.Directors {
		for key, value := range map[string]string{"tcp_loose": "0", "tcp_be_liberal": "1"} {
			j.must(d.Host.Sysctl("net/netfilter/nf_conntrack_"+key, value))
		}
		_, err := d.Host.Output(wait(j), "nft", firewall)
		j.must(err)
		copies[i] = startConntrackd(j, p, i)
		own := strings.NewReplacer("/usr/sbin/conntrackd ", copies[i].program+" -C "+copies[i].config+" ",
			"conntrackd -", copies[i].program+" -C "+copies[i].config+" -",
			"priority 100", fmt.Sprintf("priority %d", 100-50*i), "192.0.2.100/24\n", "192.0.2.100/24\n10.10.0.1/24 dev eth1\n")
		j.must(d.Configure(own.Replace(text)))
		j.must(d.Start())
	}
	j.must(p.WaitHolder(wait(j), 0))
	holder, err := labkit.StartHolder(p.Client, to, 20*time.Millisecond)
	j.must(err)
	defer holder.Stop()
	j.must(testlan.Until(wait(j), "the connection is answered", func() error {
		if n := len(holder.Requests()); n < 5 {
			return fmt.Errorf("%d requests", n)
		}
		return nil
	}))
	j.must(copies[1].knows(wait(j), p.Directors[1].Host, to))
	j.must(p.Directors[0].Terminate())
	j.must(p.WaitHolder(wait(j), 1))
	j.must(p.Directors[0].Process.Wait(wait(j)))
	at := time.Now()
	answered := func() bool {
		for _, r := range holder.Requests() {
			if r.Server != "" && r.Start.After(at) {
				return true
			}
		}
		return false
	}
	j.must(testlan.Until(wait(j), "the backup forwards", func() error {
		list, err := labkit.Ask(wait(j), p.Client, netip.Addr{}, to, 1)
		if err == nil && (len(list) == 0 || list[0].Server == "") {
			err = fmt.Errorf("%+v", list)
		}
		return err
	}))
	for deadline := time.Now().Add(within); !answered() && time.Now().Before(deadline); after(100 * time.Millisecond) {
	}
	return answered()
}
