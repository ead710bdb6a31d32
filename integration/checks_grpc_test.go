package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"vigil/integration/debian"
	"vigil/internal/testlan"
)

// healthServer is a server of grpc.health.v1 by gRPC's own library, which is not Go's. What it says of a service is in the file of
// that name, the status of its answer in one byte; a service without a file it does not know.
const healthServer = `
import concurrent.futures, grpc, os, sys
plain, secure, states, certificate, key = sys.argv[1:]

def said(request, context):
    service = request[2:].decode() or "server"
    try:
        with open(os.path.join(states, service)) as f:
            return bytes([8, int(f.read())])
    except FileNotFoundError:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")

def watched(request, context):
    yield said(request, context)

class Health(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(said)
        if call.method == "/grpc.health.v1.Health/Watch":
            return grpc.unary_stream_rpc_method_handler(watched)

server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[Health()])
server.add_insecure_port(plain)
with open(certificate, "rb") as c, open(key, "rb") as k:
    server.add_secure_port(secure, grpc.ssl_server_credentials([(k.read(), c.read())]))
server.start()
server.wait_for_termination()
`

// TestChecksOfGRPCServers has GRPC_CHECK of a server by gRPC's library for C, plain and over TLS, which comes and goes, and says
// that one of its services does.
func TestChecksOfGRPCServers(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	python, env, err := debian.RPC(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	l := newCheckLab(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	openssl := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("k.pem"), "-out", path("c.pem"),
		"-days", "30", "-subj", "/CN=rpc.example", "-addext", "subjectAltName=DNS:rpc.example")
	if out, err := openssl.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.must(os.WriteFile(path("server.py"), []byte(healthServer), 0o644))
	say := func(service, status string) {
		l.must(os.WriteFile(path(service+".new"), []byte(status), 0o644))
		l.must(os.Rename(path(service+".new"), path(service)))
	}
	say("server", "1")
	say("shop.Cart", "1")
	say("shop.Pay", "2")
	const (
		whole    = "10.1.0.1"
		cart     = "10.1.0.2"
		pay      = "10.1.0.3"
		unknown  = "10.1.0.4"
		secure   = "10.1.0.5"
		stranger = "10.1.0.6"
	)
	config := "SSL {\nca " + path("c.pem") + "\n}\nvirtual_server 192.0.2.100 80 {\nalpha\ndelay_loop 1\nwarmup 0\nretry 1\ndelay_before_retry 1\n" +
		"connect_timeout 5\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"
	for _, s := range []struct{ address, check string }{
		{whole, "connect_port 50051\n"},
		{cart, "connect_port 50051\nservice shop.Cart\n"},
		{pay, "connect_port 50051\nservice shop.Pay\n"},
		{unknown, "connect_port 50051\nservice shop.None\n"},
		{secure, "connect_port 50052\nservice shop.Cart\nserver_name rpc.example\nverify_name rpc.example\n"},
		{stranger, "connect_port 50052\ntls\nverify_name other.example\n"},
	} {
		config += "real_server " + s.address + " 80 {\nGRPC_CHECK {\nconnect_ip 10.0.0.2\n" + s.check + "}\n}\n"
	}
	d := l.start(program(t, "vigil"), config+"}\n")
	start := func() *testlan.Process {
		p, err := l.servers.Start("health", nil, slices.Concat([]string{"env"}, env,
			[]string{python, path("server.py"), "10.0.0.2:50051", "10.0.0.2:50052", dir, path("c.pem"), path("k.pem")})...)
		l.must(err)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("health:\n%s", p.Log.Tail(20))
			}
		})
		return p
	}
	server := start()
	l.waitPool([]string{whole, cart, secure}, d.Running)
	say("shop.Pay", "1")
	l.waitPool([]string{whole, cart, pay, secure}, d.Running)
	say("shop.Cart", "2")
	l.waitPool([]string{whole, pay}, d.Running)
	say("server", "3")
	l.waitPool([]string{pay}, d.Running)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = server.Stop(ctx) // Python ends by the signal
	l.waitPool(nil, d.Running)
	say("shop.Cart", "1")
	start()
	l.waitPool([]string{cart, pay, secure}, d.Running)
	l.must(d.Stop())
}
