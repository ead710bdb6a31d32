package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

const (
	drawnEvents = 6 // happen to a drawn configuration: every third is a reload
	partsOfFile = 7 // configurations that one pair of programs runs
)

// drawnConfigurations are n configurations with what happens to them, several to a file, which have nothing in common: to start a
// program takes long in an emulated machine. They have no hysteresis: what it makes of several changes depends on their order,
// which is a matter of moments.
func drawnConfigurations(n int) (all []tried) {
	for first := 0; first < n; first += partsOfFile {
		r := rand.New(rand.NewPCG(uint64(first), 5))
		var f file
		for i := range min(partsOfFile, n-first) {
			f.parts = append(f.parts, newDraft(r, i))
		}
		if r.IntN(3) == 0 {
			f.globals = "lvs_timeouts tcp 100 udp 200\n"
		}
		all = append(all, f.tried(fmt.Sprintf("drawn %d", first)))
	}
	return all
}

// file is a file with some configurations.
type file struct {
	globals string
	parts   []*draft
}

// tried is what happens to the configurations of the file, at the same moments.
func (f *file) tried(name string) tried {
	c := tried{name: name, parts: len(f.parts), texts: []string{f.text()}}
	for _, d := range f.parts {
		c.down = append(c.down, d.begin()...)
	}
	for i := 1; i <= drawnEvents; i++ {
		if i%3 == 0 {
			for _, d := range f.parts {
				d.reload()
			}
			c.texts, c.steps = append(c.texts, f.text()), append(c.steps, "reload")
			continue
		}
		var turned []string
		for _, d := range f.parts {
			turned = append(turned, d.event()...)
		}
		c.steps = append(c.steps, strings.Join(turned, ", "))
	}
	return c
}

func (f *file) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\nscript_user root\n%s}\n", f.globals)
	for _, d := range f.parts {
		d.write(&b)
	}
	return b.String()
}

// draft is a configuration in the making.
type draft struct {
	r        *rand.Rand
	part     int    // of its file
	entries  string // of its group
	services []*serviceDraft
	servers  int             // given so far, so that each is another
	numbers  map[string]int  // of switches, by kind
	up       map[string]bool // switches
}

type serviceDraft struct {
	name, protocol, algo, flags, method string
	persistence, quorum, sorry          string
	words                               map[string]bool
	servers                             []*serverDraft
}

type serverDraft struct {
	address, method string
	port, weight    int
	inhibit         string
	switches        []string
}

func (d *draft) pick(of ...string) string { return of[d.r.IntN(len(of))] }
func (d *draft) chance() bool             { return d.r.IntN(3) == 0 }

func newDraft(r *rand.Rand, part int) *draft {
	d := &draft{r: r, part: part, numbers: map[string]int{}, up: map[string]bool{}}
	d.entries = d.groupEntries()
	for range 1 + d.r.IntN(2) {
		d.addService()
	}
	return d
}

// begin decides which switches are down at the start.
func (d *draft) begin() (down []string) {
	for _, name := range d.switches() {
		if d.up[name] = d.r.IntN(6) > 0; !d.up[name] {
			down = append(down, name)
		}
	}
	return down
}

// reload makes one to three changes. Servers that come are up.
func (d *draft) reload() {
	for range 1 + d.r.IntN(3) {
		d.change()
	}
	for _, name := range d.switches() {
		if _, known := d.up[name]; !known {
			d.up[name] = true
		}
	}
}

func (d *draft) groupEntries() string {
	return d.own(d.pick("10.P.1.1-3 80", "10.P.1.2-4 80", "10.P.1.1 80\nfwmark P7", "10.P.1.0/30 81", "10.P.1.1 80\n10.P.1.254-10.P.1.255 80",
		"fwmark P7\nfwmark P8", "10.P.1.1 80\n10.P.1.9 8080"))
}

// own puts the number of the configuration, from 1, in the place of P.
func (d *draft) own(text string) string {
	return strings.ReplaceAll(text, "P", strconv.Itoa(d.part+1))
}

func (d *draft) addService() {
	all := strings.Split(d.own("10.P.0.1 80|10.P.0.2 443|10.P.0.1 53|fwmark P5|group GP|2001:db8:P::1 80|10.P.0.3 2905|2001:db8:P::2 53"), "|")
	for _, s := range d.services {
		all = slices.DeleteFunc(all, func(name string) bool { return name == s.name })
	}
	s := &serviceDraft{name: d.pick(all...), protocol: "TCP", words: map[string]bool{}}
	switch {
	case strings.HasSuffix(s.name, "53"):
		s.protocol = "UDP"
	case strings.HasSuffix(s.name, "2905"):
		s.protocol = "SCTP"
	case strings.HasPrefix(s.name, "fwmark"):
		s.protocol = ""
	}
	s.method = d.pick("NAT", "NAT", "DR", "TUN", "TUN type gue port 6080 csum", "TUN type gre")
	d.schedule(s)
	d.persist(s)
	s.quorum = d.pick("", "", "quorum 2", "quorum 3")
	if d.chance() {
		d.setSorry(s)
	}
	for _, word := range []string{"alpha", "inhibit_on_failure", "omega"} {
		s.words[word] = d.r.IntN(4) == 0
	}
	s.words["ops"] = s.protocol == "UDP" && d.chance()
	for range 1 + d.r.IntN(4) {
		d.addServer(s)
	}
	d.services = append(d.services, s)
}

func (d *draft) schedule(s *serviceDraft) {
	s.algo = d.pick("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq")
	s.flags = ""
	switch {
	case s.algo == "sh" || s.algo == "mh":
		s.flags = d.pick("", s.algo+"-port\n", s.algo+"-fallback\n", s.algo+"-port\n"+s.algo+"-fallback\n")
	case d.chance():
		s.flags = d.pick("flag-1\n", "flag-2\nflag-3\n")
	}
}

func (d *draft) persist(s *serviceDraft) {
	granularity := d.pick("255.255.255.0", "255.255.0.0", "255.0.255.0")
	if strings.Contains(s.name, ":") {
		granularity = d.pick("64", "48")
	}
	s.persistence = d.pick("", "", "", "persistence_timeout 50", "persistence_timeout 360", "persistence_timeout",
		"persistence_timeout 50\npersistence_granularity "+granularity)
	if strings.HasPrefix(s.name, "group") {
		s.persistence, _, _ = strings.Cut(s.persistence, "\n") // to groups keepalived does not apply it
	}
}

func (d *draft) setSorry(s *serviceDraft) {
	s.sorry = "sorry_server " + d.address(s, 250) + d.pick(" 80", " 81") + "\n" + d.pick("", "", "sorry_server_inhibit\n")
}

func (d *draft) address(s *serviceDraft, n int) string {
	if strings.Contains(s.name, ":") {
		return fmt.Sprintf("2001:db8:f00::%x", n)
	}
	return fmt.Sprintf("192.168.0.%d", n)
}

func (d *draft) addServer(s *serviceDraft) {
	d.servers++
	rs := &serverDraft{address: d.address(s, d.servers), port: 80 + d.r.IntN(2), weight: []int{1, 1, 1, 2, 5, 0}[d.r.IntN(6)]}
	if s.method == "NAT" && d.r.IntN(4) == 0 {
		rs.method = d.pick("DR", "TUN")
	}
	rs.inhibit = d.pick("", "", "", "inhibit_on_failure\n")
	// To start a program takes long in an emulated machine.
	kinds := []string{"tcp", "tcp", "tcp", "tcp", "http", "http", "smtp", "dns", "udp", "misc", "file"}
	for range 1 + d.r.IntN(4)/3 {
		kind := d.pick(kinds...)
		if kind == "file" && s.sorry != "" {
			kind = "misc"
		}
		d.numbers[kind]++
		rs.switches = append(rs.switches, fmt.Sprint(kind, d.part*14+d.numbers[kind]))
	}
	s.servers = append(s.servers, rs)
}

// switches are those of the present servers, in order.
func (d *draft) switches() (all []string) {
	for _, s := range d.services {
		for _, rs := range s.servers {
			all = append(all, rs.switches...)
		}
	}
	return all
}

// event turns one or two switches in one direction.
func (d *draft) event() (turned []string) {
	all := d.switches()
	first := all[d.r.IntN(len(all))]
	to := !d.up[first]
	for _, name := range all {
		if name == first || d.up[name] != to && d.r.IntN(4) == 0 {
			d.up[name] = to
			turned = append(turned, name+map[bool]string{true: " up", false: " down"}[to])
		}
	}
	return turned
}

// change makes one change, as an operator would between two reloads.
func (d *draft) change() {
	s := d.services[d.r.IntN(len(d.services))]
	rs := s.servers[d.r.IntN(len(s.servers))]
	kind := d.r.IntN(11)
	if d.loses(s, kind) {
		kind = 2
	}
	switch kind {
	case 0:
		d.schedule(s)
	case 1:
		d.persist(s)
	case 2:
		rs.weight = d.r.IntN(7)
	case 3, 4:
		d.addServer(s)
	case 5, 6:
		if len(s.servers) > 1 {
			s.servers = slices.DeleteFunc(s.servers, func(o *serverDraft) bool { return o == rs })
		}
	case 7:
		s.quorum = d.pick("", "quorum 2", "quorum 4")
	case 8:
		if s.sorry != "" {
			s.sorry = ""
		} else {
			d.setSorry(s)
		}
	case 9:
		if len(d.services) < 3 {
			d.addService()
		} else {
			d.services = slices.DeleteFunc(d.services, func(o *serviceDraft) bool { return o == s })
		}
	case 10:
		if s.method == "NAT" && rs.method == "" {
			rs.port = 161 - rs.port
		}
	}
}

// loses reports that a change is one of those with which keepalived 2.2.7 loses its way (docs/compatibility.md; the entries of a
// group are another): a server that goes from a group while it fails, and, where a sorry server may be in place, another server,
// one with a FILE_CHECK that has failed, and that there is no sorry server any more.
func (d *draft) loses(s *serviceDraft, kind int) bool {
	group := strings.HasPrefix(s.name, "group")
	return group && (kind == 5 || kind == 6 || kind == 10) || s.sorry != "" && (kind == 3 || kind == 4 || kind == 8) ||
		s.hasFile() && kind == 8
}

func (s *serviceDraft) hasFile() bool {
	return slices.ContainsFunc(s.servers, func(rs *serverDraft) bool {
		return slices.ContainsFunc(rs.switches, func(name string) bool { return strings.HasPrefix(name, "file") })
	})
}

// write writes the configuration.
func (d *draft) write(b *strings.Builder) {
	for _, name := range d.switches() {
		if strings.HasPrefix(name, "file") {
			fmt.Fprintf(b, "track_file %s {\nfile DIR/%s\n}\n", name, name)
		}
	}
	for _, s := range d.services {
		if strings.HasPrefix(s.name, "group") {
			fmt.Fprintf(b, "virtual_server_%s {\n%s\n}\n", s.name, d.entries)
		}
		s.write(b)
	}
}

// usualTimes make checks that fail known within two seconds.
const usualTimes = "delay_loop 1\nwarmup 0\nretry 1\ndelay_before_retry 1\nconnect_timeout 60\n"

func (s *serviceDraft) write(b *strings.Builder) {
	if !slices.ContainsFunc(s.servers, func(rs *serverDraft) bool { return rs.weight > 0 }) {
		s.servers[0].weight = 1 // a quorum of 0 is another thing with which keepalived loses its way
	}
	fmt.Fprintf(b, "virtual_server %s {\n%slb_algo %s\n%slvs_method %s\n", s.name, usualTimes, s.algo, s.flags, s.method)
	if s.protocol != "" {
		fmt.Fprintf(b, "protocol %s\n", s.protocol)
	}
	for _, line := range []string{s.persistence, s.quorum} {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	for _, word := range []string{"alpha", "inhibit_on_failure", "omega", "ops"} {
		if s.words[word] {
			b.WriteString(word + "\n")
		}
	}
	b.WriteString(s.sorry)
	for _, rs := range s.servers {
		fmt.Fprintf(b, "real_server %s %d {\nweight %d\n%s", rs.address, rs.port, rs.weight, rs.inhibit)
		if rs.method != "" {
			fmt.Fprintf(b, "lvs_method %s\n", rs.method)
		}
		for _, name := range rs.switches {
			b.WriteString(checkOf(name))
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\n")
}
