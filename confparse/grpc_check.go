package confparse

// GRPCDetail is what GRPC_CHECK asks: a kind of check that keepalived does not have. It calls Check of grpc.health.v1.
type GRPCDetail struct {
	Service    string // "" = the server as a whole
	TLS        bool
	ServerName string // that TLS asks for; "" = none
	VerifyPeer bool   // the certificate must be good
	VerifyName string // and be for this name; "" = any
}

func grpc(c *checkerScratch) *GRPCDetail { return c.Detail.(*GRPCDetail) }

// grpcRows are the rows that GRPC_CHECK has beyond a connection.
var grpcRows = blockOf[checkerScratch]{
	wordRow("service", oneWord, func(c *checkerScratch) *string { return &grpc(c).Service }).because("the server as a whole").from(ours),
	optionRow("tls", func(c *checkerScratch) *bool { return &grpc(c).TLS }).from(ours),
	wordRow("server_name", oneWord, func(c *checkerScratch) *string { return &grpc(c).ServerName }).from(ours),
	optionRow("verify_peer", func(c *checkerScratch) *bool { return &grpc(c).VerifyPeer }).from(ours),
	ownWordRow("verify_name", oneWord, "", func(_ *decoder, _ *Node, s string, c *checkerScratch) {
		grpc(c).VerifyPeer, grpc(c).VerifyName = true, s
	}, func(p *printer, c *checkerScratch) { p.text("verify_name", grpc(c).VerifyName) }).from(ours),
}

// settleGRPC: what is said of certificates is meant for TLS.
func (d *decoder) settleGRPC(_ *Node, c *checkerScratch) bool {
	x := grpc(c)
	x.TLS = x.TLS || x.ServerName != "" || x.VerifyPeer
	return true
}
