// Package track holds what the priorities of virtual routers depend on besides themselves.
package track

// Kind is the kind of a tracked object. Names are unique within a kind only: a script may be called eth1.
type Kind uint8

// The kinds, by the keyword that references them.
const (
	Interface       Kind = iota + 1 // track_interface
	Script                          // track_script
	Process                         // track_process
	File                            // track_file
	BFD                             // track_bfd
	VirtualServer                   // track_virtual_server
	Static                          // track_group
	Synchronization                 // lvs_sync_daemon: up when the connections of the other director have come
)

// kinds are the words for each: what it is, and how an object of it is while it speaks for a virtual router, and while it does not.
var kinds = [...]struct{ name, so, otherwise string }{
	Interface:     {"interface", "is up", "is down"},
	Script:        {"script", "succeeds", "fails"},
	Process:       {"process", "has its quorum", "lacks its quorum"},
	File:          {"file", "says 0", "says another number than 0"},
	BFD:           {"bfd", "is up", "is down"},
	VirtualServer: {"virtual server", "has its quorum", "lacks its quorum"},
	Static:        {"static", "can be had", "cannot be had"},

	Synchronization: {"synchronization", "is complete", "is not complete"},
}

// String returns interface, script, process, file, bfd, virtual server, static or synchronization.
func (k Kind) String() string {
	if int(k) < len(kinds) && k > 0 {
		return kinds[k].name
	}
	return "tracker"
}

// Condition returns how an object of the kind is while it lets a router stand for election, such as "is up", or, not so, while it
// does not.
func (k Kind) Condition(so bool) string {
	switch {
	case int(k) >= len(kinds):
		return ""
	case so:
		return kinds[k].so
	}
	return kinds[k].otherwise
}

// The values of every kind but File, whose value is the number in the file.
const (
	Down = 0
	Up   = 1
)

// ID names one tracked object.
type ID struct {
	Kind Kind
	Name string
}

// String returns for example "interface eth1".
func (id ID) String() string { return id.Kind.String() + " " + id.Name }

// InterfaceID returns the ID of the interface with that name.
func InterfaceID(name string) ID { return ID{Interface, name} }

// SynchronizationID returns the ID of what comes over the interface with that name.
func SynchronizationID(link string) ID { return ID{Synchronization, link} }
