// Package notify tells pipes, programs and people what has happened. Whoever tells never waits: messages are queued, within
// a bound, and delivered in order, to a pipe and by mail in the order of all, to programs in the order of those about one
// object. Where a queue is full the oldest of its messages that later ones about the same object follow go, so that the
// last one that arrives is how things are.
package notify
