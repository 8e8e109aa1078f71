#!/bin/bash
# Every on/off switch of the tunnel, turned the other way, one by one and all together: whatever the
# kernel lacks or somebody turns off, packets still pass.
# takes: 22
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair

# Rows of --help like `tun-gso  on|off (on)  meaning`: the switch with the other value.
mapfile -t switches < <("$ours" --help | awk '$2 == "on|off" { print $1 "=" ($3 == "(on)" ? "off" : "on") }')

works() { # WGBENCH_TUNNEL_SWITCHES
	export WGBENCH_TUNNEL_SWITCHES=$1
	tunnels "$ours" "$ours" 4 left
	pings left 4
	pings right 6
	transfer left 4
	transfer right 6
	iperf -n 8M --bidir
	udp -n 500K
	udp -l 64 -b 2M -n 100K
}

check "the switches are listed by --help" test ${#switches[@]} -ge 6
for switch in "${switches[@]}"; do
	check "$switch" works "$switch"
done
check "all switches together" works "$(IFS=, && echo "${switches[*]}")"
plan
