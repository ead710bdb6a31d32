// Package vrrp runs the virtual routers of a process: the shell around package election, which decides, and package lan,
// which is the kernel.
//
// A Runner gives the Engine what comes from sockets and from the kernel's notifications, sends adverts, and has one
// reconciler for each virtual router keep in the kernel what it is to have in place. FromConfig says what a configuration
// asks of it, Status how things are, Change what has happened. Everything that may take long is off Run's goroutine:
//
//	observe_linux.go    links and addresses → who is concerned (view_linux.go) → events
//	socket_linux.go     sockets: opened and closed, read before silence is believed in
//	instance_linux.go   actions of the Engine → adverts, and orders for the reconciler
//	reconcile_linux.go  resources as desired state; announce_linux.go and pacer_linux.go: announcements beside them
//	changes_linux.go    transitions for any number of readers; board_linux.go: snapshots
package vrrp
