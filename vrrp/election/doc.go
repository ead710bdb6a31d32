// Package election decides which machine is MASTER and has the virtual addresses: VRRP version 2 (RFC 3768) and version 3
// (RFC 9568), with keepalived's FAULT state, sync groups and tracking.
//
// It is pure. A Machine is one virtual router, an Engine all of a process. Step takes what happened and the time and
// returns the actions to carry out, in order; Deadline says when to call again if nothing happens. Spec is the desired
// state, and Apply goes from one to the next.
//
// Words: a router is a virtual router of this process, a peer is another machine's part in it, and whoever is MASTER
// (RFC 9568 calls it Active) serves the addresses. Timers have the names of RFC 9568 §6.2. Start reading at Machine.Step;
// receive.go is §6.4.2 and §6.4.3, transition.go what follows from them, resources.go and announce.go what is put in place
// and told to the neighbours, group.go and reload.go what the Engine adds.
package election
