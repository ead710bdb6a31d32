// Package connsync has a director that starts, or whose link comes back, learn the connections that the master's kernel has.
//
// The kernel's own synchronization (lvs_sync_daemon) tells of a connection when packets of it come. So a director that begins
// to listen knows nothing of those that are silent, and breaks them when it takes over. Here it asks, and the master answers
// with its whole table in messages of the kernel's own protocol, which the asking director's kernel reads as any other:
//
//	asking director                           master
//	    │ Ask ─────────────────────────────────▶ │  to the group, next port
//	    │ ◀───────────────── connections … ───── │  to the group, the kernel's port
//	    │ ◀─────────────────────────── Mark 1 ── │
//	    │ Ack 1 ───────────────────────────────▶ │  the kernel has read what came before
//	    │                 …                      │
//	    │ ◀────────────────────────────── End ── │
//
// Who asked and does not want to know any more says Drop, so that nobody waits for it.
//
// Keepalived ignores these questions, and so does the kernel. Nothing of it is authenticated, as nothing of the kernel's protocol is.
package connsync
