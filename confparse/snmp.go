package confparse

import (
	"time"
)

// SNMP is what the agent offers.
type SNMP struct {
	Socket                         string
	Traps, VRRP, RFCv2, RFCv3, LVS bool
	VSInterval, RSInterval         time.Duration // cache age of statistics; RSInterval 0 = as VSInterval
}

// DBus is the D-Bus service.
type DBus struct {
	Enabled         bool
	ServiceName     string // org.keepalived.Vrrp1
	NoInterfaceName string // none
}

// snmpRows are the rows of global_defs about the agent.
var snmpRows = blockOf[Global]{
	firstWordRow("snmp_socket", optionalWord, func(g *Global) *string { return &g.SNMP.Socket }).
		because("unix:/var/agentx/master").withoutEffect(),
	flagRow("enable_traps", func(g *Global) *bool { return &g.SNMP.Traps }).withoutEffect(),
	snmpVRRP, snmpVRRP.as("enable_snmp_keepalived"),
	{keyword: keyword{name: "enable_snmp_rfc", value: value{kind: bare}, def: "off", pending: true, on: func(d *decoder, at site) {
		s := &here[Global](at).SNMP
		s.RFCv2, s.RFCv3 = true, true
	}}},
	flagRow("enable_snmp_rfcv2", func(g *Global) *bool { return &g.SNMP.RFCv2 }).withoutEffect(),
	flagRow("enable_snmp_rfcv3", func(g *Global) *bool { return &g.SNMP.RFCv3 }).withoutEffect(),
	flagRow("enable_snmp_checker", func(g *Global) *bool { return &g.SNMP.LVS }).withoutEffect(),
	statsInterval("snmp_vs_stats_update_interval", "5", 5*time.Second, func(s *SNMP) *time.Duration { return &s.VSInterval }),
	statsInterval("snmp_rs_stats_update_interval", "snmp_vs_stats_update_interval", 0,
		func(s *SNMP) *time.Duration { return &s.RSInterval }),
}

var snmpVRRP = flagRow("enable_snmp_vrrp", func(g *Global) *bool { return &g.SNMP.VRRP }).withoutEffect()

// statsInterval is how old statistics may be.
func statsInterval(name, def string, without time.Duration, field func(*SNMP) *time.Duration) row[Global] {
	r := durationRow(name, decimal(1000, 30_000_000), func(g *Global) *time.Duration { return field(&g.SNMP) })
	r.reset = func(g *Global) { *field(&g.SNMP) = without }
	r.print = func(p *printer, g *Global) { p.line(name, *field(&g.SNMP)) }
	return r.because(def).from("2.3.0").withoutEffect()
}

// dbusRows are the rows of global_defs about D-Bus.
var dbusRows = blockOf[Global]{
	flagRow("enable_dbus", func(g *Global) *bool { return &g.DBus.Enabled }).withoutEffect(),
	dbusName("dbus_service_name", "org.keepalived.Vrrp1", func(b *DBus) *string { return &b.ServiceName }),
	dbusName("dbus_no_interface_name", "none", func(b *DBus) *string { return &b.NoInterfaceName }).from("2.3.0"),
}

func dbusName(name, def string, field func(*DBus) *string) row[Global] {
	r := wordRow(name, optionalWord, func(g *Global) *string { return field(&g.DBus) }).because(def).withoutEffect()
	r.reset = func(g *Global) { *field(&g.DBus) = def }
	return r
}
