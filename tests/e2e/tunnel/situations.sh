#!/bin/bash
# What may happen to two ends between which a session is: traffic that is counted, another MTU,
# addresses that change, packets that may not pass, keys and peers that come and go.
# takes: 19
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair
third_link

left() { on "$ns_left" "$@"; }

at() { # SIDE WG-SUBCOMMAND [ARGUMENT]...: on the side's interface
	local if=if_$1
	on "$(side_ns "$1")" wg "$2" "${!if}" "${@:3}"
}

show() { at "$1" show "$2" | cut -f 2-; } # SIDE WHAT: of the side's only peer

process() { ip netns pids "$(side_ns "$1")"; }

unanswered() { # FROM [FAMILY [PING-ARGUMENT]...]
	match "$(on "$(side_ns "$1")" ping -c 3 -i 0.05 -W 0.3 "${@:3}" \
		"$(inner "$(other "$1")" "${2:-4}")" || true)" ' 0 received'
}

# ---- bytes

# From left, a request and its answer each of so many bytes with their headers, in one piece.
ping_of() { left ping -c 1 -W 5 -M "do" -s $(($1 - 28)) 10.77.0.2 2>&1; }

# counted SIDE RECEIVED SENT. Both sides count what they send only when it is on its way.
counted() {
	until_true 3 eval "[[ \$(show $1 transfer) == '$2'$'\\t''$3' ]]" || {
		equal "$(show "$1" transfer)" "$2"$'\t'"$3"
	}
}

# An initiation has 148 bytes, a response 92, data 32 and its payload, which is padded to 16 but not
# above the MTU.
exact() { # FAMILY
	local size sum=0
	ends "$ours" "$ours" "$1" left
	for size in 28 29 32 84 1405 1419 1420; do
		ping_of $size
		size=$(((size + 15) / 16 * 16))
		sum=$((sum + 32 + (size < 1420 ? size : 1420)))
	done
	counted left $((92 + sum)) $((148 + sum))
	counted right $((148 + sum)) $((92 + sum))
}
check "bytes are counted exactly, over IPv4" exact 4
check "bytes are counted exactly, over IPv6" exact 6

# ---- the MTU

both_mtu() {
	ip -n "$ns_left" link set "$if_left" mtu "$1"
	ip -n "$ns_right" link set "$if_right" mtu "$1"
}

# The outer MTU is 1500: what is larger goes in fragments. 65455 is the largest that both outer
# families can carry whole: 65535 without the 40 of IPv6, 8 of UDP and 32 of WireGuard.
changed_mtu() { # FAMILY
	local bytes session
	tunnels "$ours" "$ours" "$1" left
	session=$(show right latest-handshakes)
	for bytes in 65455 1280 1420; do
		both_mtu $bytes
		# Not every release's ping says which MTU.
		match "$(ping_of $((bytes + 1)))" "(too long, mtu=$bytes|Message too long)"
		ping_of $bytes
		pings right 6
		transfer right 4
	done
	equal "$(show right latest-handshakes)" "$session"
}
check "a new MTU takes effect at once, over IPv4" changed_mtu 4
check "a new MTU takes effect at once, over IPv6" changed_mtu 6

# The link takes it, but no outer packet could carry the largest.
mtu_beyond() {
	tunnels "$ours" "$ours" 4 left
	both_mtu 65535
	unanswered left 4 -M "do" -s $((65535 - 28))
	ping_of 65455
	pings right 6
}
check "with an MTU too large for any outer packet only the largest packets are lost" mtu_beyond

# ---- roaming

# moves FROM FAMILY NEW-ENDPOINT COMMAND...: after the command, that side is seen at the new endpoint,
# under the same keys.
moves() {
	local at=$1 family=$2 to=$3 session
	shift 3
	tunnels "$ours" "$ours" "$family" left
	session=$(show "$(other "$at")" latest-handshakes)
	"$@"
	until_true 5 ping_once "$at"
	equal "$(show "$(other "$at")" endpoints)" "$to"
	pings "$(other "$at")" 4
	pings "$at" 6
	equal "$(show "$(other "$at")" latest-handshakes)" "$session"
}

readdress() { # SIDE OLD NEW
	ip -n "$(side_ns "$1")" addr del "$2" dev outer
	ip -n "$(side_ns "$1")" addr add "$3" dev outer
}

moves_and_back() { # SIDE FAMILY NEW-ENDPOINT OLD NEW
	# shellcheck disable=SC2064
	trap "readdress $1 '$5' '$4'" EXIT
	moves "$1" "$2" "$3" readdress "$1" "$4" "$5"
}

check "the initiator changes its port" moves left 6 '[fd66::1]:51831' at left set listen-port 51831
check "the responder changes its port" moves right 4 10.66.0.2:51832 at right set listen-port 51832
check "one side changes its IPv4 address" \
	moves_and_back left 4 10.66.0.3:51821 10.66.0.1/24 10.66.0.3/24
check "the other side changes its IPv6 address" \
	moves_and_back right 6 '[fd66::4]:51822' fd66::2/64 fd66::4/64
check "a peer moves from IPv4 to IPv6" \
	moves left 4 "$(endpoint left 6)" at left set peer "$key_right" endpoint "$(endpoint right 6)"
check "a peer moves from IPv6 to IPv4" \
	moves right 6 "$(endpoint right 4)" at right set peer "$key_left" endpoint "$(endpoint left 4)"

# ---- cryptokey routing

source_of() { [[ $1 == 4 ]] && echo "10.77.0.$2" || echo "fd77::$2"; } # FAMILY LAST-PART

passes() { left ping -c 1 -W 3 -q -I "$(source_of "$1" "$2")" "$(inner right "$1")"; }

dropped() { unanswered left "$1" -I "$(source_of "$1" "$2")"; }

# .9 is a second address of left's.
filtered() {
	local family before
	tunnels "$ours" "$ours" 4 left
	ip -n "$ns_left" addr add 10.77.0.9/32 dev "$if_left"
	ip -n "$ns_left" addr add fd77::9/128 dev "$if_left" nodad
	before=$(came_in)
	for family in 4 6; do
		dropped $family 9
	done
	equal "$(came_in)" "$before"
	at right set peer "$key_left" allowed-ips 10.77.0.9/32,fd77::9/128
	for family in 4 6; do
		passes $family 9
		dropped $family 1
	done
	# One to a peer that isn't there.
	at right set peer "$(wg genkey | wg pubkey)" allowed-ips 10.77.0.9/32
	dropped 4 9
	passes 6 9
	at right set peer "$key_left" allowed-ips 10.77.0.0/24,fd77::/64
	dropped 4 9 # which a longer prefix still gives to that peer
	at right set peer "$key_left" allowed-ips 10.77.0.0/24,fd77::/64,10.77.0.9/32
	for family in 4 6; do
		passes $family 9
		passes $family 1
	done
}
came_in() { on "$ns_right" cat "/sys/class/net/$if_right/statistics/rx_packets"; }
check "only packets from a currently allowed source pass" filtered

# ---- keys and peers that come and go

# Each initiation that isn't heard is repeated after 5 s, with this clock after 0.5 s.
another_key() {
	export WGBENCH_TUNNEL_SWITCHES=clock-scale=10
	tunnels "$ours" "$ours" 4 left
	wg genkey >"$keys/another"
	at left set private-key "$keys/another"
	unanswered left
	unanswered right
	at right set peer "$(wg pubkey <"$keys/another")" allowed-ips 10.77.0.1/32
	until_true 5 ping_once left
	pings right 4
	at left set private-key "$keys/left"
	unanswered left
	at right set peer "$key_left" allowed-ips 10.77.0.1/32
	until_true 5 ping_once left
	pings right 4
}
check "a new private key ends the session and begins one with peers that know it" another_key

no_key() {
	tunnels "$ours" "$ours" 4 left
	at left set private-key /dev/null
	unanswered left
	unanswered right
	equal "$(at left show private-key)" "(none)"
	at left set private-key "$keys/left"
	until_true 3 ping_once left
}
check "without a private key there is no session" no_key

down_and_up() {
	tunnels "$ours" "$ours" 4 left
	ip -n "$ns_left" link set "$if_left" down
	until_true 3 eval '[[ -z $(left ss -Hlun) ]]'
	equal "$(show left allowed-ips)" "10.77.0.2/32 fd77::2/128"
	unanswered right
	ip -n "$ns_left" link set "$if_left" up
	until_true 3 eval '[[ $(left ss -Hlun) ]]'
	ip -n "$ns_left" addr add fd77::1/64 dev "$if_left" nodad
	ping_once left
	pings right 4
	pings left 6
}
check "a link that is down passes nothing, and passes again as soon as it is up" down_and_up

removed_under_traffic() {
	local pid n
	tunnels "$ours" "$ours" 4 left
	pid=$(process left)
	ip netns exec "$ns_left" ping -q -f 10.77.0.2 >/dev/null &
	ip netns exec "$ns_right" ping -q -f 10.77.0.1 >/dev/null &
	trap 'kill %1 %2' EXIT
	# 20 ms between two initiations of one peer is what the other end asks for.
	for ((n = 0; n < 20; n++)); do
		at left set peer "$key_right" remove
		equal "$(at left show peers)" ""
		tunnel_peer left endpoint "$(endpoint right 4)"
	done
	until_true 12 ping_once left
	pings right 6
	equal "$(process left | grep -x "$pid")" "$pid"
}
check "a peer is removed and added under traffic, twice" removed_under_traffic

# ---- keepalives

# With the clock at ten times the speed, each 0.1 s 32 bytes, and no other traffic.
kept_alive() {
	local before
	export WGBENCH_TUNNEL_SWITCHES=clock-scale=10
	ends "$ours" "$ours" 6 left
	at left set peer "$key_right" persistent-keepalive 1
	until_true 3 eval '(($(show right latest-handshakes) > 0))'
	before=$(show right transfer | cut -f 1)
	until_true 3 eval "((\$(show right transfer | cut -f 1) >= $before + 5 * 32))"
	at left set peer "$key_right" persistent-keepalive off
	equal $((($(show right transfer | cut -f 1) - 148) % 32)) 0
	equal "$(show right transfer | cut -f 2)" 92
}
check "persistent keepalives alone begin a session and go on" kept_alive

# ---- three ends

# A stranger's handshakes have no answer, and leave the others alone.
stranger() {
	local before
	export WGBENCH_TUNNEL_SWITCHES=clock-scale=10
	third_start
	tunnels "$ours" "$ours" 4 left
	before=$(at left show dump | cut -f 1-4)
	match "$(on "$ns_third" ping -c 3 -i 0.05 -W 0.3 10.77.0.1 || true)" ' 0 received'
	match "$(at third show transfer)" $'\t0\t[1-9][0-9]*$'
	equal "$(at left show dump | cut -f 1-4)" "$before"
	pings left 4
}
check "a stranger gets no answer" stranger

# Through left, from one of its peers to the other, each of which knows only left.
among_three() {
	at left set peer "$key_third" allowed-ips 10.77.0.3/32
	on "$ns_left" sysctl -qw net.ipv4.ip_forward=1
	at right set peer "$key_left" allowed-ips 10.77.0.0/24
	until_true 5 on "$ns_third" ping -c 1 -W 1 -q 10.77.0.1
	on "$ns_third" ping -c 5 -i 0.01 -w 3 -q 10.77.0.2
	on "$ns_right" ping -c 5 -i 0.01 -w 3 -q 10.77.0.3
	equal "$(at left show endpoints | cut -f 2 | sort)" $'10.66.0.2:51822\n10.67.0.3:51823'
}
check "once configured, it reaches the middle host and those beyond" among_three
plan
