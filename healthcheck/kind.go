package healthcheck

import (
	"net/netip"

	"vigil/confparse"
)

// kind is all that this package knows of one kind of check. The next one is a file of its own, like tcp.go or http.go,
// and a line in kinds; nothing else here asks which kind a check is.
//
// Every kind here is asked by attempts. One that is told instead, by a BFD session or a file that changes, will have no
// attempt to schedule: what it is told is a Result too, and Manager.apply takes that from wherever it comes.
type kind struct {
	ask   func(*confparse.Checker) question
	words words
}

// kinds has the kinds that are acted on. Checks of others are left out.
var kinds = map[confparse.CheckerKind]*kind{
	confparse.TCPCheck: {askTCP, tcpWords},
	confparse.HTTPGet:  {askHTTP, httpWords("HTTP_CHECK")},
	confparse.SSLGet:   {askHTTP, httpWords("SSL_CHECK")},

	confparse.SMTPCheck: {askSMTP, smtpWords},
	confparse.DNSCheck:  {askDNS, dnsWords},
	confparse.UDPCheck:  {askUDP, udpWords},
	confparse.PingCheck: {askPing, pingWords},
}

// question is what a check asks of its target. Two equal values ask the same in the same way, so a question must be
// comparable; thousands of checks share one.
type question interface {
	// attempt returns what asks once. step is the position in a question of several steps, 0 otherwise.
	attempt(via dial, step int) Checker
	// policy returns what follows from the answers.
	policy(timing) policy
	// same reports whether an answer to q holds for this question too, so that a reload carries it over.
	same(q question) bool
}

// words are how the log speaks of a kind of check: those that operators of keepalived search their logs for. server is
// the name of the real server. A kind with a line of its own for down says in it why, so that of the last attempt
// nothing is said besides.
type words struct {
	check  string                                   // what failed, in "CHECK on service SERVER failed."
	passed func(server string) string               // the check passes now; nil: nothing is said
	failed func(told) string                        // an attempt has failed
	down   func(told) string                        // the check fails, and the attempt with it; nil: the line of check
	step   func(server, reason, step string) string // a step passes while the check is down; nil: it has one step
}

// told is what a line of the log tells of a check that fails.
type told struct {
	server  string         // the name of the real server
	target  netip.AddrPort // who was asked
	reason  string
	retries uint32 // made before the check failed for good
}
