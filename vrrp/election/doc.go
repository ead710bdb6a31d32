// Package election decides which machine is MASTER and has the virtual addresses: VRRP version 2 (RFC 3768) and version 3
// (RFC 9568), with keepalived's FAULT state, sync groups and tracking.
//
// It is pure. A Machine is one virtual router, an Engine all of a process. Step takes what happened and the time and
// returns the actions to carry out, in order; Deadline says when to call again if nothing happens. Spec is the desired
// state, and Apply goes from one to the next.
package election
