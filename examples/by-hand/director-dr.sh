#!/bin/sh
# A director by hand, direct routing: no keepalived, no checks; what ipvsadm and ip can do.
#
#   client --- 192.0.2.0/24 --+-- this director  192.0.2.2, and the virtual address 192.0.2.100
#                             +-- web 1          192.0.2.11   real-server-dr.sh there
#                             +-- web 2          192.0.2.12   real-server-dr.sh there
#
# Answers go from the servers straight to the client. A routed packet keeps its port, so the servers listen on 80 as well.
set -eu
vip=192.0.2.100

ip address replace $vip/32 dev eth0
# The director and the servers are neighbours of the client: it must not be told to send its packets to them itself.
sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0

ipvsadm -C
ipvsadm -A -t $vip:80 -s wrr
ipvsadm -a -t $vip:80 -r 192.0.2.11 -g -w 2
ipvsadm -a -t $vip:80 -r 192.0.2.12 -g -w 1
