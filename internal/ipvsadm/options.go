package ipvsadm

// option is what a command may be given beside its verb. The numbers are the order in which the first one that a command
// does not take, or lacks, is complained about.
type option uint8

const (
	optNumeric option = iota
	optConnection
	optService
	optScheduler
	optPersistent
	optNetmask
	optServer
	optForwarding
	optWeight
	optUpper
	optLower
	optInterface
	optTimeout
	optDaemon
	optStats
	optRate
	optThresholds
	optPersistentConn
	optNoSort
	optSyncID
	optExact
	optOnePacket
	optEngine
	optFlags
	optGroup
	optPort
	optTTL
	optMaxLen
	optTunnelInfo
	optTunnelType
	optTunnelPort
	optNoChecksum
	optChecksum
	optRemoteChecksum
	options // how many
)

// optionNames are the names in complaints.
var optionNames = [options]string{"numeric", "connection", "service-address", "scheduler", "persistent", "netmask", "real-server",
	"forwarding-method", "weight", "u-threshold", "l-threshold", "mcast-interface", "timeout", "daemon", "stats", "rate",
	"thresholds", "persistent-conn", "nosort", "syncid", "exact", "ops", "pe", "sched-flags", "mcast-group", "mcast-port",
	"mcast-ttl", "sync-maxlen", "tun-info", "tun-type", "tun-port", "tun-nocsum", "tun-csum", "tun-remcsum"}

// optionSet is a set of options.
type optionSet uint64

func setOf(members ...option) (s optionSet) {
	for _, o := range members {
		s |= 1 << o
	}
	return s
}

func (s optionSet) has(o option) bool { return s&(1<<o) != 0 }

// rule is what a command must and may be given.
type rule struct{ needs, takes optionSet }

var (
	ofService = setOf(optScheduler, optPersistent, optNetmask, optOnePacket, optEngine, optFlags)
	ofServer  = setOf(optForwarding, optWeight, optUpper, optLower, optTunnelType, optTunnelPort, optNoChecksum, optChecksum,
		optRemoteChecksum)
)

var rules = [...]rule{
	AddService:    {needs: setOf(optService), takes: ofService},
	EditService:   {needs: setOf(optService), takes: ofService},
	DeleteService: {needs: setOf(optService)},
	Flush:         {},
	Restore:       {},
	Save:          {takes: setOf(optNumeric)},
	AddServer:     {needs: setOf(optService, optServer), takes: ofServer},
	EditServer:    {needs: setOf(optService, optServer), takes: ofServer},
	DeleteServer:  {needs: setOf(optService, optServer)},
	List: {takes: setOf(optNumeric, optConnection, optService, optTimeout, optDaemon, optStats, optRate, optThresholds,
		optPersistentConn, optNoSort, optSyncID, optExact, optTunnelInfo)},
	Zero:        {takes: setOf(optService)},
	SetTimeouts: {},
	StartDaemon: {takes: setOf(optSyncID, optInterface, optGroup, optPort, optTTL, optMaxLen)},
	StopDaemon:  {takes: setOf(optSyncID)},
}

// argument says whether an option has a value.
type argument uint8

const (
	noValue argument = iota
	aValue
	maybeValue // the next word only if it does not look like an option
)

// definition is one option as it is written. It is a verb or sets something in a parser.
type definition struct {
	long  string
	short byte
	value argument
	verb  Verb
	set   func(p *parser, value string) error
}

// definitions are all options there are.
var definitions []definition

func init() { // not a literal: the functions reach the table through the parser
	definitions = []definition{
		{long: "add-service", short: 'A', verb: AddService},
		{long: "edit-service", short: 'E', verb: EditService},
		{long: "delete-service", short: 'D', verb: DeleteService},
		{long: "clear", short: 'C', verb: Flush},
		{long: "restore", short: 'R', verb: Restore},
		{long: "save", short: 'S', verb: Save},
		{long: "add-server", short: 'a', verb: AddServer},
		{long: "edit-server", short: 'e', verb: EditServer},
		{long: "delete-server", short: 'd', verb: DeleteServer},
		{long: "list", short: 'L', verb: List},
		{short: 'l', verb: List},
		{long: "zero", short: 'Z', verb: Zero},
		{long: "set", verb: SetTimeouts},
		{long: "start-daemon", value: aValue, verb: StartDaemon},
		{long: "stop-daemon", value: aValue, verb: StopDaemon},
		{long: "help", short: 'h', verb: Help},
	}
	definitions = append(definitions, serviceOptions...)
	definitions = append(definitions, serverOptions...)
	definitions = append(definitions, daemonOptions...)
	definitions = append(definitions, showOptions...)
}

// showOptions are those of List.
var showOptions = []definition{
	{long: "connection", short: 'c', set: show(optConnection, func(s *Show) { s.Connections = true })},
	{long: "timeout", set: show(optTimeout, func(s *Show) { s.Timeouts = true })},
	{long: "daemon", set: show(optDaemon, func(s *Show) { s.Daemons = true })},
	{long: "stats", set: show(optStats, func(s *Show) { s.Stats = true })},
	{long: "rate", set: show(optRate, func(s *Show) { s.Rates = true })},
	{long: "thresholds", set: show(optThresholds, func(s *Show) { s.Thresholds = true })},
	{long: "persistent-conn", set: show(optPersistentConn, func(s *Show) { s.PersistentConn = true })},
	{long: "tun-info", set: show(optTunnelInfo, func(s *Show) { s.TunnelInfo = true })},
	{long: "exact", set: show(optExact, func(s *Show) { s.Exact = true })},
	{long: "nosort", set: show(optNoSort, func(s *Show) { s.NoSort = true })},
	{long: "sort", set: func(*parser, string) error { return nil }}, // it is the default
	{long: "numeric", short: 'n', set: show(optNumeric, func(s *Show) { s.Numeric = true })},
}

func show(o option, set func(*Show)) func(*parser, string) error {
	return func(p *parser, _ string) error {
		set(&p.cmd.Show)
		return p.give(o)
	}
}
