package dump

import (
	"cmp"
	"path/filepath"
	"strings"
	"time"

	"vigil/internal/bfd"
)

// Globals is what keepalived_parent.data tells of, and the other files begin with.
type Globals struct {
	Namespace     string // "" = the default one
	IPVSNamespace string // "" = the same
	RouterID      string
	Umask         uint32
}

// Parent is the text of keepalived_parent.data.
func Parent(g Globals) string {
	w := new(writer)
	w.globals(g)
	return w.b.String()
}

func (w *writer) globals(g Globals) {
	w.heading("Global definitions")
	w.line(1, "Network namespace = %s", cmp.Or(g.Namespace, "(default)"))
	w.line(1, "Network namespace ipvs = %s", cmp.Or(g.IPVSNamespace, "(main namespace)"))
	w.line(1, "Router ID = %s", g.RouterID)
	w.line(1, "umask = %04o", g.Umask)
}

// BFD is the text of keepalived_bfd.data: the sessions as they are configured and as they are. running may lack some of
// configured, which have not begun.
func BFD(g Globals, configured []bfd.SessionSpec, running []bfd.SessionStatus) string {
	w := new(writer)
	w.globals(g)
	w.heading("BFD Topology")
	for i := range configured {
		s := &configured[i]
		w.line(1, "BFD Instance = %s", s.Name)
		w.line(3, "Neighbor IP = %s", s.Neighbor)
		if s.Source.IsValid() {
			w.line(3, "Source IP = %s", s.Source)
		}
		w.line(3, "Required min RX interval = %d us", s.Timing.MinRX/time.Microsecond)
		w.line(3, "Desired min TX interval = %d us", s.Timing.MinTX/time.Microsecond)
		w.line(3, "Desired idle TX interval = %d us", s.Timing.IdleTX/time.Microsecond)
		w.line(3, "Detection multiplier = %d", s.Timing.Multiplier)
		w.line(3, "TTL = %d", s.TTL)
		w.line(3, "max_hops = %d", s.MaxHops)
		w.line(3, "passive = %t", s.Timing.Passive)
		for j := range running {
			if running[j].Name == s.Name && !running[j].Leaving {
				w.session(&running[j])
			}
		}
	}
	return w.b.String()
}

func (w *writer) session(s *bfd.SessionStatus) {
	w.line(3, "local state = %s", s.State)
	w.line(3, "remote state = %s", s.RemoteState)
	w.line(3, "local discriminator = 0x%x", s.Local)
	w.line(3, "remote discriminator = 0x%x", s.Remote)
	w.line(3, "local diag = %s", s.Diagnostic)
	w.line(3, "remote diag = %s", s.RemoteDiagnostic)
	w.line(3, "local tx intv = %d us", s.TX/time.Microsecond)
	w.line(3, "local detection time = %d us", s.Detection/time.Microsecond)
}

// Suffixed returns the name that a further file has beside one: "keepalived.data" and "_bfd" make "keepalived_bfd.data".
func Suffixed(name, suffix string) string {
	ending := filepath.Ext(name)
	return strings.TrimSuffix(name, ending) + suffix + ending
}
