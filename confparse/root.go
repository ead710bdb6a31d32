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
	serversRow,
})

// blocksRow is a block of which a configuration has many, all in one list.
func blocksRow[T any](name string, id blockID, decode func(*decoder, *Node), list func(*Config) []T,
	print func(*printer, T)) row[Config] {
	return row[Config]{
		keyword: keyword{name: name, block: id, decode: decode},
		print: func(p *printer, c *Config) {
			for _, t := range list(c) {
				print(p, t)
			}
		},
	}
}

// itemsRow is a list of which every item is decoded by itself.
func itemsRow(name, items string, decode func(*decoder, *Node), print func(*printer, *Config)) row[Config] {
	return row[Config]{
		keyword: keyword{name: name, list: &itemGrammar{name: items, decode: decode}},
		print:   print,
	}
}
