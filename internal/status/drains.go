package status

import "time"

// Drain is a real server, or are all of an address, to which an operator lets no new clients come. It lasts until it is ended, over
// reloads and restarts, also where there is no such server at present.
type Drain struct {
	Server        string          `json:"server"`                   // an address, or an address and a port
	VirtualServer string          `json:"virtual_server,omitempty"` // as track_virtual_server has it; "": in all of them
	By            string          `json:"by"`
	Reason        string          `json:"reason"`
	Since         time.Time       `json:"since"`
	RealServers   []DrainedServer `json:"real_servers,omitempty"` // that it is about at present; not in a Status
	Error         string          `json:"error,omitempty"`        // why it is not known what they have
}

// DrainedServer is a real server that is drained, with the connections that it has in the kernel.
type DrainedServer struct {
	Name          string `json:"name"`
	VirtualServer string `json:"virtual_server"`
	Active        int    `json:"active"`
	Inactive      int    `json:"inactive"`          // they are ending, or are of UDP
	Clients       int    `json:"clients,omitempty"` // that come back to it within their persistence_timeout
}

// Connections is how many connections all of them have.
func (d *Drain) Connections() (active, inactive int) {
	for i := range d.RealServers {
		active, inactive = active+d.RealServers[i].Active, inactive+d.RealServers[i].Inactive
	}
	return active, inactive
}

// DrainArguments are those of the commands drain and undrain of the control socket, which answer with the Drain; the command drains
// has none, and answers with all of them.
type DrainArguments struct {
	Server        string `json:"server"`
	VirtualServer string `json:"virtual_server,omitempty"`
	Reason        string `json:"reason,omitempty"` // required of drain
	Force         bool   `json:"force,omitempty"`  // also if nobody is left who takes new clients
}
