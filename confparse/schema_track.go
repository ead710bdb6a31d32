package confparse

// trackKeywords are the rows of what priorities can depend on.
var trackKeywords = []keyword{}
