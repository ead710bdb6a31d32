package daemon

import (
	"net/netip"
	"testing"

	"vigil/ipvs"
	"vigil/vrrp"
)

// TestDefaultPortIsNobodyElses: an exporter beside the daemon must get its own port, whoever starts first, and a
// connection of this host must not have ours by chance.
func TestDefaultPortIsNobodyElses(t *testing.T) {
	at, err := netip.ParseAddrPort(DefaultOptions().MetricsListen)
	if err != nil {
		t.Fatal(err)
	}
	if p := at.Port(); !at.Addr().IsLoopback() || p < 1024 || p >= 9100 && p <= 9999 || p >= 32768 && p <= 60999 {
		t.Errorf("%v", at)
	}
}

func TestRepairHasThreeNames(t *testing.T) {
	o := DefaultOptions()
	if o.OnLoss != vrrp.LossRepair || o.SetRepair("never") || o.OnLoss != vrrp.LossRepair {
		t.Errorf("repair %v", o.OnLoss)
	}
	for name, want := range map[string]vrrp.LossPolicy{"off": vrrp.LossIgnore, "fault": vrrp.LossFault, "on": vrrp.LossRepair} {
		if !o.SetRepair(name) || o.OnLoss != want {
			t.Errorf("%s: %v", name, o.OnLoss)
		}
	}
}

func TestAuditHasTwoNames(t *testing.T) {
	o := DefaultOptions()
	if o.Audit != ipvs.AuditKeep || o.SetAudit("always") || o.Audit != ipvs.AuditKeep {
		t.Errorf("audit %v", o.Audit)
	}
	if !o.SetAudit("repair") || o.Audit != ipvs.AuditRepair || !o.SetAudit("keep") || o.Audit != ipvs.AuditKeep {
		t.Errorf("audit %v", o.Audit)
	}
}

// TestRecordFileIsThatOfTheCommand: a name without a directory is looked for where the command was given, in the background too.
func TestRecordFileIsThatOfTheCommand(t *testing.T) {
	for _, tt := range []struct{ name, background, want string }{
		{"", "/home", ""}, {"flight", "", "flight"}, {"flight", "/home", "/home/flight"}, {"/var/flight", "/home", "/var/flight"},
	} {
		if got := (&Options{RecordFile: tt.name, background: tt.background}).recordFile(); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
