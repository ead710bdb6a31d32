package confparse

import "slices"

// rootBlock is the rows of what stands outside of any block. Each block's row is in the file of the block.
var rootBlock = slices.Concat(processRootRows, blockOf[Config]{
	globalDefs,
	tlsRow,
	scriptsRow,
	processesRow,
	filesRow, filesRow.asOldName("vrrp_track_file"),
	bfdRow,
	trackGroupsRow,
	staticAddressesRow,
	staticRoutesRow,
	staticRulesRow,
	garpGroupsRow,
	linkbeatRow,
	interfaceDelaysRow,
	instancesRow,
	syncGroupsRow,
	serverGroupsRow,
	localAddressesRow, localAddressesRow.as("local_address_group"),
	serversRow,
})

// blocksRow is a block of which a configuration has many, all in one list.
func blocksRow[T any](name string, id blockID, decode func(*decoder, *Node), list func(*Config) []T,
	print func(*printer, T)) row[Config] {
	return row[Config]{
		keyword: keyword{name: name, block: id, decode: func(d *decoder, at site) { decode(d, at.n) }},
		print: func(p *printer, c *Config) {
			for _, t := range list(c) {
				print(p, t)
			}
		},
	}
}
