#!/bin/bash
# Our tunnel against the WireGuard of a Linux kernel that runs in a virtual machine. On the left is
# ours, on the right the kernel's. Emulation may lose packets: a single one may be sent again, and
# nothing here counts retransmissions.
set -euo pipefail
. "$(dirname "$0")/lib/guest.bash"

guest_boot
check "the virtual machine starts" until_true 60 guest true
if ! guest true >/dev/null; then
	cat "$keys/qemu" "$keys/console" | sed 's/^/# /'
	plan
	exit
fi
guest_keys
echo "# Linux $(guest uname -r)"

# ---- a session whose key the kernel itself will replace, 120 s on; its pings go on until then

slow=wt$$s
slow_start() {
	on "$ns_left" "$ours" "$slow"
	on "$ns_left" wg set "$slow" listen-port 51823 private-key "$keys/left" \
		peer "$key_right" allowed-ips 10.78.0.2/32
	ip -n "$ns_left" address add 10.78.0.1/24 dev "$slow"
	ip -n "$ns_left" link set "$slow" up
	guest "ip link add wg1 type wireguard
		wg set wg1 private-key $keys/right \
			peer $key_left endpoint $control_left:51823 allowed-ips 10.78.0.1/32
		ip address add 10.78.0.2/24 dev wg1
		ip link set wg1 up"
	until_true 10 guest ping -c 1 -W 1 -q 10.78.0.1
	guest "ping -i 0.1 10.78.0.1 >$keys/slow 2>&1 & echo \$! >$keys/slow.pid"
	slow_handshake >"$keys/slow"
}
slow_handshake() { guest wg show wg1 latest-handshakes | cut -f 2; }
check "a session that stays" slow_start

# ---- every way to begin, and what a session carries

# stream FROM FAMILY: a file arrives through TCP as it was.
stream() {
	local to
	to=$(other "$1")
	side "$to" rm -f "$keys/got"
	service "$to" 5300 "-u TCP$2-LISTEN:5300,reuseaddr CREATE:$keys/got"
	side "$1" socat -u "OPEN:$keys/data" "TCP$2:$(address "$to" "$2"):5300"
	until_true 20 holds "$to" "$(stat -c %s "$keys/data")"
	equal "$(side "$to" "sha256sum <$keys/got")" "$(side "$1" "sha256sum <$keys/data")"
}

address() { # SIDE FAMILY: as socat wants it
	[[ $2 == 4 ]] && inner "$1" 4 || echo "[$(inner "$1" 6)]"
}

holds() { side "$1" "(( \$(stat -c %s $keys/got 2>/dev/null || echo 0) == $2 ))"; }

# datagrams FROM FAMILY: of sizes at the edges of the padding and of the MTU, and in fragments.
sizes=(1 15 16 17 1371 1372 1373 1391 1392 1393 1500 8972)
datagrams() {
	local to total=0 size try
	to=$(other "$1")
	for size in "${sizes[@]}"; do total=$((total + size)); done
	for try in 1 2 3; do
		side "$to" rm -f "$keys/got"
		service "$to" 5300 "-u -b 65536 UDP$2-RECV:5300 CREATE:$keys/got"
		side "$1" "for n in ${sizes[*]}; do
			head -c \$n $keys/data | socat -u -b 65536 - UDP$2:$(address "$to" "$2"):5300
		done"
		until_true 3 holds "$to" $total || echo "try $try: not all came"
		service_ends "$to" 5300
		! holds "$to" $total || break
	done
	equal "$(side "$to" "sha256sum <$keys/got")" \
		"$(side "$1" "for n in ${sizes[*]}; do head -c \$n $keys/data; done | sha256sum")"
}

flows() { # iperf3 arguments: what both sides got isn't nothing
	on "$ns_left" timeout 20 iperf3 -c 10.77.0.2 "$@" >"$keys/iperf" || true
	grep -E 'SUM|error' "$keys/iperf"
	equal "$(awk '/^\[SUM\].*receiver$/ { n += $6 > 0 } END { print n }' "$keys/iperf")" 2
}

make_data() {
	local at
	for at in left right; do
		side "$at" "head -c 8000000 /dev/urandom >$keys/data"
	done
	guest "iperf3 -s -D"
}
check "something to send" make_data

for family in 4 6; do
	for initiator in left right; do
		title="over IPv$family, begun by $([[ $initiator == left ]] && echo ours || echo "the kernel")"
		check "$title: handshake" meet "$family" "$initiator"
		check "$title: ping IPv4" answered left 4
		check "$title: ping IPv6" answered right 6
		check "$title, preshared key: handshake" meet "$family" "$initiator" \
			preshared-key "$keys/psk"
		check "$title, preshared key: ping IPv4" answered right 4
		check "$title, preshared key: ping IPv6" answered left 6
	done
	check "over IPv$family: TCP to the kernel, unchanged" stream left $((10 - family))
	check "over IPv$family: TCP to ours, unchanged" stream right "$family"
	check "over IPv$family: UDP to the kernel, unchanged" datagrams left "$family"
	check "over IPv$family: UDP to ours, unchanged" datagrams right $((10 - family))
	check "over IPv$family: eight flows both ways" flows -n 8M -P 4 --bidir
done

export WGBENCH_TUNNEL_SWITCHES=queues=2
check "two queues: handshake" meet 6 right
check "two queues: TCP to the kernel, unchanged" stream left 4
check "two queues: eight flows both ways" flows -n 8M -P 4 --bidir
unset WGBENCH_TUNNEL_SWITCHES

# ---- what must not pass

preshared_key_must_match() {
	meet 4 left preshared-key "$keys/psk"
	guest "wg genpsk >$keys/other"
	apart 4 left preshared-key "$keys/psk"
	peer right preshared-key "$keys/other"
	unanswered left
	peer right preshared-key "$keys/psk"
	until_true 10 ping_once left
}
check "another preshared key lets nothing through" preshared_key_must_match

check "a session for what follows" meet 4 left

# An inner source address that the sender has no right to, then one that it has.
source_is_checked() { # FROM
	local to from
	to=$(other "$1")
	from=$(inner "$1" 4)
	side "$1" ip address add 10.77.0.9/24 dev "$(interface "$1")"
	service "$to" 5300 "-u UDP4-RECV:5300 CREATE:$keys/got"
	side "$1" "echo other | socat -u - UDP4:$(inner "$to" 4):5300,bind=10.77.0.9
		echo own | socat -u - UDP4:$(inner "$to" 4):5300,bind=$from"
	until_true 5 side "$to" grep -q own "$keys/got"
	equal "$(side "$to" cat "$keys/got")" own
	service_ends "$to" 5300
	side "$1" ip address del 10.77.0.9/24 dev "$(interface "$1")"
}
check "the kernel lets no other source address of ours in" source_is_checked left
check "ours lets no other source address of the kernel's in" source_is_checked right

removed() { # FROM-SIDE
	local to
	to=$(other "$1")
	meet 4 left
	peer "$1" remove
	unanswered "$to"
	unanswered "$1"
	peer "$1" allowed-ips "$(inner "$to" 4)/32" endpoint "$(endpoint "$to" 4)"
	until_true 10 ping_once "$1"
}
check "ours removes the kernel as a peer: nothing passes until it is there again" removed left
check "the kernel removes ours as a peer: nothing passes until it is there again" removed right

# ---- what each says of the other

bytes() { show "$1" transfer; } # received, sent

counters_agree() {
	local left right
	left=$(bytes left) right=$(bytes right)
	equal "${left#*$'\t'} ${left%$'\t'*}" "${right%$'\t'*} ${right#*$'\t'}"
}

# Handshakes, data, padding and keepalives, in both roles. Not by much traffic: a lost packet has
# been sent.
counted() { # FAMILY INITIATOR
	local try
	for try in 1 2 3; do
		meet "$1" "$2"
		answered left 4
		answered right 6
		side right "ping -c 3 -i 0.02 -s 1372 $(inner left 6)"
		! until_true 3 counters_agree || return 0
		echo "try $try: perhaps a packet was lost"
	done
	return 1
}
check "the counters of bytes agree, begun by ours" counted 4 left
check "the counters of bytes agree, begun by the kernel" counted 6 right

# Of an idle session: each keepalive is 32 bytes.
received() { bytes "$1" | cut -f 1; }
kept_alive() { # FROM
	local to before now
	to=$(other "$1")
	meet 4 left
	peer "$1" persistent-keepalive 1
	before=$(received "$to")
	until_true 10 grown "$to" $((before + 4 * 32))
	peer "$1" persistent-keepalive 0
	now=$(received "$to")
	equal $(((now - before) % 32)) 0
	equal "$(show "$1" persistent-keepalive)" off
}
grown() { (($(received "$1") >= $2)); }
check "persistent keepalives of ours" kept_alive left
check "persistent keepalives of the kernel" kept_alive right

keepalive_begins() { # FROM
	apart 6 "$1"
	peer "$1" persistent-keepalive 25
	until_true 10 eval "((\$(show $(other "$1") latest-handshakes) > 0))"
}
check "ours begins a session to keep it alive" keepalive_begins left
check "the kernel begins a session to keep it alive" keepalive_begins right

# ---- roaming: one end moves in the middle of a session, and the other follows

# moves SIDE FAMILY NEW-ENDPOINT COMMAND...: after the command, that side is seen at the new endpoint,
# under the same keys.
moves() {
	local at=$1 family=$2 to=$3 peer session
	shift 3
	peer=$(other "$at")
	meet "$family" left
	session=$(show "$peer" latest-handshakes)
	"$@"
	until_true 5 ping_once "$at"
	until_true 5 eval "[[ \$(show $peer endpoints) == '$to' ]]"
	answered "$peer" 4
	answered "$at" 6
	equal "$(show "$peer" latest-handshakes)" "$session"
	equal "$(show "$peer" endpoints)" "$to"
}

port() { side "$1" wg set "$(interface "$1")" listen-port "$2"; }

device() { [[ $1 == left ]] && echo outer || echo eth0; }

# In this order, since a network's first address takes the others with it.
readdress() { # SIDE OLD NEW
	side "$1" "ip address del $2 dev $(device "$1")
		ip address add $3 dev $(device "$1")"
}

moves_and_back() { # SIDE FAMILY NEW-ENDPOINT OLD NEW
	# shellcheck disable=SC2064
	trap "readdress $1 '$5' '$4'" EXIT
	moves "$1" "$2" "$3" readdress "$1" "$4" "$5"
}

check "ours has another port" moves left 4 10.66.0.1:51831 port left 51831
check "the kernel has another port" moves right 6 '[fd66::2]:51832' port right 51832
check "ours has another IPv4 address" \
	moves_and_back left 4 10.66.0.3:51821 10.66.0.1/24 10.66.0.3/24
check "the kernel has another IPv4 address" \
	moves_and_back right 4 10.66.0.4:51822 10.66.0.2/24 10.66.0.4/24
check "ours has another IPv6 address" \
	moves_and_back left 6 '[fd66::3]:51821' "fd66::1/64 nodad" "fd66::3/64 nodad"
check "the kernel has another IPv6 address" \
	moves_and_back right 6 '[fd66::4]:51822' "fd66::2/64 nodad" "fd66::4/64 nodad"
check "ours moves from IPv4 to IPv6" \
	moves left 4 "$(endpoint left 6)" peer left endpoint "$(endpoint right 6)"
check "the kernel moves from IPv6 to IPv4" \
	moves right 6 "$(endpoint right 4)" peer right endpoint "$(endpoint left 4)"

# ---- ECN (RFC 6040)

check "a session over IPv4 for ECN" meet 4 left

# Whoever listens here answers with the TOS that the datagram came with.
tos_services() {
	local at
	for at in left right; do
		service "$at" 5404 "UDP4-RECVFROM:5404,ip-recvtos,fork 'SYSTEM:echo \$SOCAT_IP_TOS'"
		service "$at" 5406 "UDP6-RECVFROM:5406,ipv6-recvtclass,fork 'SYSTEM:echo \$SOCAT_IPV6_TCLASS'"
	done
}
check "listeners that tell the ECN they saw" tos_services

# ecn FROM FAMILY SENT SEEN
ecn() {
	local to option=ip-tos try wait_s=3 seen=
	to=$(other "$1")
	[[ $2 == 4 ]] || option=ipv6-tclass
	for ((try = 0; try < 3; try++)); do
		# socat would wait for more than one answer.
		seen=$(side "$1" "read -t $wait_s -r seen < <(exec 2>/dev/null; echo | socat -t $wait_s - \
			UDP$2:$(address "$to" "$2"):540$2,$option=$3) || true; echo \$seen")
		[[ -z $seen ]] || break
	done
	# A number or, of a traffic class, x and eight digits.
	seen=${seen/#x0000000/}
	echo "sent $3, seen ${seen:-lost}"
	equal "${seen:-lost}" "$4"
}

ecn_passes() { # FROM
	local mark
	for mark in 0 1 2 3; do
		ecn "$1" 4 $mark $mark
		ecn "$1" 6 $mark $mark
	done
}

# Where the ports lie in a header without options.
from_port() { # FAMILY PORT
	[[ $1 == 4 ]] && echo "match ip protocol 17 0xff match ip sport $2 0xffff" ||
		echo "match ip6 protocol 17 0xff match ip6 sport $2 0xffff"
}

tos_is() { # FAMILY TOS
	[[ $1 == 4 ]] && echo "match ip tos $2 0xff" || echo "match ip6 priority $2 0xff"
}

# All of ours that comes marked otherwise is dropped on the way.
outer_is_inner() { # OUTER-FAMILY INNER-FAMILY
	local mark sent
	sent=$(from_port "$1" 51821)
	trap unfilter EXIT
	for mark in 0 1 2 3; do
		unfilter
		filter ingress "$1" 1 "$sent $(tos_is "$1" $mark)" "action pass"
		filter ingress "$1" 2 "$sent" "action drop"
		ecn left "$2" $mark $mark
	done
}

# marked OUTER-FAMILY FROM MARK: the packets of that side get this outer mark on the way.
marked() {
	local hook=ingress port=51821 set="munge ip tos set $3 retain 3 pipe action csum ip4h"
	[[ $2 == left ]] || hook=egress port=51822
	[[ $1 == 4 ]] || set="munge ip6 traffic_class set $3 retain 3"
	unfilter
	filter $hook "$1" 1 "$(from_port "$1" $port)" "action pedit ex $set"
}

# By section 4.2; but what isn't ECN-capable and met congestion comes in as it was at both ends.
outer_is_heard() { # OUTER-FAMILY INNER-FAMILY FROM
	trap unfilter EXIT
	marked "$1" "$3" 3
	ecn "$3" "$2" 0 0
	ecn "$3" "$2" 1 3
	ecn "$3" "$2" 2 3
	ecn "$3" "$2" 3 3
	marked "$1" "$3" 1
	ecn "$3" "$2" 0 0
	ecn "$3" "$2" 2 1
	ecn "$3" "$2" 3 3
}

ecn_over() { # OUTER-FAMILY INNER-FAMILY
	check "over IPv$1: ECN marks pass from ours" ecn_passes left
	check "over IPv$1: ECN marks pass from the kernel" ecn_passes right
	check "over IPv$1: ours copies the inner mark to the outer header" outer_is_inner "$@"
	check "over IPv$1: the kernel hears of congestion on the way from ours" outer_is_heard "$@" left
	check "over IPv$1: ours hears of congestion on the way from the kernel" outer_is_heard "$@" right
}

ecn_over 4 6
check "a session over IPv6 for ECN" meet 6 left
ecn_over 6 4

# Drops any initiation of ours that is marked otherwise.
handshake_dscp() { # OUTER-FAMILY
	local sent
	sent="$(from_port "$1" 51821) $(initiation "$1")"
	trap unfilter EXIT
	filter ingress "$1" 1 "$sent $(tos_is "$1" 0x88)" "action pass"
	filter ingress "$1" 2 "$sent" "action drop"
	meet "$1" left
	(($(filtered ingress | head -n 1) > 0))
}

payload_at() { [[ $1 == 4 ]] && echo $((20 + 8 + $2)) || echo $((40 + 8 + $2)); } # FAMILY OFFSET

initiation() { echo "match u32 0x01000000 0xffffffff at $(payload_at "$1" 0)"; }

check "over IPv4: handshakes of ours are AF41" handshake_dscp 4
check "over IPv6: handshakes of ours are AF41" handshake_dscp 6

# ---- cookies: under load, only a peer that shows its cookie gets a session

# flooded SIDE FAMILY: bursts of initiations from a stranger to that side, by the process $flooding.
flooded() {
	local to port
	to=$(endpoint "$1" "$2")
	port=${to##*:} to=${to%:*} to=${to#[} to=${to%]}
	: >"$keys/flood"
	ip netns exec "$ns_left" "$flood" "$to" "$port" "$(key_of "$1")" 2000 >"$keys/flood" &
	flooding=$!
	until_true 10 grep -q loaded "$keys/flood"
}

# Counts initiations of that side, first those without mac2 (which lies at 132), then those with it.
watch_cookies() { # SIDE FAMILY
	local hook=ingress port=51821 match
	[[ $1 == left ]] || hook=egress port=51822
	match="$(from_port "$2" $port) $(initiation "$2")"
	filter $hook "$2" 1 "$match match u32 0 0xffffffff at $(payload_at "$2" 132)" "action pass"
	filter $hook "$2" 2 "$match" "action pass"
}

cookies_seen() { # SIDE: `without with`
	filtered "$([[ $1 == left ]] && echo ingress || echo egress)" | paste -sd ' '
}

# cookie_needed SIDE FAMILY: the other side gets its session only with the cookie that its first
# initiation brought it. On a busy machine a burst may be too slow to keep up the load until then.
cookie_needed() {
	local from seen try
	from=$(other "$1")
	flooding=
	trap 'kill $flooding; unfilter' EXIT
	for try in 1 2 3; do
		mark
		apart "$2" "$from"
		flooded "$1" "$2"
		watch_cookies "$from" "$2"
		until_true 30 ping_once "$from"
		seen=$(cookies_seen "$from")
		echo "initiations without and with a cookie: $seen"
		((${seen% *} < 1 || ${seen#* } < 1)) || break
		kill "$flooding"
		unfilter
	done
	((${seen% *} >= 1 && ${seen#* } >= 1))
	case $1 in
	left) said "Receiving cookie response from .*:51821" ;;
	right) said "Sending cookie response for denied handshake message for .*:51821" ;;
	esac
}

check "over IPv4: the kernel under load, ours shows its cookie" cookie_needed right 4
check "over IPv6: the kernel under load, ours shows its cookie" cookie_needed right 6
check "over IPv4: ours under load, the kernel shows its cookie" cookie_needed left 4
check "over IPv6: ours under load, the kernel shows its cookie" cookie_needed left 6

# ---- new keys under traffic

# gap FILE: the longest run of requests of a ping that had no reply.
gap() {
	awk '/bytes from/ { sub(/.*icmp_seq=/, ""); $0 = $0
		if ($1 - last - 1 > gap) gap = $1 - last - 1
		if ($1 > last) last = $1
	} END { print gap + 0; exit !last }' "$1"
}

changed() { # SIDE SINCE
	(($(show "$1" latest-handshakes) > $2))
}

# With its clock at 20 times the speed, ours rekeys every 6 s. The kernel's, whose keys are young,
# goes along.
rekeyed() { # CHANGES
	local pid since
	meet 4 left
	mark
	ip netns exec "$ns_left" ping -i 0.01 10.77.0.2 >"$keys/ping" &
	pid=$!
	since=$(show right latest-handshakes)
	for ((i = 0; i < $1; i++)); do
		until_true 15 changed right "$since"
		since=$(show right latest-handshakes)
	done
	# Under the new keys, too.
	until_true 10 more_pings "$(wc -l <"$keys/ping")"
	kill -INT $pid
	wait $pid || true
	tail -n 3 "$keys/ping"
	(($(times_said "Keypair [0-9]+ created for peer") == $1))
	(($(times_said "Receiving handshake initiation from peer") == $1))
	(($(gap "$keys/ping") <= 10))
}
more_pings() { (($(wc -l <"$keys/ping") > $1 + 50)); }

export WGBENCH_TUNNEL_SWITCHES=clock-scale=20
check "ours rekeys under traffic, twice" rekeyed 2
unset WGBENCH_TUNNEL_SWITCHES

slow_rekeyed() {
	local since lines
	since=$(<"$keys/slow")
	until_true 130 eval "((\$(slow_handshake) > $since))"
	echo "after $(($(slow_handshake) - since)) s"
	(($(slow_handshake) - since >= 119))
	lines=$(guest "wc -l <$keys/slow")
	until_true 10 eval "((\$(guest 'wc -l <$keys/slow') > $lines + 10))"
	guest "kill -INT \$(<$keys/slow.pid); cat $keys/slow" >"$keys/pings"
	tail -n 3 "$keys/pings"
	(($(guest "dmesg | grep -c 'wg1: Keypair [0-9]* created for peer'") >= 2))
	(($(guest "dmesg | grep -c 'wg1: Receiving handshake response from peer'") >= 2))
	(($(gap "$keys/pings") <= 20))
}
check "the kernel rekeys by itself after 120 s, under traffic" slow_rekeyed

kernel_is_well() {
	local said
	said=$(guest "dmesg | grep -E 'WARNING|BUG|Oops|refcount|Call Trace' || true")
	equal "$said" ""
}
check "the kernel logged no fault" kernel_is_well
plan
