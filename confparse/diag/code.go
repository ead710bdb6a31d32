package diag

import (
	"fmt"
	"maps"
	"slices"
)

// Code names a kind of Diagnostic. Codes are stable: tests, documentation and grep use them.
//
//	KA1xxx  files, lines, braces
//	KA2xxx  words and values of one statement
//	KA3xxx  statements that do not fit together
//	KA4xxx  accepted without effect
//	VLnnnn  found by a linter, not by Load; LintBase + nnnn
type Code uint16

// LintBase is what the codes of a linter start from.
const LintBase Code = 10000

// String returns the code as printed: KA2013, or VL1001 for a linter's.
func (c Code) String() string {
	if c >= LintBase {
		return fmt.Sprintf("VL%04d", uint16(c-LintBase))
	}
	return fmt.Sprintf("KA%04d", uint16(c))
}

// Title returns what c means in a few words, and "" when Load never reports it.
func (c Code) Title() string { return codes[c].title }

// Codes returns every code that Load can report, in order.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// class is how keepalived counts a problem for the exit status of --config-test.
type class uint8

const (
	classNone     class = iota // not reported there, or only logged
	classMessage               // printed there, but 0
	classOrdinary              // 5
	classFatal                 // 4
	classMissing               // 2
	classSecurity              // 6, includes that a check refuses too
	classGone                  // 0, whatever else there is
)

type codeInfo struct {
	severity Severity
	class    class
	title    string
}

// The codes. A number that is no longer used is not used again.
const (
	CodeConfigUnreadable   Code = 1001
	CodeIncludeMissing     Code = 1002
	CodeIncludeNoMatch     Code = 1003
	CodeIncludeUnreadable  Code = 1004
	CodeIncludeSkipped     Code = 1005
	CodeIncludeRefused     Code = 1006
	CodeIncludeCycle       Code = 1007
	CodeRunaway            Code = 1008
	CodeTooManyProblems    Code = 1009
	CodeLineTooLong        Code = 1010
	CodeNUL                Code = 1011
	CodeUnterminatedQuote  Code = 1012
	CodeBadLoop            Code = 1013
	CodeBadParameter       Code = 1014
	CodeUndefinedParameter Code = 1015
	CodeCommentBackslash   Code = 1016
	CodeMissingOpen        Code = 1020
	CodeUnexpectedOpen     Code = 1021
	CodeExtraClose         Code = 1022
	CodeMissingClose       Code = 1023
	CodeMissingAtEnd       Code = 1024
	CodeClosedEarly        Code = 1025

	CodeUnknownKeyword    Code = 2001
	CodeMissingArgument   Code = 2002
	CodeArgumentExpected  Code = 2003
	CodeExtraWords        Code = 2004
	CodeDeprecated        Code = 2005
	CodeRepeated          Code = 2006
	CodeReplaced          Code = 2007
	CodeBadNumber         Code = 2010
	CodeTrailingJunk      Code = 2011
	CodeTooManyDecimals   Code = 2012
	CodeBadBool           Code = 2013
	CodeBadAddress        Code = 2014
	CodeBadVirtualAddress Code = 2015
	CodeBadServerAddress  Code = 2016
	CodeBadPeer           Code = 2017
	CodeBadInterfaceName  Code = 2018
	CodeUnknownWord       Code = 2019
	CodeUnknownItemWord   Code = 2020
	CodeUnknownMethod     Code = 2021
	CodeBadHex            Code = 2022
	CodeRaised            Code = 2023
	CodeNameTruncated     Code = 2024
	CodePasswordTruncated Code = 2025
	CodeIPv4Only          Code = 2026
	CodeIPv4Broadcast     Code = 2027
	CodeNoBroadcast       Code = 2028
	CodeSlowPacing        Code = 2029
	CodeMissingName       Code = 2030
	CodeExtraName         Code = 2031
	CodeDuplicateName     Code = 2032
	CodeStateConflict     Code = 2033
	CodeOldName           Code = 2034
	CodeIPTables          Code = 2035
	CodeEmptyList         Code = 2036
	CodeUnresolved        Code = 2037
	CodeScriptQuotes      Code = 2038
	CodeBadMAC            Code = 2039
	CodeBadRange          Code = 2040
	CodeBadRoute          Code = 2041
	CodeBadRule           Code = 2042
	CodeBadName           Code = 2043
	CodeBadTunnel         Code = 2044
	CodeIgnoredWord       Code = 2045
	CodeUnknownOption     Code = 2046
	CodeNativeIPv6        Code = 2047
	CodeBadPort           Code = 2048
	CodeSecondName        Code = 2049
	CodeOverridden        Code = 2050
	CodeBadRegex          Code = 2051

	CodeNoInterface              Code = 3001
	CodeNoInterfaceYet           Code = 3002
	CodeFamilyMismatch           Code = 3003
	CodeDuplicateAddress         Code = 3004
	CodeDuplicatePeer            Code = 3005
	CodeDuplicateTrack           Code = 3006
	CodeNoVRID                   Code = 3007
	CodeInstanceWithoutInterface Code = 3008
	CodeNoVIP                    Code = 3009
	CodeIntervalRounded          Code = 3010
	CodeStrict                   Code = 3011
	CodeVIPRequired              Code = 3012
	CodeNoPreemptMaster          Code = 3013
	CodePreemptDelay             Code = 3014
	CodeAuthIgnored              Code = 3015
	CodeUnicastNoPeer            Code = 3016
	CodeOwnInterface             Code = 3017
	CodeOwnerWeight              Code = 3018
	CodeUnknownMember            Code = 3019
	CodeTwoGroups                Code = 3020
	CodeEmptyGroup               Code = 3021
	CodeLonelyGroup              Code = 3022
	CodeDuplicateVRID            Code = 3023
	CodeSchedulerFlag            Code = 3030
	CodeNoSorry                  Code = 3031
	CodeCheckerDropped           Code = 3032
	CodeURLDropped               Code = 3033
	CodeNoRealServer             Code = 3034
	CodeProtocolOnMark           Code = 3035
	CodeNoProtocol               Code = 3036
	CodeNoScheduler              Code = 3037
	CodeNoMethod                 Code = 3038
	CodeOPS                      Code = 3039
	CodeSuspendMark              Code = 3040
	CodeDuplicateServer          Code = 3041
	CodePortZero                 Code = 3042
	CodePortReset                Code = 3043
	CodeDuplicateReal            Code = 3044
	CodeThresholds               Code = 3045
	CodeQuorum                   Code = 3046
	CodeSorryInhibit             Code = 3047
	CodeUnknownGroup             Code = 3048
	CodeGroupFamily              Code = 3049
	CodeFullNAT                  Code = 3050
	CodeMemberSource             Code = 3051
	CodeMemberFile               Code = 3052
	CodeAnnouncement             Code = 3053
	CodeNoAccount                Code = 3060
	CodeScriptMissing            Code = 3061
	CodeScriptNotExecutable      Code = 3062
	CodeScriptInsecure           Code = 3063
	CodeScriptSecurity           Code = 3064
	CodeTrackerDropped           Code = 3065
	CodeUnknownTracker           Code = 3066
	CodeTrackerWeight            Code = 3067
	CodeBFDDropped               Code = 3069
	CodeNotTracked               Code = 3070
	CodeNoDevice                 Code = 3071
	CodeRuleNoPreference         Code = 3072
	CodeVMAC                     Code = 3073
	CodeHMAC                     Code = 3074
	CodeDelayInterface           Code = 3075
	CodeTooManyVIPs              Code = 3076
	CodeSyncInstance             Code = 3077
	CodeIPVLANAddress            Code = 3078
	CodeTrackBoth                Code = 3079
	CodeNoNamespace              Code = 3080
	CodeNotifyMissing            Code = 3081

	CodeWideGroup Code = 3083
	CodeKeyFile   Code = 3084

	CodeAddressNowhere Code = 3085

	CodeNotSupported Code = 4001
	CodeNeedless     Code = 4002
)

// Incomplete reports whether c says that something is not there, which is no news of a block that lost a part.
func (c Code) Incomplete() bool {
	switch c {
	case CodeNoVRID, CodeInstanceWithoutInterface, CodeNoVIP, CodeVIPRequired, CodeNoProtocol, CodeNoScheduler, CodeNoMethod,
		CodeNoRealServer, CodeCheckerDropped, CodeURLDropped, CodeTrackerDropped, CodeScriptQuotes, CodeEmptyGroup:
		return true
	}
	return false
}

// FoundAtEnd reports whether c is only known when all of a block was read.
func (c Code) FoundAtEnd() bool { return c.Incomplete() || c == CodeUnicastNoPeer }

// Severity returns how much a problem of kind c matters, unless its reading is strict.
func (c Code) Severity() Severity { return c.info().severity }

// Counted reports whether keepalived counts a problem of kind c for the exit status of --config-test.
func (c Code) Counted() bool { return c.info().class > classMessage }

// Printed reports whether keepalived prints a problem of kind c in its --config-test.
func (c Code) Printed() bool { return c.info().class != classNone }

// info returns what is known of c. An unlisted code would be a mistake of this package; it counts as an error.
func (c Code) info() codeInfo {
	if i, ok := codes[c]; ok {
		return i
	}
	return codeInfo{Error, classOrdinary, "unlisted"}
}

var codes = map[Code]codeInfo{
	CodeConfigUnreadable:   {Fatal, classMessage, "the configuration file cannot be read"},
	CodeIncludeMissing:     {Fatal, classMessage, "an included file does not exist"},
	CodeIncludeNoMatch:     {Warning, classMessage, "the pattern of an include matches nothing"},
	CodeIncludeUnreadable:  {Fatal, classMessage, "an included file cannot be read"},
	CodeIncludeSkipped:     {Warning, classMessage, "a file that matches an include is left out"},
	CodeIncludeRefused:     {Fatal, classSecurity, "an include fails a check that was asked for"},
	CodeIncludeCycle:       {Fatal, classOrdinary, "a file includes itself"},
	CodeRunaway:            {Fatal, classOrdinary, "expansion does not end"},
	CodeTooManyProblems:    {Fatal, classOrdinary, "too many problems to show"},
	CodeLineTooLong:        {Error, classOrdinary, "a line is too long"},
	CodeCommentBackslash:   {Warning, classMessage, "a comment ends in a backslash"},
	CodeNUL:                {Fatal, classOrdinary, "a line has a NUL byte"},
	CodeUnterminatedQuote:  {Error, classOrdinary, "a quote is not closed"},
	CodeBadLoop:            {Error, classOrdinary, "a ~SEQ or ~LST is malformed"},
	CodeBadParameter:       {Warning, classOrdinary, "a predefined parameter is used wrongly"},
	CodeUndefinedParameter: {Warning, classNone, "a parameter is not defined"},
	CodeMissingOpen:        {Fatal, classOrdinary, "the '{' of a block is missing"},
	CodeUnexpectedOpen:     {Error, classOrdinary, "a '{' stands where no block begins"},
	CodeExtraClose:         {Fatal, classOrdinary, "a '}' closes nothing"},
	CodeMissingClose:       {Fatal, classOrdinary, "the '}' of a block is missing before a keyword of an outer block"},
	CodeMissingAtEnd:       {Fatal, classOrdinary, "a block is not closed at the end of the file"},
	CodeClosedEarly:        {Error, classOrdinary, "a '}' ends a block that goes on"},

	CodeUnknownKeyword:    {Warning, classOrdinary, "an unknown keyword"},
	CodeMissingArgument:   {Fatal, classMissing, "a required argument is missing"},
	CodeArgumentExpected:  {Warning, classOrdinary, "an argument is missing"},
	CodeExtraWords:        {Warning, classOrdinary, "words that mean nothing"},
	CodeDeprecated:        {Warning, classOrdinary, "a deprecated keyword"},
	CodeRepeated:          {Warning, classOrdinary, "a setting is given twice; the first counts"},
	CodeReplaced:          {Warning, classOrdinary, "a setting is given twice; the last counts"},
	CodeBadNumber:         {Error, classOrdinary, "not a number, or out of range"},
	CodeTrailingJunk:      {Warning, classOrdinary, "something follows a number"},
	CodeTooManyDecimals:   {Warning, classOrdinary, "more decimals than are used"},
	CodeBadBool:           {Error, classOrdinary, "not a boolean"},
	CodeBadAddress:        {Error, classOrdinary, "not an address"},
	CodeBadVirtualAddress: {Fatal, classOrdinary, "a virtual address is not an address"},
	CodeBadServerAddress:  {Fatal, classOrdinary, "address, port or mark of a server is not valid"},
	CodeBadPeer:           {Fatal, classOrdinary, "a unicast peer is not an address"},
	CodeBadInterfaceName:  {Error, classOrdinary, "not the name of an interface"},
	CodeUnknownWord:       {Error, classOrdinary, "a word that is not one of the known ones"},
	CodeUnknownItemWord:   {Warning, classOrdinary, "an unknown word in an item"},
	CodeUnknownMethod:     {Error, classOrdinary, "an unknown forwarding method"},
	CodeBadHex:            {Error, classOrdinary, "not the expected hexadecimal digits"},
	CodeRaised:            {Warning, classOrdinary, "a value is moved into its range"},
	CodeNameTruncated:     {Warning, classOrdinary, "a name is cut off"},
	CodePasswordTruncated: {Warning, classOrdinary, "a password is cut off"},
	CodeIPv4Only:          {Warning, classOrdinary, "a setting that only IPv4 addresses have"},
	CodeIPv4Broadcast:     {Fatal, classOrdinary, "a broadcast address for IPv6"},
	CodeNoBroadcast:       {Warning, classOrdinary, "no room for a broadcast address"},
	CodeSlowPacing:        {Note, classNone, "a long gap between announcements"},
	CodeMissingName:       {Fatal, classOrdinary, "a block has no name"},
	CodeExtraName:         {Fatal, classOrdinary, "a block has more than a name"},
	CodeDuplicateName:     {Fatal, classOrdinary, "a name is defined twice"},
	CodeStateConflict:     {Warning, classOrdinary, "two initial states"},
	CodeSecondName:        {Warning, classNone, "words behind a name"},
	CodeOverridden:        {Warning, classNone, "a setting is given twice, which keepalived does not mention"},
	CodeBadPort:           {Fatal, classOrdinary, "not a port"},
	CodeNativeIPv6:        {Note, classNone, "native_ipv6 is not needed"},
	CodeOldName:           {Note, classNone, "an old name of a keyword"},
	CodeIPTables:          {Warning, classOrdinary, "iptables is not used, nftables is"},
	CodeEmptyList:         {Warning, classOrdinary, "an empty list"},
	CodeUnresolved:        {Warning, classOrdinary, "a host name without an address"},
	CodeScriptQuotes:      {Error, classOrdinary, "the quotes of a program do not match"},
	CodeBadMAC:            {Error, classOrdinary, "not a MAC address"},
	CodeBadRange:          {Fatal, classOrdinary, "not a range of addresses"},
	CodeBadRoute:          {Error, classOrdinary, "a route that cannot be read"},
	CodeBadRule:           {Error, classOrdinary, "a rule that cannot be read"},
	CodeBadName:           {Error, classOrdinary, "not a valid name"},
	CodeBadTunnel:         {Error, classOrdinary, "tunnel options that do not fit"},
	CodeBadRegex:          {Error, classNone, "an expression that cannot be used"},
	CodeUnknownOption:     {Warning, classNone, "an option that keepalived passes over"},
	CodeIgnoredWord:       {Warning, classOrdinary, "a word without effect"},

	CodeNoInterface:              {Error, classOrdinary, "an interface does not exist"},
	CodeNoInterfaceYet:           {Note, classNone, "an interface does not exist yet"},
	CodeFamilyMismatch:           {Error, classOrdinary, "address families do not fit"},
	CodeDuplicateAddress:         {Warning, classNone, "an address is given twice"},
	CodeDuplicatePeer:            {Warning, classNone, "a peer is given twice"},
	CodeDuplicateTrack:           {Warning, classOrdinary, "something is tracked twice"},
	CodeNoVRID:                   {Fatal, classOrdinary, "an instance has no virtual router id"},
	CodeInstanceWithoutInterface: {Fatal, classOrdinary, "an instance has no interface"},
	CodeNoVIP:                    {Warning, classOrdinary, "an instance has no virtual address"},
	CodeIntervalRounded:          {Warning, classOrdinary, "an interval the protocol version cannot carry"},
	CodeStrict:                   {Warning, classOrdinary, "a setting that strict mode forbids"},
	CodeVIPRequired:              {Fatal, classOrdinary, "an instance must have a virtual address"},
	CodeNoPreemptMaster:          {Warning, classOrdinary, "nopreempt with an initial MASTER"},
	CodePreemptDelay:             {Warning, classOrdinary, "preempt_delay that cannot work"},
	CodeAuthIgnored:              {Warning, classOrdinary, "authentication that is not used"},
	CodeUnicastNoPeer:            {Warning, classOrdinary, "unicast settings without a peer"},
	CodeOwnInterface:             {Warning, classOrdinary, "an instance tracks its own interface"},
	CodeOwnerWeight:              {Warning, classOrdinary, "a weight on an address owner"},
	CodeUnknownMember:            {Error, classOrdinary, "a sync group names an unknown instance"},
	CodeTwoGroups:                {Error, classOrdinary, "an instance in two sync groups"},
	CodeEmptyGroup:               {Error, classOrdinary, "a group without members"},
	CodeLonelyGroup:              {Warning, classOrdinary, "a group of one"},
	CodeDuplicateVRID:            {Fatal, classOrdinary, "two instances share a virtual router id on one link"},
	CodeSchedulerFlag:            {Warning, classOrdinary, "a flag of another scheduler"},
	CodeNoSorry:                  {Warning, classOrdinary, "a modifier of a sorry server that is not there"},
	CodeCheckerDropped:           {Error, classOrdinary, "a checker that cannot work"},
	CodeURLDropped:               {Error, classOrdinary, "a url without a path"},
	CodeNoRealServer:             {Warning, classOrdinary, "a virtual server without real servers"},
	CodeProtocolOnMark:           {Warning, classOrdinary, "a protocol on a firewall mark"},
	CodeNoProtocol:               {Warning, classOrdinary, "no protocol"},
	CodeNoScheduler:              {Warning, classOrdinary, "no scheduler"},
	CodeNoMethod:                 {Warning, classOrdinary, "no forwarding method"},
	CodeOPS:                      {Warning, classOrdinary, "one-packet scheduling of something that is not UDP"},
	CodeSuspendMark:              {Warning, classOrdinary, "ha_suspend on a firewall mark"},
	CodeDuplicateServer:          {Error, classNone, "a virtual server is configured twice"},
	CodePortZero:                 {Warning, classOrdinary, "all ports without persistence"},
	CodePortReset:                {Warning, classOrdinary, "a port that the forwarding method cannot change"},
	CodeDuplicateReal:            {Warning, classOrdinary, "a real server is given twice"},
	CodeThresholds:               {Warning, classNone, "connection limits the kernel refuses"},
	CodeQuorum:                   {Warning, classOrdinary, "a quorum that cannot be reached"},
	CodeSorryInhibit:             {Warning, classOrdinary, "sorry server and real server disagree"},

	CodeUnknownGroup:        {Error, classNone, "a virtual server names an unknown group"},
	CodeFullNAT:             {Warning, classOrdinary, "FNAT of a firewall mark, or of every port"},
	CodeMemberSource:        {Fatal, classOrdinary, "a source of real servers is not valid"},
	CodeMemberFile:          {Warning, classMessage, "a file with real servers cannot be used"},
	CodeAnnouncement:        {Warning, classOrdinary, "announce_on without an address, or with ha_suspend"},
	CodeGroupFamily:         {Error, classNone, "address families of a group do not fit"},
	CodeNoAccount:           {Error, classOrdinary, "a user or group does not exist"},
	CodeNoNamespace:         {Fatal, classGone, "a network namespace does not exist"},
	CodeNotifyMissing:       {Warning, classNone, "a program does not exist or cannot be run"},
	CodeScriptMissing:       {Error, classOrdinary, "a program does not exist"},
	CodeScriptNotExecutable: {Error, classNone, "a program cannot be run"},
	CodeScriptInsecure:      {Error, classNone, "a program can be changed by others than root"},
	CodeScriptSecurity:      {Warning, classSecurity, "programs are run without enable_script_security"},
	CodeTrackerDropped:      {Error, classOrdinary, "a tracker that cannot work"},
	CodeUnknownTracker:      {Error, classOrdinary, "something unknown is tracked"},
	CodeTrackerWeight:       {Warning, classOrdinary, "a weight that has no effect"},
	CodeBFDDropped:          {Error, classOrdinary, "a BFD session that cannot work"},
	CodeNotTracked:          {Warning, classOrdinary, "something that cannot be tracked"},
	CodeNoDevice:            {Fatal, classFatal, "an address without an interface"},
	CodeRuleNoPreference:    {Warning, classOrdinary, "a rule without a preference"},
	CodeVMAC:                {Warning, classOrdinary, "virtual MAC settings that do not fit"},
	CodeHMAC:                {Error, classOrdinary, "auth_hmac that cannot work"},
	CodeDelayInterface:      {Error, classFatal, "an unknown interface"},
	CodeTooManyVIPs:         {Warning, classOrdinary, "more addresses than an advert can carry"},
	CodeSyncInstance:        {Warning, classNone, "lvs_sync_daemon names an unknown instance"},
	CodeIPVLANAddress:       {Error, classOrdinary, "an ipvlan without an address"},
	CodeTrackBoth:           {Warning, classOrdinary, "tracked by the instance and by its group"},

	CodeWideGroup:      {Warning, classOrdinary, "a multicast group that routers may forward"},
	CodeKeyFile:        {Warning, classSecurity, "a key that others can read"},
	CodeAddressNowhere: {Error, classOrdinary, "an address of an instance without an interface has none either"},

	CodeNotSupported: {Note, classNone, "accepted, not supported yet"},
	CodeNeedless:     {Note, classNone, "accepted, with nothing to act on"},
}
