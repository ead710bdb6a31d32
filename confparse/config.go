// Package confparse gives the statements of keepalived.conf their meaning: Tree → Config, with every problem reported as
// a Diagnostic that has a place. Nothing acts on a Config that has a fatal diagnostic. Package syntax makes the Tree.
package confparse

// Config is a whole configuration with every default applied. It says what the operator wrote and where; what the
// world must look like is derived from it by each part's FromConfig. It is never changed after Load returns it.
type Config struct {
	Global         Global
	Instances      []*VRRPInstance  // in file order
	SyncGroups     []*SyncGroup     // in file order
	VirtualServers []*VirtualServer // in file order
	Groups         []*VirtualServerGroup
	LocalAddresses []*LocalAddresses // laddr_group

	Scripts         []*TrackScript
	Processes       []*TrackProcess
	Files           []*TrackFile
	BFD             []*BFDInstance
	TrackGroups     []*TrackGroup
	GARPGroups      []*GARPGroup
	StaticAddresses []StaticAddress
	StaticRoutes    []Route
	StaticRules     []Rule
	Linkbeat        []LinkbeatInterface
	InterfaceDelays []InterfaceDelay
	TLS             TLSMaterial // SSL

	Inputs *Inputs // what was read
	Known  *Known  // what the next Load need not read again
}
