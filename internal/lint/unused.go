package lint

import (
	"fmt"

	"vigil/confparse"
)

// unused reports trackers that nothing refers to.
func (c *checker) unused() {
	type tracked struct {
		kind confparse.ReferenceKind
		name string
	}
	used := map[tracked]bool{}
	for _, r := range c.f.Config.References() {
		used[tracked{r.Kind, r.Name}] = true
	}
	judge := func(kind confparse.ReferenceKind, block, name, list string, at confparse.Range) {
		if !used[tracked{kind, name}] {
			c.report(UnusedTracker, at, fmt.Sprintf("(%s) nothing uses this %s", name, block), "name it in a "+list+", or remove it")
		}
	}
	for _, s := range c.f.Config.Scripts {
		judge(confparse.ToTrackScript, "vrrp_script", s.Name, "track_script", s.Range)
	}
	for _, f := range c.f.Config.Files {
		judge(confparse.ToTrackFile, "track_file", f.Name, "track_file list or a FILE_CHECK", f.Range)
	}
	for _, p := range c.f.Config.Processes {
		judge(confparse.ToTrackProcess, "vrrp_track_process", p.Name, "track_process", p.Range)
	}
	for _, b := range c.f.Config.BFD {
		judge(confparse.ToBFD, "bfd_instance", b.Name, "track_bfd or a BFD_CHECK", b.Range)
	}
}
