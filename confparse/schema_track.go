package confparse

// trackKeywords are what can be tracked, and the lists that refer to it.
var trackKeywords = []keyword{
	{name: "vrrp_script", in: in(inRoot), block: inScript, pending: true, decode: (*decoder).trackScript},
	{name: "vrrp_track_process", in: in(inRoot), block: inTrackProcess, pending: true, decode: (*decoder).trackProcess},
	{name: "track_file", in: in(inRoot), block: inTrackFile, pending: true, decode: (*decoder).trackFile},
	{name: "vrrp_track_file", in: in(inRoot), block: inTrackFile, alias: "track_file", oldName: true, pending: true,
		decode: (*decoder).trackFile},
	{name: "bfd_instance", in: in(inRoot), block: inBFD, pending: true, decode: (*decoder).bfdInstance},

	{name: "track_interface", in: in(inSyncGroup), pending: true, list: &itemGrammar{name: "track_interface",
		decode: func(d *decoder, n *Node) {
			if t, ok := d.trackedInterface(n, d.sg.TrackInterfaces); ok {
				d.sg.TrackInterfaces = append(d.sg.TrackInterfaces, t)
			}
		}}},
	{name: "track_script", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_script", decode: func(d *decoder, n *Node) {
			d.tracked(n, "script", 254, &d.tracking().Scripts)
		}}},
	{name: "track_file", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_file", decode: func(d *decoder, n *Node) {
			d.tracked(n, "file", 254, &d.tracking().Files)
		}}},
	{name: "track_process", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_process", decode: func(d *decoder, n *Node) {
			d.tracked(n, "process", 254, &d.tracking().Processes)
		}}},
	{name: "track_bfd", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_bfd", decode: func(d *decoder, n *Node) {
			d.tracked(n, "bfd", 253, &d.tracking().BFD)
		}}},
}
