// Package testlan builds small networks out of Linux network namespaces: hosts, segments (bridges) and cables (veth pairs)
// whose ends have known MAC addresses, programs that run in them, and a recorder of what is on the wire.
//
// Everything lives in namespaces named vigil-PID-N-HOST, so a network of a test that was killed is recognised, and removed,
// by the next New. Nothing here decides anything about VRRP or IPVS: it is the laboratory, not the subject.
//
// Times in Frame, Advert, Announcement and Line are the wall clock of this machine, so that all of them compare; frames carry
// the kernel's own receive time.
package testlan
