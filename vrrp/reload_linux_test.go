package vrrp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
)

// choices are lines of a configuration, of which a random one has one of each list.
type choices [][]string

func (c choices) pick(r *rand.Rand) string {
	var lines []string
	for _, list := range c {
		if l := list[r.IntN(len(list))]; l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

var (
	globalChoices = choices{{"", "", "nftables mine"}, {"", "nftables_ifindex"}, {"", "", "disable_local_igmp"}}
	staticChoices = choices{
		{"", "static_ipaddress {\n10.88.0.1/24 dev eth0\n}", "static_ipaddress {\n10.88.0.1/24 dev eth0 scope link\n10.89.0.1/24 dev eth0\n}"},
		{"", "static_routes {\n10.90.0.0/16 via 10.77.0.200 dev eth0\n}", "static_routes {\n10.90.0.0/16 dev eth0 metric 5\n10.91.0.0/16 via 10.77.0.201\n}"},
		{"", "static_rules {\nfrom 10.92.0.0/16 table 92\n}"},
	}
	// An address that stays is the first of its subnet, which its route says, for as long as it is there: to make way for another
	// one of it that comes before it in the file it would have to go for a moment. So none of these stays as another's successor.
	instanceChoices = choices{
		{"", "", "use_vmac", "use_vmac\nvmac_xmit_base", "use_vmac\nuse_vmac_addr"},
		{"", "no_accept"}, {"", "promote_secondaries"}, {"", "", "strict_mode"},
		{"10.78.0.1/24", "10.78.0.1/24\n10.78.0.2/24\n10.78.0.3/32", "10.78.0.1/24 scope link\n10.78.0.3/24", "10.78.0.9/24 use_vmac"},
		{"", "2001:db8::1/64", "2001:db8::1/64\n2001:db8::2/128", "fe80::78/64"},
		{"", "10.100.0.0/16 dev eth0", "10.100.0.0/16 dev eth0 metric 7\n10.101.0.0/16 via 10.77.0.210", "10.101.0.0/16 via 10.77.0.211"},
		{"", "from 10.100.0.0/16 table 100 priority 1000", "from 10.100.0.0/16 table 101 priority 1000\nto 10.101.0.0/16 blackhole priority 900"},
	}
)

// randomConfiguration is one with one or two virtual routers on eth0.
func randomConfiguration(r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n%s\n}\n%s\n", globalChoices.pick(r), staticChoices.pick(r))
	for i := range 1 + r.IntN(2) {
		one := make(choices, len(instanceChoices))
		copy(one, instanceChoices)
		part := func(from, to int) string {
			return strings.ReplaceAll(one[from:to].pick(r), "10.78.", fmt.Sprintf("10.%d.", 78+i))
		}
		fmt.Fprintf(&b, "vrrp_instance V%d {\ninterface eth0\nstate BACKUP\nvirtual_router_id %d\npriority 200\nadvert_int 0.1\nversion 3\n%s\n"+
			"virtual_ipaddress {\n%s\n}\n", i, 51+i, part(0, 4), part(4, 5))
		if i == 0 {
			fmt.Fprintf(&b, "virtual_ipaddress_excluded {\n%s\n}\nvirtual_routes {\n%s\n}\nvirtual_rules {\n%s\n}\n", part(5, 6), part(6, 7), part(7, 8))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

var (
	// changing is what another life has otherwise: indices, and how old something is.
	changing = regexp.MustCompile(`@if\d+|@\w+|^\d+: |qdisc.*|link-netnsid.*|valid_lft.*`)
	elements = regexp.MustCompile(`(?:set|map) (\S+) \{[^}]*elements = \{([^}]*)\}`)
)

// kernelState is what a machine has of what virtual routers set up: sections of sorted lines.
func kernelState(t *testing.T, n *lantest.Node) map[string][]string {
	t.Helper()
	state := make(map[string][]string)
	note := func(name, text string) {
		var lines []string
		for line := range strings.Lines(text) {
			// What the kernel adds for an address it adds in its own time.
			if line = strings.TrimSpace(changing.ReplaceAllString(line, "")); line != "" && !strings.Contains(line, "table local proto kernel") {
				lines = append(lines, line)
			}
		}
		slices.Sort(lines)
		state[name] = lines
	}
	note("addresses", output(t, n, "ip", "-o", "addr"))
	note("links", output(t, n, "ip", "-o", "link"))
	for _, f := range []string{"-4", "-6"} {
		note("routes "+f, output(t, n, "ip", f, "route", "show", "table", "all"))
		note("rules "+f, output(t, n, "ip", f, "rule"))
	}
	var tables strings.Builder
	for line := range strings.Lines(output(t, n, "nft", "list", "tables")) {
		if !strings.Contains(line, "vigil_") {
			f := strings.Fields(strings.TrimSpace(strings.TrimPrefix(line, "table ")))
			if len(f) < 2 {
				tables.WriteString("a table without a name\n")
				continue
			}
			table, err := n.Output(t.Context(), "nft", "list", "table", f[0], f[1])
			if err != nil {
				continue // it has just gone
			}
			tables.WriteString(line)
			for _, set := range elements.FindAllStringSubmatch(table, -1) {
				if set[1] == "neighbor-discovery" {
					continue // of the rules, which stay
				}
				for e := range strings.SplitSeq(set[2], ",") {
					fmt.Fprintf(&tables, "%s %s %s\n", f[0], set[1], strings.TrimSpace(e))
				}
			}
		}
	}
	note("nftables", tables.String())
	var settings strings.Builder
	if err := n.Do(func() error {
		for _, link := range []string{"eth0", "all", "default"} {
			for _, key := range []string{"arp_ignore", "arp_filter", "arp_announce", "rp_filter", "promote_secondaries"} {
				v, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + link + "/" + key)
				if err != nil {
					return err
				}
				fmt.Fprintf(&settings, "%s %s %s\n", link, key, strings.TrimSpace(string(v)))
			}
		}
		v, err := os.ReadFile("/proc/sys/net/ipv4/igmp_link_local_mcast_reports")
		fmt.Fprintf(&settings, "reports %s\n", v)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	note("settings", settings.String())
	return state
}

// lives has one life of the program after the other on a machine.
type lives struct {
	t *testing.T
	n *lantest.Node
}

// livesOn is the lives on a machine that knows its own addresses.
func livesOn(t *testing.T, n *lantest.Node) lives {
	t.Helper()
	lantest.Until(t, "no duplicate address detection", func() error {
		if strings.Contains(output(t, n, "ip", "-6", "addr"), "tentative") {
			return errors.New("under way")
		}
		return nil
	})
	return lives{t, n}
}

// open has the next life have a Kernel of its own.
func (l lives) open() {
	l.t.Helper()
	if err := l.n.Do(func() (err error) {
		l.n.Kernel, err = lan.OpenKernel()
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
}

// begin begins a life with a Kernel of its own; the function returned ends it.
func (l lives) begin(text string) (runner *Runner, stop func()) {
	t, n, old := l.t, l.n, l.n.Kernel
	t.Helper()
	l.open()
	runner, end := runConfig(t, n, text)
	return runner, func() {
		t.Helper()
		end()
		if err := n.Kernel.Close(); err != nil {
			t.Error(err)
		}
		n.Kernel = old
	}
}

// absent names an address that a router has not got yet, and that was not refused either; "" when there is none.
func absent(r *Runner, has []string) string {
	for _, in := range r.Status().Instances {
		for _, a := range slices.Concat(in.Spec.Addresses, in.Spec.Excluded) {
			address := a.Prefix.String()
			there := func(line string) bool {
				return strings.Contains(line, " "+address+" ") || strings.Contains(line, " "+a.Prefix.Addr().String()+"/")
			}
			refused := func(f FailureStatus) bool { return strings.Contains(f.Resource, a.Prefix.Addr().String()) }
			if !slices.ContainsFunc(has, there) && !slices.ContainsFunc(in.Failures, refused) {
				return address
			}
		}
	}
	return ""
}

// settled is what the machine has when all routers are MASTER and nothing changes any more. A busy machine may do nothing for a while
// before the addresses come.
func (l lives) settled(r *Runner) (state map[string][]string) {
	l.t.Helper()
	untilAll(l.t, r, election.Master)
	lantest.Until(l.t, "nothing changes", func() error {
		before := state
		if state = kernelState(l.t, l.n); before == nil || !cmp.Equal(before, state) {
			time.Sleep(300 * time.Millisecond)
			return errors.New("it has just changed")
		}
		if address := absent(r, state["addresses"]); address != "" {
			return fmt.Errorf("%s is not there yet", address)
		}
		return nil
	})
	return state
}

// TestReloadLeavesWhatAFreshStartWouldHave: after a reload the kernel has what it has when the program is started with the new
// configuration, and after the end what it had before.
func TestReloadLeavesWhatAFreshStartWouldHave(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	l := livesOn(t, nodes[0])
	clean := kernelState(t, l.n)
	seed := rand.Uint64()
	for round := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, round))
		old, text := randomConfiguration(r), randomConfiguration(r)
		what := fmt.Sprintf("seed %d round %d: reload of\n%s\nto\n%s\n", seed, round, old, text)
		fresh, stop := l.begin(text)
		want := l.settled(fresh)
		stop()
		runner, stop := l.begin(old)
		l.settled(runner)
		apply(t, runner, text)
		l.comes(what+"(-fresh start +reload)", want)
		stop()
		l.comes(what+"and the end (-before +now)", clean)
		if t.Failed() {
			return
		}
	}
}

// comes waits until the machine has what is wanted.
func (l lives) comes(what string, want map[string][]string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	if err := testlan.Until(ctx, "", func() error {
		if d := cmp.Diff(want, kernelState(l.t, l.n)); d != "" {
			return errors.New(d)
		}
		return nil
	}); err != nil {
		l.t.Errorf("%s:\n%v", what, err)
	}
}

// TestAnotherConfigurationAfterACrash: what the killed process had in place and the new one does not want goes.
func TestAnotherConfigurationAfterACrash(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	l := livesOn(t, nodes[0])
	text := func(lines string) string {
		return "vrrp_instance V {\ninterface eth0\nstate BACKUP\nvirtual_router_id 51\npriority 200\nadvert_int 0.1\nversion 3\n" + lines +
			"virtual_ipaddress {\n10.78.0.1/24\n}\n}\n"
	}
	const stays = "virtual_routes {\n10.100.0.0/16 via 10.77.0.200\n%s}\nvirtual_rules {\nfrom 10.100.0.0/16 table 100 priority 1000\n%s}\n"
	before := text("no_accept\n" + fmt.Sprintf(stays, "10.101.0.0/16 dev eth0 table 7\n", "to 10.101.0.0/16 table 7 priority 900\n"))
	after := text(fmt.Sprintf(stays, "", ""))
	fresh, stop := l.begin(after)
	want := l.settled(fresh)
	stop()
	file := filepath.Join(t.TempDir(), "beat")
	killed, wait := run(t, l.n, Options{HeartbeatFile: file})
	apply(t, killed, before)
	l.settled(killed)
	killed.Kill()
	<-killed.ended
	wait()
	old := l.n.Kernel // which nobody closes in a process that is killed, and the end of the test does
	l.open()
	_, end := run(t, l.n, Options{HeartbeatFile: file}, specOf(t, after).Instances...)
	l.comes("after the crash (-fresh start +restart)", want)
	end()
	if err := l.n.Kernel.Close(); err != nil {
		t.Error(err)
	}
	l.n.Kernel = old
}
