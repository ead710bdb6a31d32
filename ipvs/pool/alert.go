package pool

// Alert is what a check of a real server came to, for those who are mailed about checks.
type Alert struct {
	Passed bool
	Text   string
}

// maxAlerts of one server wait for the kernel. Of more the oldest go.
const maxAlerts = 16

// Alert has it told what checks of server i came to, once the kernel has of the server what the pool wants.
func (p *Pool) Alert(i int, alerts []Alert) {
	if len(alerts) == 0 {
		return
	}
	if p.alerts == nil {
		p.alerts = make(map[int][]Alert)
	}
	all := append(p.alerts[i], alerts...)
	p.alerts[i] = all[max(0, len(all)-maxAlerts):]
	p.queue(i)
}

// takeAlerts returns the alerts of server i that wait.
func (p *Pool) takeAlerts(i int) []Alert {
	alerts := p.alerts[i]
	delete(p.alerts, i)
	return alerts
}
