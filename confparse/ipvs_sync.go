package confparse

import "time"

// IPVSSync is how connections are synchronized, and what a backup does with packets. All but Wait are settings of net.ipv4.vs, which
// the kernel has for all virtual servers together. Below 0, or unset: as it is.
type IPVSSync struct {
	Threshold     SyncThreshold
	RefreshPeriod int    // sync_refresh_period, seconds
	Retries       int    // sync_retries
	QueueMax      int    // sync_qlen_max, messages
	BackupOnly    Switch // backup_only
	// Wait is sync_wait: how long a director that returns leaves a master of lower priority alone, at the most, for the
	// connections that it knows; 0 = not at all.
	Wait time.Duration
}

// SyncThreshold is sync_threshold: which packets of a connection have it told of.
type SyncThreshold struct {
	Packets int // so many have come
	Period  int // and then each time that so many more have; 0 = never again
	IsSet   bool
}

// ipvsSyncRows are the rows of global_defs about the settings that go with lvs_sync_daemon.
var ipvsSyncRows = blockOf[Global]{
	ownRow("sync_threshold", "the kernel's", (*decoder).syncThreshold, func(p *printer, g *Global) {
		if t := g.IPVSSync.Threshold; t.IsSet {
			p.line("sync_threshold", t.Packets, t.Period)
		}
	}).from(ours),
	syncSetting("sync_refresh_period", 2147483, func(s *IPVSSync) *int { return &s.RefreshPeriod }),
	syncSetting("sync_retries", 3, func(s *IPVSSync) *int { return &s.Retries }),
	syncSetting("sync_qlen_max", maxInt32, func(s *IPVSSync) *int { return &s.QueueMax }),
	syncWait().from(ours),
	switchRow("backup_only", "the kernel's", func(g *Global) *Switch { return &g.IPVSSync.BackupOnly }).from(ours),
}

// usualSyncWait is sync_wait when it is not written.
const usualSyncWait = 5 * time.Second

// syncWait is printed when it is another one: most configurations have nothing that it goes with.
func syncWait() row[Global] {
	r := secondsRow("sync_wait", whole(0, 3600), usualSyncWait, func(g *Global) *time.Duration { return &g.IPVSSync.Wait })
	print := r.print
	r.print = func(p *printer, g *Global) {
		if g.IPVSSync.Wait != usualSyncWait {
			print(p, g)
		}
	}
	return r
}

// syncSetting is a setting with a number from 0 on.
func syncSetting(name string, limit int64, field func(*IPVSSync) *int) row[Global] {
	return countRow(name, whole(0, limit), -1, func(g *Global) *int { return field(&g.IPVSSync) }).because("the kernel's").from(ours)
}

// syncThreshold decodes "PACKETS [PERIOD]". The kernel wants the period above the packets, or 0.
func (d *decoder) syncThreshold(n *Node, g *Global) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	t := SyncThreshold{IsSet: true}
	for i, to := range []*int{&t.Packets, &t.Period} {
		if i == len(n.Args) {
			break
		}
		lo := int64(0)
		if i == 1 && n.Args[1].Text != "0" {
			lo = int64(t.Packets) + 1
		}
		v, ok := d.wholeNumber(n, n.Args[i], wholeStrict(lo, maxInt32))
		if !ok {
			return
		}
		*to = int(v)
	}
	g.IPVSSync.Threshold = t
}
