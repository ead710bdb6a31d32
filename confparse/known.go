package confparse

import (
	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// Known is what a Load learned of the virtual servers whose text alone says what they mean. Handed to the next Load in
// Env, it saves reading again those whose text has stayed the same, wherever it now stands: they are in its Config with
// VirtualServer.Unchanged set.
type Known struct {
	logAll  bool // checker_log_all_failures, which every checker inherits
	text    *syntax.Known
	servers []VirtualServerID // by the blocks of text
}

// serverStream decodes virtual servers while the rest of the configuration is still being read.
type serverStream struct {
	d       *decoder
	text    *syntax.Stream
	before  *Known            // from the Load before, or nil
	servers []VirtualServerID // as taken, or passed over
}

func newServerStream(d *decoder, r *syntax.Reader, before *Known) *serverStream {
	s := &serverStream{d: d, before: before}
	var text *syntax.Known
	if before != nil {
		text = before.text
		d.servers = make(map[VirtualServerID]*VirtualServer, len(before.servers))
		s.servers = make([]VirtualServerID, 0, len(before.servers))
	}
	s.text = r.Stream(syntax.Sink{Of: inVirtualServer, Alone: alone, Begin: d.globals, Take: s.take, Pass: s.pass}, text)
	return s
}

// known returns what this Load has learned.
func (s *serverStream) known() *Known {
	return &Known{logAll: s.d.cfg.Global.LogAllFailures, text: s.text.Learned(), servers: s.servers}
}

// alone reports whether the virtual_server n needs no other block to be understood.
func alone(n *Node) bool { return n.Arg(0) != "group" }

// take decodes the virtual_server n, and reports whether it is one of the configuration, all of which has an effect. One with members from
// outside is always read again: what it is does not follow from what it was.
func (s *serverStream) take(n *Node) bool {
	count, unsupported := len(s.d.cfg.VirtualServers), s.d.unsupported
	s.d.statement(site{n, s.d.cfg})
	if len(s.d.cfg.VirtualServers) == count {
		s.servers = append(s.servers, VirtualServerID{})
		return false
	}
	vs := s.d.cfg.VirtualServers[count]
	s.servers = append(s.servers, vs.ID)
	return s.d.unsupported == unsupported && len(vs.Sources) == 0
}

// pass takes over a server of the Load before.
func (s *serverStream) pass(i int, at diag.Range) bool {
	id := s.before.servers[i]
	if s.before.logAll != s.d.cfg.Global.LogAllFailures || s.d.servers[id] != nil {
		return false
	}
	vs := &VirtualServer{ID: id, Unchanged: true, Range: at}
	s.d.servers[id] = vs
	s.d.cfg.VirtualServers = append(s.d.cfg.VirtualServers, vs)
	s.servers = append(s.servers, id)
	return true
}
