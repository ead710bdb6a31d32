package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"vigil/confparse"
	"vigil/internal/testlan"
	"vigil/ipvs"
)

// switchPorts are where the servers are that a switch stands for, by its kind: a switch "http3" is a server on 7103.
var switchPorts = map[string]int{"tcp": 7000, "http": 7100, "smtp": 7200, "dns": 7300, "udp": 7400}

// checks are the checks of switches, by their kind. # is the switch's number, and PORT its port.
var checks = map[string]string{
	"tcp":  "TCP_CHECK {\nconnect_ip 127.0.0.1\nconnect_port PORT\n}\n",
	"http": "HTTP_GET {\nconnect_ip 127.0.0.1\nconnect_port PORT\nurl {\npath /\nstatus_code 200\n}\n}\n",
	"smtp": "SMTP_CHECK {\nconnect_ip 127.0.0.1\nconnect_port PORT\n}\n",
	"dns":  "DNS_CHECK {\nconnect_ip 127.0.0.1\nconnect_port PORT\ntype A\nname www.example.net\n}\n",
	"udp":  "UDP_CHECK {\nconnect_ip 127.0.0.1\nconnect_port PORT\nrequire_reply\n}\n",
	"misc": "MISC_CHECK {\nmisc_path \"/usr/bin/test -e DIR/misc#\"\nmisc_timeout 60\n}\n",
	"code": "MISC_CHECK {\nmisc_path DIR/code#\nmisc_dynamic\nmisc_timeout 60\n}\n",
	"file": "FILE_CHECK {\ntrack_file file#\nweight 0\n}\n",
}

// checkOf is the check of a switch, such as tcp1.
func checkOf(name string) string {
	kind, n := switchName(name)
	return strings.NewReplacer("PORT", strconv.Itoa(switchPorts[kind]+n), "#", strconv.Itoa(n)).Replace(checks[kind])
}

func switchName(name string) (kind string, n int) {
	kind = strings.TrimRight(name, "0123456789")
	n, _ = strconv.Atoi(strings.TrimPrefix(name, kind))
	return kind, n
}

// switchOf is the name of the switch that a check is of; "" if of none.
func switchOf(c *confparse.Checker) string {
	switch detail := c.Detail.(type) {
	case *confparse.MiscDetail:
		return filepath.Base(detail.Script.Argv[len(detail.Script.Argv)-1])
	case *confparse.FileDetail:
		return detail.TrackFile
	}
	for kind, port := range switchPorts {
		if p := int(c.Connect.Port); p > port && p < port+100 {
			return kind + strconv.Itoa(p-port)
		}
	}
	return ""
}

// switches are servers that are up or down as a test wants, the same on every one of the hosts.
type switches struct {
	hosts []*testlan.Host
	dir   string

	mu    sync.Mutex
	state map[string]int // 1 is up and 0 down; of "code" the exit status
	open  map[string][]io.Closer
}

var switchesOf = regexp.MustCompile(`connect_port (7[0-4]\d\d)\b|DIR/((?:misc|code)\d+)|track_file (file\d+) \{`)

// newSwitches makes the servers that texts speak of, all of them up but for some.
func newSwitches(hosts []*testlan.Host, dir string, texts []string, down []string) (*switches, error) {
	s := &switches{hosts: hosts, dir: dir, state: map[string]int{}, open: map[string][]io.Closer{}}
	for _, text := range texts {
		for _, m := range switchesOf.FindAllStringSubmatch(text, -1) {
			name := m[2] + m[3]
			if port, err := strconv.Atoi(m[1]); err == nil {
				for kind, base := range switchPorts {
					if port/100*100 == base {
						name = kind + strconv.Itoa(port-base)
					}
				}
			}
			if _, known := s.state[name]; known {
				continue
			}
			value := 1
			if slices.Contains(down, name) != strings.HasPrefix(name, "code") {
				value = 0
			}
			if err := s.set(name, value); err != nil {
				return nil, errors.Join(err, s.close())
			}
		}
	}
	return s, nil
}

// turn carries out a step such as "tcp1 down", "code2 17".
func (s *switches) turn(step string) error {
	name, to, _ := strings.Cut(step, " ")
	value, err := strconv.Atoi(to)
	switch to {
	case "up":
		value, err = 1, nil
	case "down":
		value, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("step %q: %w", step, err)
	}
	return s.set(name, value)
}

func (s *switches) set(name string, value int) error {
	s.mu.Lock()
	s.state[name] = value
	s.mu.Unlock()
	path := filepath.Join(s.dir, name)
	switch kind, n := switchName(name); kind {
	case "misc":
		if value == 0 {
			if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
				return err
			}
			return nil
		}
		return os.WriteFile(path, nil, 0o644)
	case "file":
		return os.WriteFile(path, []byte(strconv.Itoa(1-value)+"\n"), 0o644)
	case "code":
		if err := os.WriteFile(path+".new", []byte(fmt.Sprintf("#!/bin/sh\nexit %d\n", value)), 0o755); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	default:
		return s.serve(name, kind, switchPorts[kind]+n, value == 1)
	}
}

// is is the state of a switch.
func (s *switches) is(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state[name]
}

// serve opens the ports of a switch, or closes them if that is how its server fails: others answer otherwise.
func (s *switches) serve(name, kind string, port int, up bool) error {
	stays := kind == "http" || kind == "smtp" || kind == "dns"
	if !up && !stays {
		return s.shut(name)
	}
	if len(s.open[name]) > 0 {
		return nil
	}
	for _, h := range s.hosts {
		err := whenFree(h, func() error {
			address := fmt.Sprintf("127.0.0.1:%d", port)
			if kind == "dns" || kind == "udp" {
				c, err := net.ListenPacket("udp4", address)
				if err == nil {
					s.open[name] = append(s.open[name], c)
					go s.reply(c, name)
				}
				return err
			}
			l, err := net.Listen("tcp4", address)
			if err == nil {
				s.open[name] = append(s.open[name], l)
				go s.welcome(l, name, kind)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// whenFree has a host listen, as soon as who listened there before has noticed that it does so no longer.
func whenFree(h *testlan.Host, listen func() error) (err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if err = h.Do(listen); !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return err
		}
	}
}

func (s *switches) shut(name string) (err error) {
	for _, c := range s.open[name] {
		err = errors.Join(err, c.Close())
	}
	delete(s.open, name)
	return err
}

func (s *switches) close() (err error) {
	for name := range s.open {
		err = errors.Join(err, s.shut(name))
	}
	return err
}

// reply is a server of datagrams: it answers, and if it is a name server that is down, that there is no such name.
func (s *switches) reply(c net.PacketConn, name string) {
	for b := make([]byte, 1<<12); ; {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		if n > 4 {
			_, _ = c.WriteTo(response(b[:n], uint16(0x8183-3*s.is(name))), from) // who does not get it asks again
		}
	}
}

// welcome is a server of connections.
func (s *switches) welcome(l net.Listener, name, kind string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if kind == "tcp" {
			c.Close()
			continue
		}
		go func() {
			defer c.Close()
			r, up := bufio.NewReader(c), s.is(name) == 1
			if kind == "smtp" {
				greet(c, r, up)
				return
			}
			for line := ""; line != "\r\n"; {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			status := map[bool]string{true: "200 OK", false: "503 Service Unavailable"}[up]
			fmt.Fprintf(c, "HTTP/1.0 %s\r\nContent-Length: 2\r\n\r\nok", status)
		}()
	}
}

func greet(w io.Writer, r *bufio.Reader, up bool) {
	lines := []string{"554 no service\r\n"}
	if up {
		lines = []string{"220 ok\r\n", "250 ok\r\n", "221 bye\r\n"}
	}
	for _, line := range lines {
		if _, err := io.WriteString(w, line); err != nil {
			return
		}
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
	}
}

// health is what the checks of a configuration are to find. assumed is what is the case before any check: servers that before
// does not have are up, unless they have alpha.
func (s *switches) health(cfg *confparse.Config, before map[confparse.RealServerID]bool) (found, assumed ipvs.Health) {
	found.RealServers = map[confparse.RealServerID]ipvs.RealServerHealth{}
	assumed.RealServers = map[confparse.RealServerID]ipvs.RealServerHealth{}
	for _, vs := range cfg.VirtualServers {
		for _, rs := range vs.RealServers {
			h := ipvs.RealServerHealth{Up: true, Weight: rs.Weight}
			start := h
			for _, c := range rs.Checkers {
				start.Up = start.Up && !c.Alpha
				state := s.is(switchOf(c))
				if x, ok := c.Detail.(*confparse.MiscDetail); ok && x.Dynamic {
					h.Up = h.Up && state != 1
					if state > 1 {
						h.Weight = int32(state - 2)
					}
				} else {
					h.Up = h.Up && state == 1
				}
			}
			if found.RealServers[rs.ID] = h; before[rs.ID] {
				start = h
			}
			assumed.RealServers[rs.ID] = start
		}
	}
	return found, assumed
}
