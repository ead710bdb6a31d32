// Package vrrp runs the virtual routers of a process: the shell around package election, which decides, and package lan,
// which is the kernel.
//
// A Runner gives the Engine what comes from sockets and from the kernel's notifications, sends adverts, and has one worker
// for each virtual router do what may take long. FromConfig says what a configuration asks of it, Status how things are,
// Change what has happened.
package vrrp
