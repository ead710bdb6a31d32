#!/bin/sh
# A director by hand, address translation. It is the gateway of the servers; they need no setting but that route.
#
#   client --- 192.0.2.0/24 --- eth0  this director  eth1 --- 10.10.0.0/24 --+-- web 1  10.10.0.11, port 8080
#                               192.0.2.2, .100      10.10.0.1               +-- web 2  10.10.0.12, port 8080
set -eu
vip=192.0.2.100

ip address replace $vip/32 dev eth0
ip address replace 10.10.0.1/24 dev eth1
sysctl -qw net.ipv4.ip_forward=1

# What the servers begin themselves (updates, mail, names) leaves with an address of the director. Answers to clients are
# translated by IPVS and do not come here.
nft -f - <<'RULES'
table ip director
delete table ip director
table ip director {
	chain out {
		type nat hook postrouting priority srcnat
		ip saddr 10.10.0.0/24 oifname "eth0" masquerade
	}
}
RULES

ipvsadm -C
ipvsadm -A -t $vip:80 -s rr
ipvsadm -a -t $vip:80 -r 10.10.0.11:8080 -m
ipvsadm -a -t $vip:80 -r 10.10.0.12:8080 -m
