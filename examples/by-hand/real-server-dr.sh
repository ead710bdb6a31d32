#!/bin/sh
# A real server for direct routing: it takes packets for the virtual address, which is its director's, and never answers nor
# announces it by ARP. `real-server-dr.sh undo` ends that.
set -eu
vigil real-server "${1:-apply}" 192.0.2.100
