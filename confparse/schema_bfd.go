package confparse

// bfdKeywords are the rows of bfd_instance.
var bfdKeywords = []keyword{}
