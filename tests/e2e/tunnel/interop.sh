#!/bin/bash
# Our tunnel against wireguard-go over both outer families and in both roles, and against itself in
# every preset and with every variant: pings, TCP both ways, UDP, and bytes that arrive unchanged.
# takes: 65
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair

# traffic TITLE: what every tunnel must carry.
traffic() {
	check "$1: ping IPv4" pings left 4
	check "$1: ping IPv6" pings right 6
	check "$1: TCP, unchanged" transfer left 4
	check "$1: TCP back, unchanged" transfer right 6
	check "$1: UDP" udp
}

for family in 4 6; do
	for initiator in ours wireguard-go; do
		title="with wireguard-go over IPv$family, $initiator initiates"
		if [[ ! -x $go ]]; then
			skip "$title" "wireguard-go couldn't be fetched (scripts/fetch-external)"
			continue
		fi
		side=left
		[[ $initiator == ours ]] || side=right
		check "$title: preshared key" tunnels "$ours" "$go" "$family" "$side" \
			preshared-key "$keys/psk"
		check "$title: preshared key, ping" pings "$side" 6
		check "$title: handshake" tunnels "$ours" "$go" "$family" "$side"
		traffic "$title"
		check "$title: iperf3" iperf -n 16M
		check "$title: iperf3 back" iperf -n 16M -R
		check "$title: large UDP" udp -l 1372
	done
done

for queues in 2 4; do
	export WGBENCH_TUNNEL_SWITCHES=queues=$queues
	check "$queues queues with themselves: handshake" tunnels "$ours" "$ours" 4 left
	traffic "$queues queues with themselves"
	check "$queues queues with themselves: eight flows" iperf -n 32M -P 8
	check "$queues queues with themselves: eight flows both ways" iperf -n 32M -P 4 --bidir
	if [[ -x $go ]]; then
		check "$queues queues with wireguard-go: handshake" tunnels "$go" "$ours" 6 left
		traffic "$queues queues with wireguard-go"
		check "$queues queues with wireguard-go: eight flows both ways" iperf -n 32M -P 4 --bidir
	else
		skip "$queues queues with wireguard-go" "wireguard-go couldn't be fetched (scripts/fetch-external)"
	fi
done
unset WGBENCH_TUNNEL_SWITCHES

preshared_key_must_match() {
	tunnels "$ours" "$ours" 4 left preshared-key "$keys/psk"
	tunnel_stop left
	on "$ns_right" wg set "$if_right" peer "$key_left" preshared-key <(wg genpsk)
	tunnel_start left "$ours"
	tunnel_peer left endpoint "$(endpoint right 4)" preshared-key "$keys/psk"
	match "$(on "$ns_left" ping -c 5 -i 0.2 -W 1 10.77.0.2)" ' 0 received'
	on "$ns_right" wg set "$if_right" peer "$key_left" preshared-key "$keys/psk"
	until_true 10 on "$ns_left" ping -c 1 -W 1 -q 10.77.0.2
}
check "a different preshared key lets nothing through" preshared_key_must_match

# A thread that a variant's library makes may have signals of its own.
lives_through_sigusr1() { # PROGRAM
	local pid
	for pid in $(ip netns pids "$ns_left"); do
		[[ $(readlink "/proc/$pid/exe") != "$(realpath "$1")" ]] || kill -USR1 "$pid"
	done
	pings left 4
}

for program in "$build"/tunnels/*/wgbench-tunnel; do
	spec=$(basename "$(dirname "$program")")
	[[ -x $program ]] || continue
	check "$spec with itself: handshake" tunnels "$program" "$program" 4 left
	check "$spec with itself: lives through SIGUSR1" lives_through_sigusr1 "$program"
	traffic "$spec with itself"
	check "$spec with itself: iperf3 both ways" iperf -n 16M --bidir
done
plan
