// Package vrrp decides which machine is MASTER and has the virtual addresses (VRRP version 2, RFC 3768, and version 3,
// RFC 9568, with keepalived's FAULT state, sync groups and tracking), and makes it so.
//
// The deciding part is pure: a Machine is one virtual router, an Engine all of a process. They take events and the time
// and return actions. The doing part is the Runner: it gives the Engine what comes from sockets and from the kernel's
// notifications, sends adverts, and has one worker for each virtual router do what may take long. Network is its view
// of the kernel; a simulated one takes its place in tests.
package vrrp
