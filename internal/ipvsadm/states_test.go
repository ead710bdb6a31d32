package ipvsadm

import (
	"slices"
	"strings"
)

// state is a table of IPVS, named after what it shows and given as the command lines that make it.
type state struct{ name, commands string }

var states = []state{
	{"nothing", ""},
	{"a TCP service, by name", "-A -t 192.0.2.1:80"},
	{"a UDP service", "-A -u 192.0.2.1:53 -s rr"},
	{"an SCTP service", "-A --sctp-service 192.0.2.1:80 -s wrr"},
	{"a mark", "-A -f 5 -s lc"},
	{"a mark of IPv6", "-A -f 5 -6 -s lc"},
	{"a mark of both families", "-A -f 5 -6 -s lc\n-A -f 5 -s rr"},
	{"the smallest and a large mark", "-A -f 1\n-A -f 2147483647\n-A -f 65536"},
	{"an IPv6 service", "-A -t [2001:db8::1]:80 -s rr"},
	{"a long IPv6 service", "-A -t [2001:db8:1111:2222:3333:4444:5555:6666]:65535 -s rr"},
	{"an IPv6 service without brackets", "-A -t 2001:db8::2 -s rr -p"},
	{"IPv6 addresses that end in dots, by name", "-A -t [::ffff:192.0.2.1]:80\n-A -t [::192.0.2.1]:80\n-A -t [::1]:80\n-A -t [::1:0]:80\n-A -t [::]:80"},
	{"IPv6 addresses with zeros", "-A -t [1:0:0:2::3]:80\n-A -t [1:0:0:2:0:0:3:4]:80\n-A -t [0:0:1::]:80\n-A -t [1:0:3:4:5:6:7:0]:80"},
	{"every scheduler", schedulersState()},
	{"a scheduler changed", "-A -t 192.0.2.1:80 -s rr\n-E -t 192.0.2.1:80 -s mh"},
	{"persistence by default", "-A -t 192.0.2.1:443 -p"},
	{"persistence with a time", "-A -t 192.0.2.1:443 -s rr -p 50"},
	{"the shortest and the longest persistence", "-A -t 192.0.2.1:443 -p 1\n-A -t 192.0.2.2:443 -p 2678400"},
	{"persistence ended", "-A -t 192.0.2.1:443 -p 50 -M 255.255.255.0\n-E -t 192.0.2.1:443"},
	{"persistence of networks", "-A -t 192.0.2.1:443 -s rr -p 50 -M 255.255.255.0"},
	{"persistence of everybody", "-A -t 192.0.2.1:443 -s rr -p 50 -M 0.0.0.0"},
	{"a mask that is none", "-A -t 192.0.2.1:443 -s rr -p 50 -M 255.0.255.0"},
	{"a mask as one number", "-A -t 192.0.2.1:443 -s rr -p 50 -M 24"},
	{"a mask without persistence", "-A -t 192.0.2.1:443 -s rr -M 255.255.255.0"},
	{"persistence of IPv6 networks", "-A -t [2001:db8::1]:443 -s rr -p 50 -M 64"},
	{"persistence of IPv6 hosts", "-A -t [2001:db8::1]:443 -s rr -p 50 -M 128"},
	{"an IPv4 mask before an IPv6 service", "-A -M 255.255.0.0 -t [2001:db8::1]:443 -s rr -p 50"},
	{"persistence of a mark", "-A -f 7 -s rr -p 60 -M 255.255.0.0\n-A -f 8 -6 -s rr -p 60 -M 56"},
	{"every port", "-A -t 192.0.2.1:0 -p\n-A -u 192.0.2.1 -p 9"},
	{"a persistence engine", "-A -u 192.0.2.1:5060 -s wlc -p 60 --pe sip"},
	{"a persistence engine without persistence", "-A -u 192.0.2.1:5060 --pe sip"},
	{"a persistence engine ended", "-A -u 192.0.2.1:5060 -s wlc -p 60 --pe sip\n-E -u 192.0.2.1:5060 -s wlc -p 60"},
	{"one-packet scheduling", "-A -u 192.0.2.1:53 -s rr -o\n-A -f 9 -s rr --ops"},
	{"source hashing with its flags", "-A -t 192.0.2.1:80 -s sh -b sh-port\n-A -t 192.0.2.2:80 -s sh -b sh-fallback\n-A -t 192.0.2.3:80 -s sh -b sh-port,sh-fallback"},
	{"Maglev hashing with its flags", "-A -t 192.0.2.1:80 -s mh -b mh-port\n-A -t 192.0.2.2:80 -s mh -b mh-fallback,mh-port"},
	{"flags without names of their own", "-A -t 192.0.2.1:80 -s rr -b flag-1\n-A -t 192.0.2.2:80 -s wrr -b flag-3,flag-2\n-A -t 192.0.2.3:80 -s sh -b flag-1,flag-2"},
	{"empty words among flags", "-A -t 192.0.2.1:80 -s rr -b flag-1,,flag-2,"},
	{"everything that a service can have", "-A -u 192.0.2.1:5060 -s sh -b sh-port -p 30 -M 255.0.0.0 --pe sip -o"},
	{"servers of each forwarding method", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i\n-a -t 192.0.2.1:80 -r 10.0.0.3:8080 -m"},
	{"servers without a method or port", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1\n-a -t 192.0.2.1:80 -r 10.0.0.2 -m"},
	{"a port that only translation can change", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -g\n-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -i\n-a -t 192.0.2.1:80 -r 10.0.0.3:0 -m"},
	{"a method changed", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -g\n-e -t 192.0.2.1:80 -r 10.0.0.1 -m -w 3"},
	{"weights", "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1 -w 0\n-a -t 192.0.2.1:80 -r 10.0.0.2 -w 65536\n-a -t 192.0.2.1:80 -r 10.0.0.3 -w 2147483647\n-a -t 192.0.2.1:80 -r 10.0.0.4 -w 010"},
	{"thresholds", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -x 10 -y 5\n-a -t 192.0.2.1:80 -r 10.0.0.2 -x 70000\n-a -t 192.0.2.1:80 -r 10.0.0.3 -x 2000000000 -y 1999999999"},
	{"thresholds changed", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -x 10 -y 5\n-e -t 192.0.2.1:80 -r 10.0.0.1 -w 2"},
	{"a tunnel in UDP", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 6080\n-a -t 192.0.2.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port 65535 --tun-nocsum"},
	{"a tunnel in UDP with checksums", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 6080 --tun-csum\n-a -t 192.0.2.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port 1 --tun-remcsum"},
	{"a tunnel in GRE", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gre\n-a -t 192.0.2.1:80 -r 10.0.0.2 -i --tun-type gre --tun-csum\n-a -t 192.0.2.1:80 -r 10.0.0.3 -i --tun-type gre --tun-nocsum"},
	{"a tunnel by its name", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 --tun-type ipip -i"},
	{"a tunnel changed", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 6080\n-e -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gre --tun-csum -w 9"},
	{"a tunnel that becomes a plain one", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 6080\n-e -t 192.0.2.1:80 -r 10.0.0.1 -i"},
	{"a tunnel that becomes a route", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gre --tun-csum\n-e -t 192.0.2.1:80 -r 10.0.0.1 -w 4"},
	{"IPv6 servers, by name", "-A -t [2001:db8::1]:80 -s rr\n-a -t [2001:db8::1]:80 -r [2001:db8::11]:80\n-a -t [2001:db8::1]:80 -r 2001:db8::12 -i\n-a -t [2001:db8::1]:80 -r [2001:db8:1111:2222:3333:4444:5555:6666]:8080 -m"},
	{"IPv6 servers of an IPv4 service", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i\n-a -t 192.0.2.1:80 -r 2001:db8::2 -i --tun-type gue --tun-port 6080 -w 4\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i"},
	{"IPv4 servers of an IPv6 service", "-A -t [2001:db8::1]:80\n-a -t [2001:db8::1]:80 -r 10.0.0.1:80 -i\n-a -t [2001:db8::1]:80 -r 10.0.0.2 -i --tun-type gre\n-a -t [2001:db8::1]:80 -r [2001:db8::9]:80 -i"},
	{"a server of the other family removed", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i\n-d -t 192.0.2.1:80 -r [2001:db8::1]:80"},
	{"servers of an IPv4-mapped service", "-A -t [::ffff:192.0.2.1]:80\n-a -t [::ffff:192.0.2.1]:80 -r [2001:db8::1]:80 -g -w 2\n-e -t [::ffff:192.0.2.1]:80 -r [2001:db8::1]:80 -m -w 7"},
	{"an IPv4-mapped service removed", "-A -t [::ffff:192.0.2.1]:80\n-A -t 192.0.2.1:80\n-D -t [::ffff:192.0.2.1]:80"},
	{"servers of a mark, whose ports have no names", "-A -f 5\n-a -f 5 -r 10.0.0.1\n-a -f 5 -r 10.0.0.2:80 -m\n-a -f 5 -r 10.0.0.3:80 -g\n-a -f 5 -r 10.0.0.4:http -g"},
	{"servers of a mark of IPv6", "-A -f 5 -6\n-a -f 5 -6 -r [2001:db8::1]:80\n-a -f 5 -6 -r 2001:db8::2 -m\n-a -f 5 -6 -r 10.0.0.2 -i"},
	{"a server removed", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1\n-a -t 192.0.2.1:80 -r 10.0.0.2\n-d -t 192.0.2.1:80 -r 10.0.0.1"},
	{"a service removed", "-A -t 192.0.2.1:80\n-A -t 192.0.2.2:80\n-a -t 192.0.2.1:80 -r 10.0.0.1\n-D -t 192.0.2.1:80"},
	{"a table emptied", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1\n-C\n-A -u 192.0.2.1:53"},
	{"ports in order", "-A -t 192.0.2.1:443\n-A -t 192.0.2.1:1\n-A -t 192.0.2.1:256\n-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:256 -m\n-a -t 192.0.2.1:80 -r 10.0.0.1:1 -m\n-a -t 192.0.2.1:80 -r 10.0.0.1:65535 -m"},
	{"protocols in order", "-A --sctp-service 192.0.2.1:80\n-A -u 192.0.2.1:80\n-A -t 192.0.2.1:80\n-A -f 3\n-A -u [2001:db8::1]:80\n-A -t [2001:db8::1]:80\n-A --sctp-service [2001:db8::1]:80"},
	{"addresses in order", "-A -t 192.0.2.1:80\n-A -t 10.0.0.1:80\n-A -t 172.16.0.1:80\n-A -t 100.64.0.1:80\n-A -t 223.0.0.1:80"},
	{"addresses around the middle", "-A -t 127.0.0.1:80\n-A -t 128.0.0.1:80\n-A -t 1.0.0.1:80\n-A -t 200.0.0.1:80\n-A -t 0.0.0.0:80\n-A -t 255.255.255.255:80"},
	{"IPv6 addresses in order", "-A -t [fd00::1]:80\n-A -t [2001:db8::1]:80\n-A -t [64:ff9b::1]:80\n-A -t [fe80::1]:80\n-A -t [2001:db8:0:1::]:80\n-A -t [2001:db8::2:0:1]:80"},
	{"servers in order", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.9\n-a -t 192.0.2.1:80 -r 192.168.0.1\n-a -t 192.0.2.1:80 -r 10.0.0.10\n-a -t 192.0.2.1:80 -r 100.64.0.1\n-a -t 192.0.2.1:80 -r [fd00::1]:80 -i\n-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i"},
	{"names of ports", "-A -t 192.0.2.1:80\n-A -t 192.0.2.1:443\n-A -u 192.0.2.1:53\n-A -u 192.0.2.1:5060\n-A -t 192.0.2.1:domain\n-A -t 192.0.2.1:9\n-A -t 192.0.2.1:30001\n-a -t 192.0.2.1:http -r 10.0.0.1:8080 -m"},
	{"this machine", "-A -t localhost:80\n-a -t localhost:80 -r 127.0.0.1:8080 -m"},
	{"addresses written otherwise", "-A -t 192.0.513:80\n-A -t 0xc0.0.2.3:80\n-A -t 0300.0.2.4:80\n-A -t 3221225989:80\n-A -t 192.0.2.6:+80"},
	{"options written otherwise", "-A --tcp-service=192.0.2.1:80 --scheduler=rr --persistent=30\n-At 192.0.2.2:80 -s rr\n-A -t192.0.2.3:80 -srr -p30\n-A -s rr -t 192.0.2.4:80 -p=30\n" +
		"--add-service --udp-service 192.0.2.5:53 --scheduler rr --ops\n--add-server --udp-service 192.0.2.5:53 --real-server 10.0.0.1 --weight 3 --masquerading --u-threshold 9 --l-threshold 4\n" +
		"--edit-server --udp-service 192.0.2.5:53 --real-server 10.0.0.1 --weight 4 --ipip\nipvsadm -A -t 192.0.2.6:80\n  -A\t-t 192.0.2.7:80  \r"},
	{"a port after an IPv4 address in brackets", "-A -t [192.0.2.1]:80 -p\n-A -t 192.0.2.2:80\n-a -t 192.0.2.2:80 -r [10.0.0.1]:8080 -m"},
	{"names that are empty", "-A -t 192.0.2.1:80 -s  wlc --pe= -b="},
	{"a table of many", manyState()},
}

func schedulersState() string {
	var b strings.Builder
	for i, s := range strings.Fields("rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh") {
		b.WriteString("-A -t 192.0.2." + string(rune('1'+i%9)) + ":8" + string(rune('0'+i/9)) + " -s " + s + "\n")
	}
	return b.String()
}

// manyState is more than 32 services, with servers.
func manyState() string {
	var b strings.Builder
	for i := range 40 {
		service := "192.0." + string(rune('0'+i%7)) + "." + string(rune('1'+i%9)) + ":" + string(rune('1'+i/7)) + "000"
		b.WriteString("-A -t " + service + " -s rr\n-a -t " + service + " -r 10.0.0.1:80 -m\n-a -t " + service + " -r 10.0.0.2 -g\n")
	}
	return b.String()
}

// orderMatters are the states that are listed in an order which depends on the kernel's, so that they are for the real one.
var orderMatters = []string{"addresses in order", "addresses around the middle", "a table of many"}

// listings are the options by which each state is listed.
var listings = []string{"-L -n", "-L -n --stats", "-L -n --stats --exact", "-L -n --rate", "-l --rate --exact -n", "-L -n --thresholds",
	"-L -n --persistent-conn", "-L -n --tun-info", "-L -n --exact --sort", "-L -n --thresholds --stats", "-L -n --tun-info --thresholds",
	"-S -n"}

// namedListings are those with names of hosts and services, which take Debian's program long. States whose name has the word
// in it are listed in this way too.
var namedListings = []string{"-L", "-L --stats", "-L --tun-info", "-S"}

func (s state) listings() []string {
	if strings.Contains(s.name, "name") || strings.Contains(s.name, "this machine") {
		return slices.Concat(listings, namedListings)
	}
	return listings
}

// unsortedListings depend on the kernel's order.
var unsortedListings = []string{"-L -n --nosort", "-L -n --nosort --rate", "-L -c -n", "-L -c -n --persistent-conn"}
