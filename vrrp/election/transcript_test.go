package election

import (
	"bufio"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/wire"
)

var update = flag.Bool("update", false, "rewrite the golden transcripts")

// TestTranscripts plays testdata/*.txt. Lines that begin with "> " are what an Engine did; the others are what
// happened to it:
//
//	instance NAME [vrid=N] [priority=N] [version=N] [interval=D] [nopreempt] [owner] [link=down] [resume] [delay=D]
//	         [address=PREFIX,…] [track=INTERFACE:WEIGHT] [preempt_delay=D] [pre_master=TIMEOUT] [ensure_master=INTERVAL]
//	         [repair] [auth=hmac|ah]                       describes an instance; GROUP.NAME puts it into a group
//	apply                                                 makes the instances described so far the desired state
//	run D                                                 lets time pass
//	hear NAME PRIORITY [from=ADDR] [interval=D] [key=N] [age=D] [sequence=N]
//	                                                      an advert comes in, with what authenticates it: by auth_hmac it was
//	                                                      signed age ago, by AH it has that sequence number
//	link|track|source|fail|stop NAME [ARG…]               another event
//	lost NAME [PREFIX…]                                   somebody has removed addresses
//	ends NAME PROGRAM [failed]                            pre_master or ensure_master ends
//	drop NAME                                             takes an instance out of the description
//	status                                                prints the states
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playTranscript(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// transcript is a play in progress.
type transcript struct {
	*engineRig
	list   []InstanceSpec
	starts map[confparse.InstanceName]Started
}

func playTranscript(t *testing.T, text string) string {
	p := &transcript{engineRig: newEngineRig(t), starts: make(map[confparse.InstanceName]Started)}
	p.told = true
	p.started = func(n confparse.InstanceName) Started { return p.starts[n] }
	var out strings.Builder
	for sc := bufio.NewScanner(strings.NewReader(text)); sc.Scan(); {
		line := sc.Text()
		if strings.HasPrefix(line, "> ") {
			continue
		}
		fmt.Fprintln(&out, line)
		command, _, _ := strings.Cut(line, "#")
		if words := strings.Fields(command); len(words) > 0 {
			p.command(words)
		}
		for _, l := range p.lines {
			fmt.Fprintln(&out, ">", l)
		}
		p.forget()
	}
	return out.String()
}

func (p *transcript) command(words []string) {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	name := confparse.InstanceName(arg(1))
	switch words[0] {
	case "instance":
		p.describe(name, words[2:])
	case "drop":
		p.list = slices.DeleteFunc(p.list, func(s InstanceSpec) bool { return s.Name == name })
	case "apply":
		p.apply(p.list...)
	case "run":
		p.until(p.clock + p.duration(arg(1)))
	case "hear":
		p.hearWith(name, words[2:])
	case "link":
		p.do(name, LinkChanged{Up: arg(2) == "up"})
	case "track":
		value := track.Down
		if arg(3) == "up" {
			value = track.Up
		}
		p.record(p.Track(Instant(p.clock), track.InterfaceID(arg(2)), value))
	case "source":
		addr, _ := netip.ParseAddr(arg(2))
		p.do(name, SourceChanged{Source: addr})
	case "lost":
		p.lose(name, words[2:])
	case "ends":
		p.ends(name, arg(2), arg(3) == "failed")
	case "fail":
		p.failAll(name)
	case "stop":
		p.do(name, Stop{})
	case "status":
		p.lines = append(p.lines, p.states())
	default:
		p.t.Fatalf("unknown command %q", words[0])
	}
}

// failAll has the latest Own of a router fail altogether.
func (p *transcript) failAll(name confparse.InstanceName) {
	m := p.routers[p.handles[name]].machine
	ev := EffectDone{Generation: m.generation}
	for _, r := range m.resources {
		ev.Failures = append(ev.Failures, Failure{r, errEffect})
	}
	p.do(name, ev)
}

// lose has somebody remove addresses of a router.
func (p *transcript) lose(name confparse.InstanceName, list []string) {
	var ev ResourcesLost
	for _, a := range list {
		ev.Resources = append(ev.Resources, Address{Prefix: netip.MustParsePrefix(a), Link: "eth0"})
	}
	p.do(name, ev)
}

// ends has the program that was started last end.
func (p *transcript) ends(name confparse.InstanceName, hook string, failed bool) {
	done := HookDone{Hook: PreMaster, Serial: p.routers[p.handles[name]].machine.hooks.serial}
	if hook == EnsureMaster.String() {
		done.Hook = EnsureMaster
	}
	if failed {
		done.Err = errHook
	}
	p.do(name, done)
}

func (p *transcript) describe(name confparse.InstanceName, options []string) {
	known := slices.IndexFunc(p.list, func(s InstanceSpec) bool { return s.Name == name })
	vrid := uint8(51 + len(p.list))
	if known >= 0 {
		vrid = p.list[known].VRID
	}
	s := instance(string(name), vrid)
	start := Started{LinkUp: true, Source: routerB}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "vrid":
			s.VRID = p.number(value)
		case "priority":
			s.Priority = p.number(value)
		case "version":
			s.Version = p.number(value)
		case "interval":
			s.AdvertInterval = p.duration(value)
		case "nopreempt":
			s.NoPreempt = true
		case "owner":
			s.Priority, s.StartMaster = OwnerPriority, true
		case "link":
			start.LinkUp = value == "up"
		case "resume":
			start.Silence = time.Millisecond
		case "delay":
			start.Delay = p.duration(value)
		case "preempt_delay":
			s.PreemptDelay = p.duration(value)
		case "pre_master":
			preMaster(p.duration(value))(&s)
		case "ensure_master":
			ensureMaster(p.duration(value))(&s)
		case "repair":
			s.OnLoss = LossRepair
		case "auth":
			map[string]func(*InstanceSpec){"hmac": signing(1), "ah": authAH}[value](&s)
		case "address":
			s.Addresses = nil
			for v := range strings.SplitSeq(value, ",") {
				s.Addresses = append(s.Addresses, Address{Prefix: netip.MustParsePrefix(v), Link: "eth0"})
			}
		case "track":
			link, weight, _ := strings.Cut(value, ":")
			n, err := strconv.Atoi(weight)
			if err != nil {
				p.t.Fatal(err)
			}
			s.Trackers = append(s.Trackers, TrackSpec{ID: track.InterfaceID(link), Weight: n})
		default:
			p.t.Fatalf("unknown option %q", o)
		}
	}
	p.starts[name] = start
	if known >= 0 {
		p.list[known] = s
		return
	}
	p.list = append(p.list, s)
}

func (p *transcript) hearWith(name confparse.InstanceName, options []string) {
	s := p.specs[name]
	ev := AdvertReceived{Source: routerA, Advert: wire.Advert{
		Version: s.Version, VRID: s.VRID, Priority: p.number(options[0]), Interval: s.AdvertInterval, TTL: 255,
	}}
	for _, x := range s.Addresses {
		ev.Advert.Addresses = append(ev.Advert.Addresses, x.Prefix.Addr())
	}
	signed := SendAdvert{Advert: ev.Advert, To: []netip.Addr{s.Group}, TTL: 255}
	signed.Advert.AuthType, signed.Advert.AuthData = s.AuthType, s.AuthData
	stamp, secret := clockAt(p.clock), s.HMAC.Active
	for _, o := range options[1:] {
		switch key, value, _ := strings.Cut(o, "="); key {
		case "key":
			secret = s.HMAC.Keys[p.number(value)-1]
		case "age":
			stamp = clockAt(p.clock - p.duration(value))
		case "sequence":
			signed.Advert.Sequence = uint32(p.number(value))
		case "from":
			ev.Source = netip.MustParseAddr(value)
		case "interval":
			ev.Advert.Interval = p.duration(value)
		default:
			p.t.Fatalf("unknown option %q", o)
		}
	}
	if s.HMAC.Signs() {
		signed.Advert.Signature = &wire.Signature{KeyID: secret.ID, Key: secret.Secret}
	}
	if s.HMAC.Signs() || s.AuthType == wire.AuthAH {
		signed.Source = ev.Source
		ev = overTheWire(p.t, []Action{signed}, stamp)[0]
	}
	ev.Clock = clockAt(p.clock)
	p.do(name, ev)
}

func (p *transcript) duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *transcript) number(s string) uint8 {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		p.t.Fatal(err)
	}
	return uint8(n)
}
