// Package bfd runs sessions of Bidirectional Forwarding Detection (RFC 5880) with neighbours over UDP, one hop away
// (RFC 5881) or several (RFC 5883), in asynchronous mode and without authentication, as keepalived does.
//
// Packet is what is on the wire. Session is the procedure of RFC 5880 §6.8: it is told the time and what happens, and
// says what is to be sent and what has changed. A table says whose a packet is. These are pure. Runner is the shell around
// them: sockets, timers, the log and the status. It knows nothing of whom its sessions matter to: Take says what has
// become of them.
package bfd
