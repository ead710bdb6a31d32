package testlan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The test program starts copies of itself, to have runs beside runs and runs that can be killed.
const roleVariable = "TESTLAN_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "other run":
		err = otherRun(os.Stdin, os.Stdout)
	case "beside foreign namespaces":
		err = besideForeignNamespaces()
	default:
		err = errors.New("no role " + role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// as makes a command that is a copy of this program in a role.
func as(t *testing.T, role string, wrapper ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(wrapper, self)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// pair makes a lab with two hosts on a segment.
func pair() (l *Lab, a, b *Cable, err error) {
	if l, err = New(); err != nil {
		return nil, nil, nil, err
	}
	lan, err := l.Segment("lan")
	if err != nil {
		return l, nil, nil, err
	}
	var cables [2]*Cable
	for i, name := range []string{"a", "b"} {
		h, err := l.Host(name)
		if err != nil {
			return l, nil, nil, err
		}
		if cables[i], err = h.Attach(lan, "eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 24)); err != nil {
			return l, nil, nil, err
		}
	}
	return l, cables[0], cables[1], nil
}

// reach fails if b does not answer a; a refused connection is an answer.
func reach(a *Cable, patience time.Duration) error {
	return a.Host.Do(func() error {
		_, err := net.DialTimeout("tcp", "192.0.2.2:9", patience)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
		return fmt.Errorf("b answers a: %w", err)
	})
}

// otherRun has a lab with a program and a program of that program. It says where, and for each line it is sent it says
// whether the lab still works.
func otherRun(in io.Reader, out io.Writer) error {
	l, a, _, err := pair()
	if err != nil {
		return err
	}
	p, err := a.Host.Start("parent", nil, "sh", "-c", "sleep 1000 & echo started; wait")
	if err != nil {
		return err
	}
	for len(p.Log.Lines()) == 0 {
		<-time.After(PollInterval)
	}
	fmt.Fprintln(out, l.Dir())
	for s := bufio.NewScanner(in); s.Scan(); {
		err := reach(a, 5*time.Second)
		if _, gone := os.Stat(l.Dir()); err == nil {
			err = gone
		}
		select {
		case <-p.Done():
			err = errors.Join(err, errors.New("the program was killed"))
		default:
		}
		fmt.Fprintln(out, err)
	}
	return l.Close()
}

// besideForeignNamespaces makes labs while somebody else adds and deletes named namespaces, the first of them after the first lab.
// It runs in a mount namespace with a fresh /run.
func besideForeignNamespaces() error {
	var stop atomic.Bool
	foreign := make(chan error, 1)
	first, a, _, err := pair()
	if err != nil {
		return err
	}
	go func() {
		rounds := 0
		for ; !stop.Load() || rounds == 0; rounds++ {
			for _, verb := range []string{"add", "del"} {
				if out, err := exec.Command("ip", "netns", verb, "foreign").CombinedOutput(); err != nil {
					foreign <- fmt.Errorf("ip netns %s in round %d: %w: %s", verb, rounds, err, out)
					return
				}
			}
		}
		foreign <- nil
	}()
	var errs []error
	for range 20 {
		l, a, _, err := pair()
		if err == nil {
			err = reach(a, 5*time.Second)
		}
		if l != nil {
			err = errors.Join(err, l.Close())
		}
		errs = append(errs, err)
	}
	stop.Store(true)
	errs = append(errs, <-foreign, reach(a, 5*time.Second), first.Close())
	names, err := os.ReadDir(namedDir)
	for _, n := range names {
		errs = append(errs, fmt.Errorf("left in %s: %s", namedDir, n.Name()))
	}
	return errors.Join(append(errs, err)...)
}

// programsOf counts the processes of the lab in a directory.
func programsOf(dir string) error {
	out, err := exec.Command("sh", "-c", "grep -lsz '^"+labVariable+"="+dir+"$' /proc/[0-9]*/environ").Output()
	if len(out) > 0 {
		return fmt.Errorf("programs of %s: %s", dir, strings.Join(strings.Fields(string(out)), " "))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() <= 2 { // none, or a process that ended meanwhile
		return nil
	}
	return err
}
