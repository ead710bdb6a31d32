#!/bin/sh
# A director by hand, tunnels: the servers may be anywhere that IP leads to.
#
#   client --- 192.0.2.0/24 --+-- this director  192.0.2.2, and the virtual address 192.0.2.100
#                             +-- router --- 198.51.100.0/24 --+-- web 1  198.51.100.11   real-server-tun.sh there
#                                                              +-- web 2  198.51.100.12   real-server-tun.sh there
set -eu
vip=192.0.2.100

ip address replace $vip/32 dev eth0

ipvsadm -C
ipvsadm -A -t $vip:80 -s rr
ipvsadm -a -t $vip:80 -r 198.51.100.11 -i
ipvsadm -a -t $vip:80 -r 198.51.100.12 -i
