#!/bin/bash
# Two tunnels under mixed traffic for as long as is wanted, while their keys change every few seconds:
# TCP both ways, small and large datagrams both ways over both families, pings. Whatever is sent
# arrives, nothing is counted as an error, and memory, descriptors and threads don't grow. Every rate
# is well below what a tunnel carries, so nothing is lost; where the machine is too busy otherwise, no
# more than the full queues on the way have counted.
# Settings: SOAK_SECONDS (25), PROFILE (a sanitizer gets a fifth of the rates), SOAK_SWITCHES (further
# ones of the tunnels).
# alone: it fills the machine
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"

seconds=${SOAK_SECONDS:-25}
[[ $seconds =~ ^[0-9]+$ ]] && ((seconds >= 20 && seconds <= 86400)) || {
	echo "soak.sh: SOAK_SECONDS is 20 to 86400, not '$seconds'" >&2
	exit 2
}
traffic=$build/wgbench-traffic
# A key is replaced 120 s old, and useless 180 s old: at this speed after 3 s, and 1.5 s later.
scale=40
rekey_s=$((120 / scale))
# As many bytes of heap, and KiB of resident memory, may come and go.
heap_slack=2048 resident_slack=2048
part=1
case ${PROFILE:-release} in
asan | tsan) part=5 resident_slack=8192 ;;
esac
export WGBENCH_TUNNEL_SWITCHES=clock-scale=$scale,dumpable=on${SOAK_SWITCHES:+,$SOAK_SWITCHES}
# What is freed isn't kept for long, or memory would grow by that.
export ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=5
sides="left right"
pair

# ---- the two ends

start() { # SIDE
	local ns=ns_$1 if=if_$1
	tunnel_start_logged "$1" "$ours"
	# A machine that is busy otherwise may keep a tunnel from its TUN for a while.
	ip -n "${!ns}" link set "${!if}" txqueuelen 20000
}

handshake_of() { # SIDE
	local ns=ns_$1 if=if_$1
	on "${!ns}" wg show "${!if}" latest-handshakes | cut -f 2
}

# sample SECOND: a line for each end: second, side, time of the handshake, KiB resident, bytes of
# heap in use, buffers and batches of the pools, descriptors, threads.
sample() {
	local side pid fds
	for side in $sides; do
		pid=${tunnel_pid[$side]}
		fds=(/proc/"$pid"/fd/*)
		printf '%s %s %s %s %s %s %s\n' "$1" "$side" "$(handshake_of "$side")" \
			"$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")" \
			"$(tunnel_status "$side" | jq -r '.memory | "\(."heap-bytes") \(.buffers) \(.batches)"')" \
			"${#fds[@]}" "$(awk '/^Threads/ { print $2 }' "/proc/$pid/status")"
	done >>"$keys/samples"
}

# ---- traffic

# name, from, family, datagrams a second, bytes, datagrams a send. None is larger than a packet: where
# fragments wait in a queue of their own, the word that the stream has ended overtakes the last ones.
streams="small left 4 2000 64 1
small-back right 6 2000 64 1
large left 6 1000 1372 1
large-back right 4 1000 1372 1
runs left 4 1600 1372 8
runs-back right 6 1600 1372 8"
mbit=$((200 / part))
running=()

# run NAME SIDE COMMAND...: in the background, its output in $keys/NAME.
run() {
	ip netns exec "$(side_ns "$2")" "${@:3}" >"$keys/$1" 2>"$keys/$1.errors" &
	running+=("$1:$!")
}

says_ready() { grep -qs '^ready' "$keys/$1"; }

start_streams() {
	local name from family rate bytes run port=5400 address
	while read -r name from family rate bytes run; do
		port=$((port + 1))
		address=$(inner "$(other "$from")" "$family"):$port
		((family == 4)) || address="[${address%:*}]:$port"
		run "$name.received" "$(other "$from")" "$traffic" receive --listen "$address" \
			--run "$port" --timeout 10000 $( ((run == 1)) || echo --gro)
		until_true 5 says_ready "$name.received"
		run "$name.sent" "$from" "$traffic" send --to "$address" --run "$port" \
			--rate $((rate / part)) --size "$bytes" --gso "$run" --duration "$seconds" --grace 5000
	done <<<"$streams"
}

start_traffic() {
	local side
	run iperf-server right iperf3 -s -1 -J -B 10.77.0.2
	until_true 5 listening "$ns_right" 5201
	start_streams
	for side in $sides; do
		run "pings-$side" "$side" ping -q -i 0.05 -w "$seconds" "$(inner "$(other "$side")" 6)"
	done
	run iperf left iperf3 -J -c 10.77.0.2 --bidir -b "${mbit}M" -t "$seconds"
}

# ---- while it goes on

left_s() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# Handshakes so far, as the left end saw them.
rekeys() { awk '$2 == "left" && $3 != last { if (last) n++; last = $3 } END { print n + 0 }' "$keys/samples"; }

show() { # SECOND
	local line
	line="soak: $(left_s $((seconds - $1))) left, $(rekeys) rekeys, $(tail -n 2 "$keys/samples" |
		awk '{ printf "%s %.1f MiB (heap %.2f)%s", $2, $4 / 1024, $5 / 1048576, NR == 1 ? ", " : "" }')"
	if [[ -t 2 ]]; then
		printf '\r\e[K%s' "$line" >&2
	elif (($1 % 10 == 0)); then
		echo "$line" >&2
	fi
}

alive() { ! gone "${tunnel_pid[left]}" && ! gone "${tunnel_pid[right]}"; }

soak() {
	local begin=$SECONDS now=0
	while ((now < seconds)); do
		alive && sample "$now" || return 0 # a check tells
		show "$now"
		sleep 1
		now=$((SECONDS - begin))
	done
	[[ ! -t 2 ]] || printf '\r\e[K' >&2
}

# ---- what came of it

# collect LIST-OF-NAME:PID...: waits for them, and notes how each ended.
collect() {
	local entry status
	for entry; do
		status=0
		until_true 60 gone "${entry#*:}" >/dev/null || kill -KILL "${entry#*:}"
		wait "${entry#*:}" || status=$?
		echo "${entry%:*} $status" >>"$keys/ends"
	done
}

ended_well() { # ERE: of names
	local name status
	while read -r name status; do
		[[ ! $name =~ ^($1)$ ]] || ((status == 0)) || {
			echo "$name: exit $status"
			tail -n 20 "$keys/$name"*
			return 1
		}
	done <"$keys/ends"
}

report() { grep -o '^{.*' "$keys/$1" || true; }

# A line for each stream: name, sent, received, dropped by the receiver's own socket, missing beyond
# that, duplicates, overtaken.
stream_rows() {
	local name rest
	while read -r name rest; do
		jq -rs --arg name "$name" '.[0] as $s | .[1] as $r | [$name, $s.sent, $r.received + $r.stale,
			$r.socket_drops, $s.sent - $r.received - $r.stale - $r.socket_drops,
			$r.duplicates, $r.reordered] | @tsv' <(report "$name.sent") <(report "$name.received")
	done <<<"$streams"
}

# What full queues have dropped, at the most: the kernel counts buffers, which may hold 64 datagrams.
queue_drops() {
	local side
	for side in $sides; do
		jq -r '"drop_tx_aqm=\(.counters.drop_tx_aqm)"' "$keys/status-$side"
		kernel_drops "$side"
	done | awk -F = '{ n += $2 * ($1 == "drop_tx_aqm" ? 1 : 64) } END { print n + 0 }'
}

all_arrived() {
	local most
	most=$(queue_drops)
	stream_rows >"$keys/rows"
	cat "$keys/rows"
	echo "queues dropped at most $most"
	awk -v most="$most" '!($2 > 0) || $5 < 0 || $6 != 0 { bad = 1 } { missing += $5 }
		END { exit bad || NR != 6 || missing > most }' "$keys/rows"
}

all_answered() {
	local side most
	most=$(queue_drops)
	cat "$keys"/pings-{left,right}
	for side in $sides; do
		# By time, not by count: each waits a little longer than it was told to. The last one
		# may be on its way when the time is over.
		awk -v least=$((seconds * 10)) -v most="$most" '/packets transmitted/ {
			seen = $1 >= least && $4 + 1 + most >= $1 } END { exit !seen }' "$keys/pings-$side"
	done
}

# Both ways, at no less than nine tenths of the rate that was asked for.
tcp_rows() {
	jq -r '.end | [.sum_received.bytes, .sum_received_bidir_reverse.bytes, .sum_sent.retransmits,
		.sum_sent_bidir_reverse.retransmits] | @tsv' "$keys/iperf"
}
tcp_went() {
	tcp_rows
	tcp_rows | awk -v least=$((seconds * mbit * 1000000 / 8 * 9 / 10)) '{ exit $1 < least || $2 < least }'
}

rekeyed() {
	local least=$((seconds * 8 / rekey_s / 10 - 1))
	echo "$(rekeys) rekeys, at least $least wanted"
	(($(rekeys) >= least))
}

# Not these: a multicast has no peer; the queues' drops are judged above; and where a busy machine takes
# more than 5 s of the faster clock for an answer, its handshake has been begun anew meanwhile.
errors() { # SIDE
	jq -r '.counters | to_entries[] | select((.key | startswith("drop_")) and .value > 0 and
		(.key | IN("drop_tx_no_peer", "drop_tx_aqm", "drop_rx_index") | not)) |
		"\(.key)=\(.value)"' "$keys/status-$1"
}
no_errors() {
	local side
	for side in $sides; do equal "$(errors "$side")" ""; done
}

# What the kernel dropped on the way: at the full TUN, at the veth, and at full UDP sockets.
kernel_drops() { # SIDE
	local ns=ns_$1 if=if_$1
	on "${!ns}" cat /proc/net/dev /proc/net/snmp /proc/net/snmp6 | awk -v tun="${!if}:" '
		$1 == tun { print "tun_tx_dropped=" $13; print "tun_rx_dropped=" $5 }
		$1 == "outer:" { print "veth_tx_dropped=" $13; print "veth_rx_dropped=" $5 }
		$1 == "Udp:" && !at { for (i = 1; i <= NF; i++) if ($i == "RcvbufErrors") at = i; next }
		$1 == "Udp:" { n += $at }
		$1 == "Udp6RcvbufErrors" { n += $2 }
		END { print "udp_receive_buffer=" n + 0 }' | grep -v '=0$' || true
}

# median SIDE COLUMN QUARTER: of the samples in that quarter of the time, from 1.
median() {
	awk -v side="$1" -v column="$2" -v q="$3" -v s="$seconds" \
		'$2 == side && $1 >= s * (q - 1) / 4 && $1 < s * q / 4 { print $column }' "$keys/samples" |
		sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] + 0 }'
}

# steady COLUMN SLACK: what the second quarter, after everything has been used once, and the last one
# hold; the larger numbers in between are of the moment.
steady() {
	local side before after
	for side in $sides; do
		before=$(median "$side" "$1" 2) after=$(median "$side" "$1" 4)
		echo "$side: $before, then $after; at most $2 more"
		((before > 0 && after <= before + $2))
	done
}

table() {
	local side
	printf '# %-12s %10s %10s %10s %8s %10s %9s\n' stream sent arrived own-drops missing duplicates overtaken
	stream_rows | while read -r row; do
		printf '# %-12s %10s %10s %10s %8s %10s %9s\n' $row
	done
	tcp_rows | awk '{ printf "# TCP: %.1f MB and %.1f MB back, %d and %d segments sent again\n",
		$1 / 1e6, $2 / 1e6, $3, $4 }'
	for side in $sides; do
		grep -h -o '.*received.*loss' "$keys/pings-$side" | sed "s/^/# pings, $side: /"
	done
	echo "# $(rekeys) rekeys in $seconds s"
	printf '# %-28s %12s %12s %12s %12s\n' "median of a quarter" left:2nd left:last right:2nd right:last
	while read -r column what; do
		printf '# %-28s %12s %12s %12s %12s\n' "$what" "$(median left "$column" 2)" "$(median left "$column" 4)" \
			"$(median right "$column" 2)" "$(median right "$column" 4)"
	done <<-'END'
		4 KiB resident
		5 bytes of heap, without pools
		6 buffers in the pools
		7 batches in the pools
		8 descriptors
		9 threads
	END
	for side in $sides; do
		echo "# dropped, $side:" $(jq -r '.counters | to_entries[] | select((.key | startswith("drop_")) and .value > 0) |
			"\(.key)=\(.value)"' "$keys/status-$side") $(kernel_drops "$side")
	done
}

start left
start right
tunnel_peer right
tunnel_peer left endpoint "$(endpoint right 4)"
check "a session is set up" until_true 10 on "$ns_left" ping -c 1 -W 1 -q 10.77.0.2
start_traffic
soak
collect "${running[@]}"
check "both ends are alive" alive
check "the traffic programs exit cleanly" ended_well '.*'
for side in $sides; do tunnel_status "$side" >"$keys/status-$side" || true; done
table || true
check "every datagram arrives, once" all_arrived
check "every ping is answered" all_answered
check "TCP goes both ways" tcp_went
check "the keys are replaced every $rekey_s s" rekeyed
check "no error is counted" no_errors
if (($(median left 5 2) > 0)); then
	check "the heap doesn't grow" steady 5 $heap_slack
else
	skip "the heap doesn't grow" "a sanitizer's heap isn't told; what was lost of it, it tells at the end"
fi
check "nor does resident memory" steady 4 $resident_slack
check "nor descriptors" steady 8 0
check "nor threads" steady 9 0
kill "${tunnel_pid[@]}"
collect "left.log:${tunnel_pid[left]}" "right.log:${tunnel_pid[right]}"
check "both ends stop and report no error" ended_well '.*\.log'
check "nor was there one in between" equal "$(grep -hv '^{' "$keys/left.log" "$keys/right.log" || true)" ""
plan
