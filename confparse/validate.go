package confparse

// validate settles what depends on more than one block.
func (d *decoder) validate() {
	d.validateVRRP()
}
