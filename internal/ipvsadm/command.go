package ipvsadm

import (
	"vigil/ipvs"
)

// Verb is what a command line asks for.
type Verb uint8

// The commands.
const (
	AddService Verb = iota + 1
	EditService
	DeleteService
	Flush
	Restore
	Save
	AddServer
	EditServer
	DeleteServer
	List
	Zero
	SetTimeouts
	StartDaemon
	StopDaemon
	Help
)

// verbNames are the names of the commands in complaints.
var verbNames = [...]string{AddService: "add-service", EditService: "edit-service", DeleteService: "delete-service", Flush: "flush",
	Restore: "restore", Save: "save", AddServer: "add-server", EditServer: "edit-server", DeleteServer: "delete-server", List: "list",
	Zero: "zero", SetTimeouts: "set", StartDaemon: "start-daemon", StopDaemon: "stop-daemon", Help: "help"}

// Command is a command line that can be carried out.
type Command struct {
	Verb      Verb
	Service   ipvs.ServiceKey // zero: none was named, which for List and Zero is all of them
	Attrs     ipvs.ServiceAttrs
	Dest      ipvs.DestKey
	DestAttrs ipvs.DestAttrs
	Timeouts  ipvs.Timeouts
	Sync      ipvs.SyncDaemon
	Show      Show
}

// Show says what List and Save print, and how.
type Show struct {
	Connections    bool
	Timeouts       bool
	Daemons        bool
	Stats          bool
	Rates          bool
	Thresholds     bool
	PersistentConn bool
	TunnelInfo     bool
	Exact          bool // numbers in full
	NoSort         bool // in the kernel's order
	Numeric        bool // no names
}

// The exit statuses.
const (
	exitOK       = 0
	exitMissing  = 1   // the service to list is not there
	exitHelp     = 1   // of ipvsadm-save, told to explain itself
	exitUsage    = 2   // the command line makes no sense
	exitRejected = 255 // the kernel, or the scanner of options, declined
)

// failure is an error with the exit status that it means.
type failure struct {
	text   string
	status int
	final  bool // no command of a Restore is carried out after it
}

func (f failure) Error() string { return f.text }
