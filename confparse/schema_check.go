package confparse

import (
	"net/netip"
	"time"
)

// socketCheckers are the blocks with the common settings of a connection.
var socketCheckers = in(inTCPCheck, inHTTPGet, inSSLGet)

// checkKeywords are the rows of the health checkers.
var checkKeywords = []keyword{
	{name: "TCP_CHECK", in: in(inRealServer), block: inTCPCheck,
		decode: func(d *decoder, n *Node) { d.checker(n, TCPCheck) }},
	{name: "HTTP_GET", in: in(inRealServer), block: inHTTPGet,
		decode: func(d *decoder, n *Node) { d.checker(n, HTTPGet) }},
	{name: "SSL_GET", in: in(inRealServer), block: inSSLGet,
		decode: func(d *decoder, n *Node) { d.checker(n, SSLGet) }},

	{name: "connect_ip", in: socketCheckers, value: value{kind: address}, def: "the real server's address",
		ip: func(d *decoder, a netip.Addr) { d.connectIP(a) }},
	{name: "connect_port", in: socketCheckers, value: whole(1, 65535), def: "the real server's port",
		num: func(d *decoder, v int64) { d.ck.Connect.Port, d.ck.port = uint16(v), true }},
	{name: "bindto", in: socketCheckers, value: value{kind: address}, def: "any",
		ip: func(d *decoder, a netip.Addr) { d.bindTo(a) }},
	{name: "bind_port", in: socketCheckers, value: whole(1, 65535), def: "any",
		num: func(d *decoder, v int64) { d.ck.Connect.BindPort = uint16(v) }},
	{name: "bind_if", in: socketCheckers, value: value{kind: word}, def: "any", str: func(d *decoder, s string) {
		if d.interfaceName(s) {
			d.ck.Connect.BindInterface = s
		}
	}},
	{name: "connect_timeout", in: socketCheckers, value: decimal(1, maxMicros), def: "the real server's",
		dur: func(d *decoder, v time.Duration) { d.ck.connectTimeout.put(v) }},
	{name: "fwmark", in: socketCheckers, value: whole(0, maxUint32), def: "0",
		num: func(d *decoder, v int64) { d.ck.Connect.Fwmark = uint32(v) }},
	{name: "retry", in: socketCheckers, value: whole(0, maxUint32), def: "the real server's, else 1",
		num: func(d *decoder, v int64) { d.ck.retry.put(uint32(v)) }},
	{name: "delay_before_retry", in: socketCheckers, value: decimal(0, maxTimer),
		def: "the real server's, else 1; HTTP_GET and SSL_GET 3",
		dur: func(d *decoder, v time.Duration) { d.ck.retryDelay.put(v) }},
	{name: "warmup", in: socketCheckers, value: decimal(0, maxTimer), def: "the real server's, else delay_loop",
		dur: func(d *decoder, v time.Duration) { d.ck.warmup.put(v) }},
	{name: "delay_loop", in: socketCheckers, value: decimal(1, maxTimer), def: "the real server's",
		dur: func(d *decoder, v time.Duration) { d.ck.delayLoop.put(v) }},
	{name: "alpha", in: socketCheckers, value: value{kind: boolean}, def: "the real server's",
		yes: func(d *decoder, v bool) { d.ck.alpha.put(v) }},
	{name: "log_all_failures", in: socketCheckers, value: value{kind: boolean}, def: "checker_log_all_failures",
		yes: func(d *decoder, v bool) { d.ck.logAll.put(v) }},

	{name: "nb_get_retry", in: in(inHTTPGet, inSSLGet), value: whole(0, maxUint32), def: "1", alias: "retry",
		deprecated: "retry", num: func(d *decoder, v int64) { d.ck.retry.put(uint32(v)) }},
	{name: "virtualhost", in: in(inHTTPGet, inSSLGet), value: value{kind: word, optional: true},
		def: "the real server's", str: func(d *decoder, s string) {
			d.ck.HTTP.VirtualHost = d.once(d.ck.HTTP.VirtualHost, s)
		}},
	{name: "http_protocol", in: in(inHTTPGet, inSSLGet), value: value{kind: word, optional: true}, def: "1.0",
		str: func(d *decoder, s string) { d.httpProtocol(s) }},
	{name: "fast_recovery", in: in(inHTTPGet, inSSLGet), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.ck.HTTP.FastRecovery = v }},
	{name: "url", in: in(inHTTPGet), block: inHTTPURL, decode: (*decoder).url},
	{name: "url", in: in(inSSLGet), block: inSSLURL, decode: (*decoder).url},
	{name: "path", in: in(inHTTPURL, inSSLURL), value: value{kind: word},
		str: func(d *decoder, s string) { d.u.Path = d.once(d.u.Path, s) }},
	{name: "digest", in: in(inHTTPURL, inSSLURL), value: value{kind: word},
		str: func(d *decoder, s string) { d.digest(s) }},
	{name: "status_code", in: in(inHTTPURL, inSSLURL), def: "200-299", decode: (*decoder).statusCodes},
	{name: "virtualhost", in: in(inHTTPURL, inSSLURL), value: value{kind: word, optional: true},
		def: "the checker's", str: func(d *decoder, s string) { d.u.VirtualHost = d.once(d.u.VirtualHost, s) }},
}
