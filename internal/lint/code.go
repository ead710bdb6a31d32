package lint

import (
	"maps"
	"slices"

	"vigil/confparse"
	"vigil/confparse/diag"
)

// The codes of this package; docs/lint.md has a section on each. A number that is no longer used is not used again.
//
//	VL1xxx  instances and what they track
//	VL2xxx  virtual servers and checks
//	VL3xxx  words of any block
//	VL5xxx  two directors' files
const (
	WeightWithoutEffect = diag.LintBase + 1001
	WeightAndNoPreempt  = diag.LintBase + 1002
	StrictDropsService  = diag.LintBase + 1003
	WordCutByComment    = diag.LintBase + 1004
	OwnAddressAsPeer    = diag.LintBase + 1005
	ScriptOverrun       = diag.LintBase + 1006
	AlertsToNobody      = diag.LintBase + 1007
	MixedPreemption     = diag.LintBase + 1008
	FloatingSource      = diag.LintBase + 1009
	SourceLeftOpen      = diag.LintBase + 1010
	UnusedTracker       = diag.LintBase + 1011

	AddressOfNobody = diag.LintBase + 2001
	CheckOverrun    = diag.LintBase + 2002
	NoCheck         = diag.LintBase + 2003
	OtherPort       = diag.LintBase + 2004
	NoWeight        = diag.LintBase + 2005
	ServerIsService = diag.LintBase + 2006
	WrongForTLS     = diag.LintBase + 2007
	SharedService   = diag.LintBase + 2008

	FlagTurnedOff = diag.LintBase + 3001

	PairMissing        = diag.LintBase + 5001
	PairVRID           = diag.LintBase + 5002
	PairAddresses      = diag.LintBase + 5003
	PairExcluded       = diag.LintBase + 5004
	PairVersion        = diag.LintBase + 5005
	PairInterval       = diag.LintBase + 5006
	PairAuthentication = diag.LintBase + 5007
	PairTransport      = diag.LintBase + 5008
	PairPeers          = diag.LintBase + 5009
	PairSource         = diag.LintBase + 5010
	PairTie            = diag.LintBase + 5011
	PairWeight         = diag.LintBase + 5012
	PairNoPreempt      = diag.LintBase + 5013
	PairGroup          = diag.LintBase + 5014
	PairNoService      = diag.LintBase + 5015
	PairService        = diag.LintBase + 5016
	PairChecksum       = diag.LintBase + 5017
	PairGroupSplit     = diag.LintBase + 5018
	PairSyncDaemon     = diag.LintBase + 5019
)

type codeInfo struct {
	severity confparse.Severity // unless the rule knows better
	title    string
}

var codes = map[confparse.Code]codeInfo{
	WeightWithoutEffect: {confparse.Warning, "a weight that can never cause a failover"},
	WeightAndNoPreempt:  {confparse.Note, "weights next to nopreempt"},
	StrictDropsService:  {confparse.Warning, "strict mode drops the packets of a virtual server"},
	WordCutByComment:    {confparse.Warning, "a comment begins inside a word"},
	OwnAddressAsPeer:    {confparse.Error, "an instance is its own unicast peer"},
	ScriptOverrun:       {confparse.Warning, "a script may still run when its next run is due"},
	AlertsToNobody:      {confparse.Warning, "mail alerts without anyone to send them to"},
	MixedPreemption:     {confparse.Warning, "nopreempt on some members of a sync group only"},
	FloatingSource:      {confparse.Warning, "adverts from an address that floats"},
	SourceLeftOpen:      {confparse.Note, "unicast without unicast_src_ip"},
	UnusedTracker:       {confparse.Note, "a tracker nobody uses"},

	AddressOfNobody: {confparse.Warning, "a virtual server on an address that no instance owns"},
	CheckOverrun:    {confparse.Warning, "a check that may take longer than the time between checks"},
	NoCheck:         {confparse.Note, "a real server that nothing checks"},
	OtherPort:       {confparse.Note, "a check of another port than the one that serves"},
	NoWeight:        {confparse.Warning, "no real server ever gets a connection"},
	ServerIsService: {confparse.Warning, "a real server with the address of its virtual server"},
	WrongForTLS:     {confparse.Warning, "plain HTTP asked of a TLS port, or the other way round"},
	SharedService:   {confparse.Warning, "two virtual servers share a service of the kernel"},

	FlagTurnedOff: {confparse.Warning, "a value behind a keyword that takes none"},

	PairMissing:        {confparse.Error, "an instance that only one director has"},
	PairVRID:           {confparse.Error, "virtual router ids differ"},
	PairAddresses:      {confparse.Error, "virtual addresses differ"},
	PairExcluded:       {confparse.Warning, "excluded virtual addresses differ"},
	PairVersion:        {confparse.Error, "protocol versions differ"},
	PairInterval:       {confparse.Error, "advertisement intervals differ"},
	PairAuthentication: {confparse.Error, "authentication differs"},
	PairTransport:      {confparse.Error, "the directors do not speak to the same group or peer"},
	PairPeers:          {confparse.Error, "a unicast peer list without the other director"},
	PairSource:         {confparse.Error, "both directors have the same address"},
	PairTie:            {confparse.Warning, "equal priorities"},
	PairWeight:         {confparse.Warning, "a weight too small for the other director to take over"},
	PairNoPreempt:      {confparse.Warning, "nopreempt on the wrong director"},
	PairGroup:          {confparse.Warning, "sync groups differ"},
	PairNoService:      {confparse.Warning, "a virtual server that only one director has"},
	PairService:        {confparse.Warning, "a virtual server that the directors run differently"},
	PairChecksum:       {confparse.Error, "checksums are made differently"},
	PairGroupSplit:     {confparse.Warning, "the members of a sync group prefer different directors"},
	PairSyncDaemon:     {confparse.Warning, "connections are not shared between the directors"},
}

// Title returns what a code means in a few words, whether it is this package's or confparse's.
func Title(c confparse.Code) string {
	if i, ok := codes[c]; ok {
		return i.title
	}
	return c.Title()
}

// Codes returns every code that a finding can have, confparse's first, in order.
func Codes() []confparse.Code {
	return append(diag.Codes(), slices.Sorted(maps.Keys(codes))...)
}
