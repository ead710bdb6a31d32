#!/bin/sh
# A real server behind a tunnel: it unpacks what the director sends (IPIP), takes packets for the virtual address and answers the
# client itself. `real-server-tun.sh undo` ends that. The routers on its way out must let packets with that source pass.
set -eu
vigil real-server --tunnel "${1:-apply}" 192.0.2.100
