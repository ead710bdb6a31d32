package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// A translated packet can be given another port. One of a DR or TUN service reaches its server with the port it came
// with, so that a port written for the server has no effect.
const keepsPort = "packets of DR and TUN services keep their port"

// kernelPort is the port that the kernel uses for a server with a port of its own, or 0: a translated one keeps its own, any other has
// the service's.
func (vs *VirtualServer) kernelPort(f Forwarding, port uint16) uint16 {
	switch {
	case f.Translates() && port != 0:
	case vs.ID.Addr.IsValid():
		return vs.ID.Port
	case vs.ID.Fwmark != 0 && !f.Translates():
		return 0
	}
	return port
}

// settlePort gives a server the port the kernel will use.
func (d *decoder) settlePort(vs *serverScratch, rs *realScratch) {
	switch {
	case rs.Forwarding.Translates():
	case vs.ID.Fwmark != 0:
		if rs.ID.Port != 0 {
			d.about(rs.node, diag.CodePortReset, fmt.Sprintf(
				"WARNING - fwmark virtual server %s, real server %s has port specified - clearing", vs.ID, rs.ID), "")
		}
	case vs.ID.Addr.IsValid():
		if rs.ID.Port != vs.ID.Port && rs.ID.Port != 0 {
			d.about(rs.node, diag.CodePortReset, fmt.Sprintf(
				"WARNING - virtual server %s and real server %s ports don't match - resetting", vs.ID, rs.ID), keepsPort)
		}
	default:
		d.checkGroupPorts(vs, rs)
	}
	rs.ID.Port = vs.kernelPort(rs.Forwarding, rs.ID.Port)
}

// checkGroupPorts compares the port of a server with those of a group's services, each of which the kernel uses.
func (d *decoder) checkGroupPorts(vs *serverScratch, rs *realScratch) {
	if rs.ID.Port == 0 {
		return
	}
	mark, first := false, ""
	var places []Place
	for _, e := range vs.group.Entries {
		switch {
		case e.Fwmark != 0:
			mark = true
		case e.Port != rs.ID.Port:
			if first == "" {
				first = e.service()
			}
			places = append(places, Place{Range: e.Range, Note: "a service of the group"})
		}
	}
	switch {
	case first != "":
		d.about(rs.node, diag.CodePortReset, fmt.Sprintf("virtual server %s:[%s] and real server %s ports don't match", vs.ID, first,
			rs.ID), keepsPort, places...)
	case mark:
		d.about(rs.node, diag.CodePortReset, fmt.Sprintf(
			"WARNING - fwmark virtual server %s, real server %s has port specified - port will be ignored", vs.ID, rs.ID), keepsPort)
	}
}

// service returns an address entry as keepalived shows it: "192.0.2.1,80" or "192.0.2.1-192.0.2.9,80".
func (e GroupEntry) service() string {
	if e.Last.IsValid() && e.Last != e.First {
		return fmt.Sprintf("%s-%s,%d", e.First, e.Last, e.Port)
	}
	return fmt.Sprintf("%s,%d", e.First, e.Port)
}

// settleSorryPort is settlePort for the sorry server.
func (d *decoder) settleSorryPort(vs *serverScratch, ss *SorryServer) {
	switch {
	case ss.Forwarding.Translates():
		if ss.Port == 0 && vs.ID.Addr.IsValid() {
			ss.Port = vs.ID.Port
		}
	case vs.ID.Fwmark != 0:
		if ss.Port != 0 {
			d.about(vs.sorryAt, diag.CodePortReset, fmt.Sprintf(
				"WARNING - virtual server %s, sorry server has port specified - clearing", vs.ID), keepsPort)
			ss.Port = 0
		}
	case vs.ID.Addr.IsValid():
		if ss.Port != 0 && ss.Port != vs.ID.Port {
			d.about(vs.sorryAt, diag.CodePortReset, fmt.Sprintf(
				"WARNING - virtual server %s and sorry server ports don't match - resetting", vs.ID), keepsPort)
		}
		ss.Port = vs.ID.Port
	case ss.Port != 0:
		d.about(vs.sorryAt, diag.CodePortReset, fmt.Sprintf(
			"WARNING - virtual server %s, sorry server has port specified - port will be ignored", vs.ID), keepsPort)
	}
}
