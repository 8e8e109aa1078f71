#!/bin/bash
# A flood of initiations that pass the check of mac1, from many addresses: the session beside it goes
# on, cookies are demanded, what is held of the flood stays small, and afterwards everything is as it
# was. How much of the session's speed is left is measured by the workload handshake-flood.
# alone: it fills the machine
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair
# Were each of the messages kept, they'd take 30 MB.
messages=200000 rate=50000
# The ring of messages, the slots that they are read into, and whatever a busy path's pools grow by.
growth_kib=8192
# The smallest block for each message would be three times that.
heap_bytes=1048576
case ${PROFILE:-release} in asan | tsan) growth_kib=65536 ;; esac
export WGBENCH_TUNNEL_SWITCHES

# What the flood comes from is the left side's, every address of it.
ip -n "$ns_left" route add local 10.80.0.0/16 dev lo
ip -n "$ns_left" route add local fd80::/32 dev lo
ip -n "$ns_right" route add 10.80.0.0/16 via 10.66.0.1
ip -n "$ns_right" route add fd80::/32 via fd66::1

start_flood() { # FAMILY
	local from=10.80.0.0:0
	[[ $1 == 4 ]] || from='[fd80::1]:0'
	ip netns exec "$ns_left" "$build/wgbench-traffic" flood --to "$(endpoint right "$1")" --from "$from" \
		--key "$key_right" --sources 65536 --rate "$rate" --duration $((messages / rate)) >"$keys/flood" 2>&1 &
	flood=$!
	until_true 5 grep -qs '^ready' "$keys/flood"
}

# The flood's report.
flooded() { grep '^{' "$keys/flood"; }

counted() { tunnel_status right | jq ".counters.$1"; }

refused() { (($(counted drop_handshake_limit) > 0)); }

heap() { tunnel_status right | jq '.memory."heap-bytes"'; }
resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/${tunnel_pid[right]}/status"; }
descriptors() { find "/proc/${tunnel_pid[right]}/fd" -type l | wc -l; }
threads() { awk '/^Threads/ { print $2 }' "/proc/${tunnel_pid[right]}/status"; }

at_most() { # WHAT NUMBER MOST
	echo "$1: $2, at most $3"
	(($2 <= $3))
}

# In one socket the flood may displace a ping; TCP sends again.
carries_data() {
	transfer left 4
	transfer right 6
	if [[ $WGBENCH_TUNNEL_SWITCHES == *,handshake-socket=off ]]; then
		until_true 5 ping_once left
	else
		pings left 4
	fi
}

# Until the flood ends; and what the flooded end holds at the most.
carries_data_meanwhile() {
	local most=0 now
	until gone "$flood"; do
		carries_data
		now=$(resident_kib)
		((now <= most)) || most=$now
	done
	echo "$most" >"$keys/resident"
}

# On a busy machine the generator falls behind its rate; half of it is still too much to keep.
cookies_came() {
	flooded
	(($(flooded | jq .sent) >= messages / 2 && $(flooded | jq .cookie_replies) > 0 &&
		$(flooded | jq .other_replies) == 0))
}

# Its first initiation may still meet a demand for a cookie, the next comes 5 s later.
shakes_hands_anew() {
	on "$ns_left" wg set "$if_left" peer "$key_right" remove
	tunnel_peer left endpoint "$(endpoint right 4)"
	until_true 15 on "$ns_left" ping -c 1 -W 1 -q 10.77.0.2
}

stops() { # SIDE
	equal "$(<"$keys/$1.status")" 0
	equal "$(grep -v '^{' "$keys/$1.log" || true)" ""
}

stop() { # SIDE
	local status=0
	kill "${tunnel_pid[$1]}"
	wait "${tunnel_pid[$1]}" || status=$?
	echo $status >"$keys/$1.status"
}

trial() { # TITLE FAMILY SWITCHES
	local heap resident descriptors threads
	WGBENCH_TUNNEL_SWITCHES=dumpable=on$3
	tunnel_start_logged left "$ours"
	tunnel_start_logged right "$ours"
	tunnel_peer right
	tunnel_peer left endpoint "$(endpoint right "$2")"
	check "$1: a session" until_true 10 on "$ns_left" ping -c 1 -W 1 -q 10.77.0.2
	# So that the pools are as large as they get.
	check "$1: it carries data" carries_data
	heap=$(heap) resident=$(resident_kib) descriptors=$(descriptors) threads=$(threads)
	start_flood "$2"
	check "$1: cookies are demanded" until_true 10 refused
	check "$1: the session carries data under the flood" carries_data_meanwhile
	wait "$flood" || true
	check "$1: memory stays bounded" at_most KiB "$(<"$keys/resident")" $((resident + growth_kib))
	check "$1: the flood got cookies, and nothing else" cookies_came
	check "$1: afterwards there are new handshakes" shakes_hands_anew
	check "$1: the heap is as it was, but for little" at_most bytes "$(heap)" $((heap + heap_bytes))
	check "$1: so are descriptors and threads" equal "$(descriptors) $(threads)" "$descriptors $threads"
	stop left
	stop right
	check "$1: both ends stop well" stops left
	check "$1: the flooded one too" stops right
}

trial "over IPv4" 4 ""
trial "over IPv6, four queues" 6 ,queues=4
trial "handshakes and data in one socket" 4 ,handshake-socket=off
plan
