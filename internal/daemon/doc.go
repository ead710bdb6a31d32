// Package daemon is the only place that knows all parts: it loads the configuration, derives the desired state,
// compares it with the running one, has every part prepare and then commit the difference, and supervises what runs.
//
// One goroutine, that of Run, owns everything. What takes long does not happen in it: reload.go reads, compares and
// prepares beside it, and services.go carries what the checks find to the table by itself. What operators ask comes in
// through one channel (request.go), and whoever shows the state of things reads one value (status.go).
//
//	load.go       configuration → Desired (desired.go), or why not
//	plan.go       what leads from one Desired to the next: the sum of what the parts say
//	part.go       the ordered list of parts and the walks over it: prepare, commit, stop
//	routers.go    the part that runs VRRP
//	services.go   the part that runs health checks and the IPVS table
//	daemon.go     start, the event loop, what the end of a part means, stop
//
// A new part is a file with its methods and a place in the list of newDaemon; a new command is an entry of commands in
// request.go.
package daemon
