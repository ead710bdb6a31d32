package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var nothingLogged = slog.New(slog.DiscardHandler)

// served is a socket at which the commands are answered until the function is called.
func served(t *testing.T, commands map[string]Handler) (path string, end func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keepalived", "control.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, commands, nothingLogged) }()
	var once sync.Once
	end = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(end)
	return path, end
}

// double is a command.
func double(_ context.Context, by Caller, arguments json.RawMessage) (any, error) {
	var in struct{ Number int }
	if err := json.Unmarshal(arguments, &in); err != nil {
		return nil, err
	}
	if in.Number < 0 {
		return nil, errors.New("too small")
	}
	return map[string]any{"number": 2 * in.Number, "by": by.Name, "uid": by.UID}, nil
}

func TestQuestionsAreAnswered(t *testing.T) {
	path, end := served(t, map[string]Handler{"double": double})
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 || fi.Mode().Type() != os.ModeSocket {
		t.Errorf("%v, %v", fi, err)
	}
	var got struct {
		Number int
		By     string
		UID    int
	}
	for _, c := range []struct {
		question Question
		want     int
		err      string
	}{
		{Question{Command: "double", Arguments: json.RawMessage(`{"number":21}`)}, 42, ""},
		{Question{Command: "double", Arguments: json.RawMessage(`{"number":-1}`)}, 0, "too small"},
		{Question{Command: "double", Arguments: json.RawMessage(`{"number":"x"}`)}, 0, "json: "},
		{Question{Command: "half"}, 0, `unknown command "half"`},
	} {
		got.Number = 0
		err := Ask(t.Context(), path, c.question, &got)
		if got.Number != c.want || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%+v: %+v, %v", c.question, got, err)
		}
	}
	question := Question{Command: "double", Arguments: json.RawMessage(`{"number":1}`), By: "alice"}
	if err := Ask(t.Context(), path, question, &got); err != nil || got.UID != os.Geteuid() || os.Geteuid() == 0 && got.By != "alice" {
		t.Errorf("%+v, %v", got, err)
	}
	question.By = ""
	if err := Ask(t.Context(), path, question, &got); err != nil || os.Geteuid() == 0 && got.By != "root" {
		t.Errorf("%+v, %v", got, err)
	}
	end()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stays: %v", err)
	}
	if err := Ask(t.Context(), path, question, nil); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("nobody there: %v", err)
	}
}

// Whatever comes by a connection, the next one is answered.
func TestBadCallers(t *testing.T) {
	path, _ := served(t, map[string]Handler{"double": double})
	for _, text := range []string{"", "\n", "{", "{}\n", "[]\n", `{"command":5}` + "\n", strings.Repeat("x", maxQuestion+1), "\x00\xff\n"} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		// The daemon may have hung up on too much.
		if _, err := io.WriteString(c, text); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
		_ = c.(*net.UnixConn).CloseWrite()
		b, err := io.ReadAll(c)
		if err == nil && !strings.Contains(string(b), `"error":"`) || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%.20q: %q, %v", text, b, err)
		}
		c.Close()
	}
	for range 3 * maxCallers { // they go without a word
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
		}
	}
	if err := Ask(t.Context(), path, Question{Command: "double", Arguments: json.RawMessage(`{"number":1}`)}, nil); err != nil {
		t.Error(err)
	}
}

// A socket of a dead process is replaced, one of a living one is not; what is no socket is a plain error of the system's only where it
// cannot be replaced.
func TestSocketOfOthers(t *testing.T) {
	path, _ := served(t, nil)
	if _, err := Listen(path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("of a living one: %v", err)
	}
	dead := filepath.Join(t.TempDir(), "dead.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	again, err := Listen(dead)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if err := os.Mkdir(filepath.Join(filepath.Dir(dead), "dir.sock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(filepath.Dir(dead), "dir.sock")); err == nil {
		t.Error("listens at a directory")
	}
	if _, err := Listen("/proc/none/control.sock"); err == nil {
		t.Error("listens where nothing can be made")
	}
	if list, _ := filepath.Glob(filepath.Join(filepath.Dir(dead), ".*")); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}

// A directory in which others could put something has no socket, and a socket that is another's by the end stays.
func TestPlacesOfOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "control.sock")); err == nil || !strings.Contains(err.Error(), "others than root may write there") {
		t.Errorf("listens: %v", err)
	}
	path, end := served(t, nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	end()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("another's has gone: %v", err)
	}
}

// The end waits for nobody: neither for one who does not ask, nor for a command that heeds its context.
func TestEndOfService(t *testing.T) {
	begun := make(chan struct{})
	path, end := served(t, map[string]Handler{"wait": func(ctx context.Context, _ Caller, _ json.RawMessage) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	idle, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	asked := make(chan error, 1)
	go func() { asked <- Ask(context.Background(), path, Question{Command: "wait"}, nil) }()
	<-begun
	end()
	if err := <-asked; err == nil {
		t.Error("an answer at the end")
	}
}

// Who asks may give up.
func TestAskerGivesUp(t *testing.T) {
	path, _ := served(t, map[string]Handler{"wait": func(ctx context.Context, _ Caller, _ json.RawMessage) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := Ask(ctx, path, Question{Command: "wait"}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// Many at once are all answered, those beyond the bound later.
func TestManyCallers(t *testing.T) {
	path, _ := served(t, map[string]Handler{"double": double})
	var asking sync.WaitGroup
	for i := range 5 * maxCallers {
		asking.Go(func() {
			var got struct{ Number int }
			err := Ask(t.Context(), path, Question{Command: "double", Arguments: json.RawMessage(fmt.Sprintf(`{"number":%d}`, i))}, &got)
			if err != nil || got.Number != 2*i {
				t.Errorf("%d: %d, %v", i, got.Number, err)
			}
		})
	}
	asking.Wait()
}
