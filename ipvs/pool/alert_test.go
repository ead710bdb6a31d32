package pool

import (
	"fmt"
	"strings"
	"testing"
)

// alerts writes what is told of servers and checks as "down .1 (x)", "check .1 up (y)".
func alerts(notes []Note) string {
	var out []string
	for _, n := range notes {
		text := ""
		switch n.Kind {
		case ServerUp, ServerDown, ServerGone:
			text = told([]Note{n})
		case CheckDone:
			text = fmt.Sprintf("check .%d %v", n.Server.Addr().As4()[3], map[bool]string{true: "up", false: "down"}[n.Up])
		default:
			continue
		}
		if n.Alert != "" {
			text += " (" + n.Alert + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// TestAlerts: what checks came to is told with the change of the server that came of it, and otherwise beside it, when the kernel has
// of the server what is wanted, and once.
func TestAlerts(t *testing.T) {
	fail, pass := func(text string) Alert { return Alert{Text: text} }, func(text string) Alert { return Alert{true, text} }
	kept := func(s *Spec) { s.Guards.PanicThreshold = 1 }
	type step struct {
		up     bool // of server 1
		alerts []Alert
		kernel func(int) bool
		want   string
	}
	for _, c := range []struct {
		name   string
		change func(*Spec)
		steps  []step
	}{
		{"the first that failed, the last that passed", nil, []step{
			{false, []Alert{fail("tcp"), fail("http")}, all, "down .1 (tcp), check .1 down (http)"},
			{false, []Alert{pass("tcp")}, all, "check .1 down (tcp)"},
			{true, []Alert{pass("http")}, all, "up .1 (http)"},
		}},
		{"a check alone", nil, []step{{true, []Alert{pass("misc")}, all, "check .1 up (misc)"}, {true, nil, all, ""}}},
		{"a change by something else", nil, []step{{false, nil, all, "down .1"}, {true, []Alert{fail("x")}, all, "up .1, check .1 up (x)"}}},
		{"what came and went before the kernel was asked", nil, []step{
			{false, []Alert{fail("tcp")}, none, ""},
			{true, []Alert{pass("tcp")}, all, "check .1 up (tcp), check .1 up (tcp)"},
		}},
		{"when the kernel has it", nil, []step{
			{false, []Alert{fail("tcp")}, none, ""},
			{false, []Alert{fail("http")}, none, ""},
			{false, nil, all, "down .1 (tcp), check .1 down (http)"},
		}},
		{"a server that is kept in", kept, []step{{false, []Alert{fail("tcp")}, all, "check .1 up (tcp)"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := specOf(1, 1)
			if c.change != nil {
				s = s.with(c.change)
			}
			p := New(s, up(s))
			p.Outcome(all)
			for i, step := range c.steps {
				p.Alert(0, step.alerts)
				p.Change(0, Health{Up: step.up, Weight: 1})
				p.Evaluate()
				if got := alerts(p.Outcome(step.kernel)); got != step.want {
					t.Errorf("step %d: told %q, want %q", i, got, step.want)
				}
			}
			if again := alerts(p.Outcome(all)); again != "" {
				t.Errorf("told again: %q", again)
			}
		})
	}
}

// TestAlertsWait: of a server that the kernel refuses the last alerts wait, also through a reload, and with it they go.
func TestAlertsWait(t *testing.T) {
	s := specOf(1, 1)
	p := New(s, up(s))
	p.Outcome(all)
	p.Change(1, Health{Weight: 1})
	for i := range 3 * maxAlerts {
		p.Alert(1, []Alert{{Text: fmt.Sprint(i)}})
	}
	p.Evaluate()
	p.Outcome(none)
	next := specOf(2, 1)
	p.Reload(next, []Health{{true, 2}, {false, 1}}, true)
	got := strings.Split(alerts(p.Outcome(all)), ", ")
	if len(got) != maxAlerts || got[0] != "down .2 (32)" || got[maxAlerts-1] != "check .2 down (47)" {
		t.Errorf("told %q", got)
	}
	p.Alert(1, []Alert{{Text: "late"}})
	p.Reload(specOf(1), []Health{{true, 1}}, true)
	if got := alerts(p.Outcome(all)); got != "gone .2" {
		t.Errorf("of one that is no more: %q", got)
	}
}
