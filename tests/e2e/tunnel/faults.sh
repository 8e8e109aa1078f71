#!/bin/bash
# What goes wrong around a tunnel: no descriptors left, a peer that is killed and comes back, outer
# errors, a link that goes down under traffic. The left end has two peers, right and third; what
# becomes of one may not be felt by the other. A handshake for unanswered data comes after 15 s, and
# the clock runs at 20 times the speed.
# takes: 20
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair
export WGBENCH_TUNNEL_SWITCHES=clock-scale=20

left() { on "$ns_left" "$@"; }
right() { on "$ns_right" "$@"; }

process() { # SIDE
	local ns=ns_$1
	ip netns pids "${!ns}" | while read -r pid; do
		[[ $(<"/proc/$pid/comm") != wgbench-tunnel ]] || echo "$pid"
	done
}

counter() { tunnel_status left | jq ".counters.$1"; } # NAME: of the left end

third() { on "$ns_third" "$@"; }

third_link
third_peer() {
	third_start
	left wg set "$if_left" peer "$key_third" allowed-ips 10.77.0.3/32
	until_true 5 third ping -c 1 -W 1 -q 10.77.0.1
}

start() {
	end_processes "$ns_third"
	tunnel_stop left
	tunnel_stop right
	tunnel_start_logged left "$ours"
	tunnel_start right "$ours"
	tunnel_peer right
	tunnel_peer left endpoint "$(endpoint right 4)"
	until_true 10 ping_once left
	third_peer
}

# The third peer hears answers to all that it asks, while the commands run.
third_unharmed() {
	ip netns exec "$ns_third" ping -i 0.01 10.77.0.1 >"$keys/third.pings" &
	local ping=$!
	"$@"
	kill -INT $ping
	wait $ping
	# The last request may have been on its way.
	awk '/bytes from/ { sub(/.*icmp_seq=/, ""); if ($1 > last) last = $1; n++ }
		END { print n " replies to the first " last; exit !n || n != last }' "$keys/third.pings"
}

# How long its threads have run or waited for a CPU: so that a busy machine hides no thread that
# never sleeps.
busy_ms() { cat "/proc/$1/task"/*/schedstat | awk '{ ns += $1 + $2 } END { print int(ns / 1e6) }'; }

idles() { # PID: for half a second
	local before
	before=$(busy_ms "$1")
	sleep 0.5
	(($(busy_ms "$1") - before < 200))
}

# ---- no descriptors

# As many as it has.
no_descriptors() { # PID
	local fd=0
	while [[ -e /proc/$1/fd/$fd ]]; do fd=$((fd + 1)); done
	prlimit --pid "$1" --nofile=$fd:1024
}

descriptors() { prlimit --pid "$1" --nofile=1024:1024; }

clients_wait() {
	start
	local pid client
	pid=$(process left)
	no_descriptors "$pid"
	ip netns exec "$ns_left" wg show "$if_left" listen-port >"$keys/port" &
	client=$!
	idles "$pid"
	pings left 4
	[[ ! -s $keys/port ]]
	descriptors "$pid"
	wait $client
	equal "$(<"$keys/port")" 51821
}
check "out of descriptors, clients wait and cost nothing" clients_wait

answered() { # DESCRIPTOR: the errno of the next answer
	local line
	while read -r -t 5 -u "$1" line; do
		[[ $line != errno=* ]] || break
	done
	echo "$line"
}

port_stays() {
	local pid
	pid=$(process left)
	coproc client { socat - "UNIX-CONNECT:$sockets/$if_left.sock"; }
	printf 'get=1\n\n' >&"${client[1]}"
	equal "$(answered "${client[0]}")" errno=0
	no_descriptors "$pid"
	printf 'set=1\nlisten_port=51899\nfwmark=9\n\n' >&"${client[1]}"
	equal "$(answered "${client[0]}")" errno=-24
	pings right 4
	descriptors "$pid"
	equal "$(left wg show "$if_left" listen-port) $(left wg show "$if_left" fwmark)" "51821 off"
	printf 'set=1\nlisten_port=51899\n\n' >&"${client[1]}"
	equal "$(answered "${client[0]}")" errno=0
	kill "$client_PID"
	equal "$(left wg show "$if_left" listen-port)" 51899
	pings left 4
}
check "out of descriptors, a new port is refused and nothing changes" port_stays

link_comes_up() {
	local pid
	start
	pid=$(process left)
	ip -n "$ns_left" link set "$if_left" down
	until_true 5 closed 51821
	no_descriptors "$pid"
	ip -n "$ns_left" link set "$if_left" up
	until_true 5 has_more_lines "$keys/left.log" 0
	match "$(<"$keys/left.log")" "Too many open files"
	descriptors "$pid"
	until_true 5 open 51821
	pings left 4
}
open() { left ss -Hlun "sport = :$1" | grep -q .; }
closed() { ! open "$1"; }
check "a link brought up without descriptors comes up later" link_comes_up

# ---- a port that another holds

# What is sent meanwhile, a request, isn't lost.
port_held() {
	local holder ping
	start
	tunnel_stop left
	until_true 5 closed 51821
	ip netns exec "$ns_left" socat -u UDP4-RECV:51821 - >/dev/null &
	holder=$!
	until_true 5 open 51821
	tunnel_start_logged left "$ours"
	tunnel_peer left endpoint "$(endpoint right 4)"
	until_true 5 has_more_lines "$keys/left.log" 0
	ip netns exec "$ns_left" ping -c 1 -W 10 -q 10.77.0.2 &
	ping=$!
	idles "$(process left)"
	gone $ping && return 1
	kill $holder
	wait $ping
	pings right 4
	equal "$(<"$keys/left.log")" "$(printf 'wgbench-tunnel: %s: %s\n' \
		"$if_left" "cannot open UDP port 51821: Address already in use: free it or choose another \
listen-port; it is tried again" "$if_left" "listens on UDP port 51821 now")"
}
check "a link brought up while its port is taken listens once it is free" port_held

# ---- a peer that is killed

killed() {
	kill -KILL "$(process right)"
	until_true 5 no_link
}

no_link() { ! ip -n "$ns_right" link show "$if_right" >/dev/null 2>&1; }

back() { # [wg arguments]
	tunnel_start right "$ours"
	tunnel_peer right "$@"
}

killed_and_back() {
	killed
	# To a closed port.
	left ping -c 20 -i 0.01 -W 0.1 -q 10.77.0.2 && return 1
	back endpoint 10.66.0.1:51821
	pings right 4
	pings left 4
}
killed_under_traffic() {
	start
	third_unharmed killed_and_back
	equal "$(counter drop_tx_send)" 0
}
check "a killed peer that sends when it returns is heard at once" killed_under_traffic

# It knows nobody's address, so the left end has to begin.
killed_and_silent() {
	local ping
	start
	ip netns exec "$ns_left" ping -i 0.05 -q 10.77.0.2 >"$keys/ping" &
	ping=$!
	killed
	back
	until_true 5 heard_again
	kill -INT $ping
	wait $ping
	pings right 4
}
heard_again() { (($(right wg show "$if_right" transfer | cut -f 2) > 1000)); }
check "a killed peer that is silent when it returns is found" killed_and_silent

# ---- outer errors

# What an error of the route costs is counted, and nothing when it is over.
without_route() { # the commands that take the route and give it back
	local before
	before=$(counter drop_tx_send)
	ip -n "$ns_left" route "${@:1:$#-1}"
	left ping -c 10 -i 0.01 -W 0.1 -q 10.77.0.2 && return 1
	(($(counter drop_tx_send) >= before + 10))
	eval "ip -n $ns_left route ${*: -1}"
	pings left 4
	pings right 4
}

routes_refuse() {
	start
	local kind
	for kind in unreachable prohibit blackhole; do
		third_unharmed without_route add $kind 10.66.0.2/32 "del 10.66.0.2/32"
	done
	third_unharmed without_route del 10.66.0.0/24 "add 10.66.0.0/24 dev outer"
}
check "a route that rejects or vanishes loses only what is sent meanwhile" routes_refuse

path_narrows() {
	local mtu
	start
	for mtu in 1500 1300 1500; do
		ip -n "$ns_left" link set outer mtu $mtu
		ip -n "$ns_right" link set outer mtu $mtu
		third_unharmed transfer left 4
		third_unharmed transfer right 4
	done
}
check "the path MTU shrinks under a session, and grows again" path_narrows

# Its own queue drops, which is shorter than what the socket holds.
link_slow() {
	start
	left tc qdisc add dev outer root tbf rate 20mbit burst 20kb limit 500kb
	third_unharmed iperf -t 1
	left tc qdisc del dev outer root
	equal "$(counter drop_tx_send)" 0
}
check "a slow path to one peer doesn't slow another" link_slow

# A link of 2 Mbit/s behind a socket that holds less than its queue.
socket_full() {
	local WGBENCH_TUNNEL_SWITCHES=$WGBENCH_TUNNEL_SWITCHES,socket-buffer=20000
	start
	left tc qdisc add dev outer root tbf rate 2mbit burst 10kb limit 10mb
	ip netns exec "$ns_left" socat -u -b 1300 /dev/zero UDP-SENDTO:10.77.0.2:9 &
	until_true 10 dropped
	kill $!
	left tc qdisc del dev outer root
	pings left 4
	pings right 4
	third_unharmed transfer left 4
}
dropped() { (($(counter drop_tx_send) > 0)); }
check "a full socket drops, and sends again when there is room" socket_full

# ---- the link down and up

both_ping() {
	ip netns exec "$ns_left" ping -i 0.01 10.77.0.2 >"$keys/from.left" 2>&1 &
	pinging=($!)
	ip netns exec "$ns_right" ping -i 0.01 10.77.0.1 >"$keys/from.right" 2>&1 &
	pinging+=($!)
}

replies() { grep -c 'bytes from' "$keys/from.$1" || true; }
more_replies() { (($(replies "$1") > $2)); }

down_and_up() {
	local side
	start
	both_ping
	for side in left right; do until_true 5 more_replies $side 10; done
	ip -n "$ns_left" link set "$if_left" down
	until_true 5 closed 51821
	idles "$(process left)"
	local from_left from_right
	from_left=$(replies left) from_right=$(replies right)
	idles "$(process left)"
	equal "$(replies left) $(replies right)" "$from_left $from_right"
	ip -n "$ns_left" link set "$if_left" up
	# At once: before the right end's 15 s, here 750 ms, are over.
	until_true 5 more_replies left $((from_left + 10))
	until_true 5 more_replies right $((from_right + 10))
	kill -INT "${pinging[@]}"
	wait "${pinging[@]}"
}
check "a link taken down under traffic idles, and resumes when it is up" down_and_up

# Only the right end sends, under a session that the left end has dropped.
up_and_silent() {
	start
	ip -n "$ns_left" link set "$if_left" down
	until_true 5 closed 51821
	ip -n "$ns_left" link set "$if_left" up
	until_true 5 open 51821
	until_true 5 right ping -c 1 -W 0.1 -q 10.77.0.1
}
check "a link that was down is reachable again by its peer" up_and_silent
plan
