// Package track holds what the priorities of virtual routers depend on besides themselves.
package track

// Kind is the kind of a tracked object. Names are unique within a kind only: a script may be called eth1.
type Kind uint8

// The kinds, by the keyword that references them.
const (
	Interface     Kind = iota + 1 // track_interface
	Script                        // track_script
	Process                       // track_process
	File                          // track_file
	BFD                           // track_bfd
	VirtualServer                 // track_virtual_server
	Static                        // track_group
)

// String returns interface, script, process, file, bfd, virtual server or static.
func (k Kind) String() string {
	switch k {
	case Interface:
		return "interface"
	case Script:
		return "script"
	case Process:
		return "process"
	case File:
		return "file"
	case BFD:
		return "bfd"
	case VirtualServer:
		return "virtual server"
	case Static:
		return "static"
	}
	return "tracker"
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
