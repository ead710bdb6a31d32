package healthcheck

import (
	"vigil/confparse"
	"vigil/internal/script"
	"vigil/internal/trackfile"
)

// kind is all that this package knows of one kind of check. The next one is a file of its own, like tcp.go or http.go,
// and a line in kinds; nothing else here asks which kind a check is.
//
// Most kinds are asked by attempts. One that is told instead, by a file that changes for instance, has no attempt to
// schedule: what it is told is a Result too.
type kind struct {
	ask   func(*confparse.Checker) question
	words words
	// follow makes a kind one that is told: it returns what it begins with and how to end it, and calls tell with each
	// further result.
	follow func(from sources, asks question, tell func(Result)) (first Result, stop func())
	files  bool // what tells it is a file
}

// kinds has the kinds that are acted on. Checks of others are left out.
var kinds = map[confparse.CheckerKind]*kind{
	confparse.TCPCheck:  {ask: askTCP, words: tcpWords},
	confparse.HTTPGet:   {ask: askHTTP, words: httpWords("HTTP_CHECK")},
	confparse.SSLGet:    {ask: askHTTP, words: httpWords("SSL_CHECK")},
	confparse.GRPCCheck: {ask: askGRPC, words: grpcWords},
	confparse.MiscCheck: {ask: askMisc, words: miscWords},
	confparse.BFDCheck:  {ask: askBFD, words: bfdWords, follow: followBFD},
	confparse.FileCheck: {ask: askFile, words: fileWords, follow: followFile, files: true},
	confparse.SMTPCheck: {ask: askSMTP, words: smtpWords},
	confparse.DNSCheck:  {ask: askDNS, words: dnsWords},
	confparse.UDPCheck:  {ask: askUDP, words: udpWords},
	confparse.PingCheck: {ask: askPing, words: pingWords},
}

// question is what a check asks of its target. Two equal values ask the same in the same way, so a question must be
// comparable; thousands of checks share one.
type question interface {
	// attempt returns what asks once. step is the position in a question of several steps, 0 otherwise.
	attempt(with means, step int) Checker
	// policy returns what follows from the answers.
	policy(timing) policy
	// same reports whether an answer to q holds for this question too, so that a reload carries it over.
	same(q question) bool
}

// sources are who tells checks that are told.
type sources struct {
	files    *trackfile.Watcher
	sessions *BFDSessions // nil: nobody tells of any
}

// means are what an attempt can make use of.
type means struct {
	via     dial         // to the target
	echoes  *echoSockets // of the Manager
	scripts *script.Runner
	tls     *TLSMaterial
	// expressions are those that attempts search replies for.
	expressions *expressions
}

// subject is implemented by questions that are not asked of an address: it says whom they ask instead.
type subject interface{ subject() string }

// words are how the log speaks of a kind of check: those that operators of keepalived search their logs for. server is
// the name of the real server.
type words struct {
	check  string                                   // what failed, in "CHECK on service SERVER failed."
	passed func(server string) string               // the check passes now
	failed func(server, reason string) string       // an attempt has failed; nil: in the words of verdict
	step   func(server, reason, step string) string // a step passes while the check is down; nil: it has one step
	// verdict tells of a verdict where the lines are other than those of most. An empty line is not written.
	verdict func(told) string
	alert   func(told) string // the text of a mail about a verdict
	first   bool              // a first verdict is always worth a mail
	awaited bool              // that a server which alpha holds down is down is no news
}

// told is what there is to tell of a verdict, or of an attempt that led to none.
type told struct {
	verdict    verdict
	retries    uint32 // that were made before it failed
	retry      uint32 // how many there can be
	attempt    uint32 // of an attempt that led to no verdict: how many have failed in a row
	server, vs string // their names
	spec       CheckSpec
	result     Result
}
