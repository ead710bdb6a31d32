#!/bin/sh
# A real server behind address translation: the way out is the director, or it could not translate the answers back.
set -eu
ip route replace default via 10.10.0.1
