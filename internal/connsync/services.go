package connsync

import "net/netip"

// Server is a server of a virtual service in the master's kernel.
type Server struct {
	Protocol   uint8          // of the service; 0 with Mark
	Virtual    netip.AddrPort // port 0: every port
	Mark       uint32         // instead of Virtual
	Address    netip.AddrPort
	Forwarding Forwarding
	Persistent uint32 // seconds
}

// Services tell what is known about connections. The listing of the kernel does not say how a connection is forwarded, and the
// kernel that is told of it looks for its server by that.
type Services struct {
	servers  map[serverKey]Known
	marked   map[netip.Addr][]markedServer // of firewall marks, by the address of the server
	services map[serverKey]Known           // without a server: of any that the service has
}

type serverKey struct {
	protocol uint8
	virtual  netip.AddrPort
	mark     uint32
	server   netip.AddrPort
}

type markedServer struct {
	port uint16
	Known
}

// NewServices indexes the servers of the kernel's table.
func NewServices(list []Server) *Services {
	s := &Services{make(map[serverKey]Known, len(list)), make(map[netip.Addr][]markedServer), make(map[serverKey]Known)}
	for _, e := range list {
		known := Known{e.Forwarding, e.Mark, e.Persistent}
		key := serverKey{e.Protocol, e.Virtual, e.Mark, netip.AddrPort{}}
		if _, has := s.services[key]; !has || e.Forwarding != local {
			s.services[key] = known
		}
		key.server = e.Address
		s.servers[key] = known
		if e.Mark != 0 {
			s.marked[e.Address.Addr()] = append(s.marked[e.Address.Addr()], markedServer{e.Address.Port(), known})
		}
	}
	return s
}

// find returns what is known about a connection, false if no service is for it any more. One of a server that has left is
// forwarded as the others of its service are.
func (s *Services) find(c *Connection) (Known, bool) {
	if mark := c.Mark(); mark != 0 {
		for _, m := range s.marked[c.Server.Addr()] {
			if m.Mark == mark && m.serves(c) {
				return m.Known, true
			}
		}
		known, ok := s.services[serverKey{mark: mark}]
		return known, ok
	}
	for _, port := range servicePorts(c) {
		service := serverKey{protocol: c.Protocol, virtual: netip.AddrPortFrom(c.Virtual.Addr(), port)}
		for _, to := range []uint16{c.Server.Port(), 0} {
			key := service
			key.server = netip.AddrPortFrom(c.Server.Addr(), to)
			if known, ok := s.servers[key]; ok {
				return known, true
			}
		}
		if known, ok := s.services[service]; ok {
			return known, true
		}
	}
	for _, m := range s.marked[c.Server.Addr()] {
		if m.serves(c) {
			return m.Known, true
		}
	}
	return Known{}, false
}

// servicePorts are the ports of the service that the kernel looks for, in its order: the own one, that of FTP for what may be a data
// connection or a template of it, and that of a service for every port.
func servicePorts(c *Connection) []uint16 {
	port := c.Virtual.Port()
	if c.Protocol == protocolTCP && (port == 0 && c.Template || port == ftpData || port >= 1024) {
		return []uint16{port, ftp, 0}
	}
	return []uint16{port, 0}
}

const ftpData, ftp = 20, 21

// local is the method of a server that is the director itself, which another director's is not.
const local Forwarding = 1

// serves reports whether connections to the server's port are the marked service's.
func (m markedServer) serves(c *Connection) bool {
	return m.port == 0 || c.Server.Port() == 0 || m.port == c.Server.Port()
}
