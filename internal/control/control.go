// Package control is how an operator's tool on this machine asks the running daemon: a unix socket, and on each connection one
// Question and one Answer, a line of JSON each. It knows nothing of what is asked.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// askLimit is how long either side waits for the other's line.
	askLimit = 10 * time.Second
	// maxLine bounds a line. The longest answers are lists of servers.
	maxLine = 64 << 20
	// maxQuestion bounds a Question.
	maxQuestion = 64 << 10
)

// Question is what is asked.
type Question struct {
	Command   string          `json:"command"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // an object, by the command
	// By is on whose behalf a superuser asks, such as the user of sudo; "" = his own.
	By string `json:"by,omitempty"`
}

// Answer is what comes of a Question.
type Answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"` // why not
}

// ErrNoDaemon says that nobody listens at a socket.
var ErrNoDaemon = errors.New("no daemon listens there")

// Ask asks whoever listens at path, and reads the result into result, unless that is nil. An error of the daemon's is one of the text
// that it gives.
func Ask(ctx context.Context, path string, q Question, result any) error {
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		if gone(err) {
			err = ErrNoDaemon
		}
		return fmt.Errorf("ask %s: %w", path, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	line, err := json.Marshal(q)
	if err != nil {
		return err
	}
	if _, err := c.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	line, err = readLine(c, maxLine)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, errors.Join(ctx.Err(), err))
	}
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		return fmt.Errorf("answer of %s: %w", path, err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(a.Result, result)
}

// readLine reads a line of at most limit bytes.
func readLine(r io.Reader, limit int64) ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(r, limit)).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return line, err
}
