// Package notify tells pipes and programs what has happened. Whoever tells never waits: messages are queued, within a
// bound, and delivered in order, to a pipe in the order of all, to programs in the order of those about one object. Where a
// queue is full the oldest of its messages goes, so that the last one that arrives is how things are.
package notify
