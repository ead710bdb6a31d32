package ipvsadm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// restore carries out the command lines that are read. One that the kernel refuses is complained about and the next one is next;
// one that makes no sense ends it. The result is that of the last one that was tried.
func (s *session) restore(ctx context.Context, program string) error {
	if s.restoring {
		return tryHelp(program)
	}
	s.restoring = true
	defer func() { s.restoring = false }()
	in := bufio.NewReader(s.In)
	var last error
	for {
		line, readErr := in.ReadString('\n')
		if words := splitLine(line); len(words) > 0 {
			c, err := s.execute(ctx, append([]string{program}, words...))
			var f failure
			switch {
			case err == nil && c.Verb == Help:
				return nil
			case err != nil && (!errors.As(err, &f) || f.final):
				return err
			case last != nil:
				s.fail(last)
			}
			last = err
		}
		if errors.Is(readErr, io.EOF) {
			return last
		}
		if readErr != nil {
			return fmt.Errorf("read standard input: %w", readErr)
		}
	}
}

// splitLine takes a line apart at white space; there are no quotes and no comments. The program's name is no part of it.
func splitLine(line string) []string {
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n\x00", r) })
	return slices.DeleteFunc(words, func(w string) bool { return w == name })
}
