# A test network of two namespaces, left and right, joined by a veth: outer addresses 10.66.0.1 and
# .2, fd66::1 and ::2; a tunnel between them with 10.77.0.1 and .2, fd77::1 and ::2. Sourced. The
# names carry this script's pid, and everything in the namespaces is ended on every way out.

umask 077
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/support/tap.bash

build=${BUILD:-$PWD/build/${PROFILE:-release}}
ours=${TUNNEL:-$build/tunnels/default/wgbench-tunnel}
go=${PEER:-$PWD/build/external/wireguard-go/usr/bin/wireguard-go}
sockets=/var/run/wireguard
keys=$(mktemp -d)
namespaces=()
# What a sanitizer finds in a daemon goes nowhere else; the end of the script looks there.
for tool in ASAN TSAN UBSAN; do export ${tool}_OPTIONS=log_path=$keys/report; done

((EUID == 0)) || skip_all "network namespaces need root"
[[ -c /dev/net/tun ]] || skip_all "there is no /dev/net/tun"

# namespace NAME: makes it; its full name is in $ns_NAME.
namespace() {
	local -n ns=ns_$1
	ns=wgbt-$$-$1
	namespaces+=("$ns")
	ip netns add "$ns" && on "$ns" true || skip_all "network namespaces can't be used here"
	ip -n "$ns" link set lo up
	# Addresses are usable at once, by duplicate detection they'd be only after a second.
	ip netns exec "$ns" sysctl -qw net.ipv6.conf.{all,default}.accept_dad=0
}

# Not for the background: $! would be a shell between.
on() { ip netns exec "$@"; }

end_processes() { # NAMESPACE
	local pids
	pids=$(ip netns pids "$1" 2>/dev/null) || return 0
	[[ $pids ]] || return 0
	kill $pids 2>/dev/null || true
	until_true 3 idle "$1" >/dev/null && return 0
	kill -KILL $(ip netns pids "$1") 2>/dev/null || true
}

idle() { [[ -z $(ip netns pids "$1" 2>/dev/null) ]]; }

topology_clean() {
	local ns reports
	for ns in "${namespaces[@]}"; do
		end_processes "$ns"
		ip netns del "$ns" 2>/dev/null || true
	done
	reports=$(cat "$keys"/report.* 2>/dev/null || true)
	rm -rf "$keys" "$sockets"/wt$$?.sock "$tap_log"
	[[ -z $reports ]] || {
		echo "$reports"
		exit 1
	}
}
trap topology_clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Both sides' private and public keys and a preshared one, as files; $key_left and $key_right.
make_keys() {
	local side
	for side in left right; do
		wg genkey >"$keys/$side"
		wg pubkey <"$keys/$side" >"$keys/$side.pub"
	done
	wg genpsk >"$keys/psk"
	key_left=$(<"$keys/left.pub") key_right=$(<"$keys/right.pub")
}

# Each script has one pair; its tunnels are made anew as often as it likes.
pair() {
	namespace left
	namespace right
	ip -n "$ns_left" link add outer type veth peer name outer netns "$ns_right"
	ip -n "$ns_left" addr add 10.66.0.1/24 dev outer
	ip -n "$ns_right" addr add 10.66.0.2/24 dev outer
	ip -n "$ns_left" addr add fd66::1/64 dev outer nodad
	ip -n "$ns_right" addr add fd66::2/64 dev outer nodad
	ip -n "$ns_left" link set outer up
	ip -n "$ns_right" link set outer up
	make_keys
	until_true 5 on "$ns_left" ping -c 1 -W 1 -q fd66::2 >/dev/null
}

# third_link: a third end's namespace, at 10.67.0.3 behind a link of its own from left's 10.67.0.1, and
# its key, $key_third. third_start: its tunnel, $if_third with 10.77.0.3; left doesn't know it.
if_third=wt$$t
third_link() {
	namespace third
	ip -n "$ns_left" link add outer3 type veth peer name outer netns "$ns_third"
	ip -n "$ns_left" addr add 10.67.0.1/24 dev outer3
	ip -n "$ns_third" addr add 10.67.0.3/24 dev outer
	ip -n "$ns_left" link set outer3 up
	ip -n "$ns_third" link set outer up
	wg genkey >"$keys/third"
	key_third=$(wg pubkey <"$keys/third")
}

third_start() {
	on "$ns_third" "$ours" "$if_third"
	on "$ns_third" wg set "$if_third" listen-port 51823 private-key "$keys/third" \
		peer "$key_left" allowed-ips 10.77.0.0/24 endpoint 10.67.0.1:51821
	ip -n "$ns_third" addr add 10.77.0.3/24 dev "$if_third"
	ip -n "$ns_third" link set "$if_third" up
}

# What a second tunnel beside the first has of its own: interfaces, the networks outside and inside
# it, ports (1 and 2 at their end), the MTU inside.
if_left=wt$$l if_right=wt$$r outer=66 inner=77 ports=5182 inner_mtu=1420

# tunnel_start SIDE PROGRAM: starts it as a daemon with its interface and gives the latter its key
# and addresses.
tunnel_start() {
	local ns=ns_$1 if=if_$1
	on "${!ns}" "$2" "${!if}"
	tunnel_configure "$1"
}

# tunnel_configure SIDE: does that to one that runs.
tunnel_configure() {
	local side=$1 ns=ns_$1 if=if_$1 number=1
	[[ $side == left ]] || number=2
	on "${!ns}" wg set "${!if}" listen-port $ports$number private-key "$keys/$side"
	ip -n "${!ns}" addr add "$(inner "$side" 4)/24" dev "${!if}"
	ip -n "${!ns}" addr add "$(inner "$side" 6)/64" dev "${!if}" nodad
	ip -n "${!ns}" link set "${!if}" mtu "$inner_mtu" up
}

# tunnel_start_logged SIDE PROGRAM: the same in the foreground: ${tunnel_pid[SIDE]} is a child of this
# shell, and what it says goes to $keys/SIDE.log.
declare -A tunnel_pid
tunnel_start_logged() {
	local ns=ns_$1 if=if_$1
	ip netns exec "${!ns}" "$2" --foreground "${!if}" 2>"$keys/$1.log" &
	tunnel_pid[$1]=$!
	until_true 10 on "${!ns}" wg show "${!if}" >/dev/null 2>&1
	tunnel_configure "$1"
}

# tunnel_status SIDE: what that one answers to SIGUSR1, a line of JSON.
tunnel_status() {
	local lines
	lines=$(wc -l <"$keys/$1.log")
	kill -USR1 "${tunnel_pid[$1]}"
	until_true 5 has_more_lines "$keys/$1.log" "$lines" >/dev/null
	tail -n 1 "$keys/$1.log"
}
has_more_lines() { (($(wc -l <"$1") > $2)); }

# tunnel_peer SIDE [wg arguments]: makes the other side its peer.
tunnel_peer() {
	local side=$1 ns=ns_$1 if=if_$1
	shift
	on "${!ns}" wg set "${!if}" peer "$(key_of "$(other "$side")")" \
		allowed-ips "$(inner "$(other "$side")" 4)/32,$(inner "$(other "$side")" 6)/128" "$@"
}

other() { [[ $1 == left ]] && echo right || echo left; }

key_of() { [[ $1 == left ]] && echo "$key_left" || echo "$key_right"; }

endpoint() { # SIDE FAMILY: where that side is reached
	case $1$2 in
	left4) echo 10.$outer.0.1:${ports}1 ;;
	right4) echo 10.$outer.0.2:${ports}2 ;;
	left6) echo "[fd$outer::1]:${ports}1" ;;
	right6) echo "[fd$outer::2]:${ports}2" ;;
	esac
}

# tunnel_stop SIDE: removes the interface; the program ends of itself.
tunnel_stop() {
	local ns=ns_$1 if=if_$1
	ip -n "${!ns}" link del "${!if}" 2>/dev/null || true
	until_true 5 no_socket "${!if}" || end_processes "${!ns}"
}

no_socket() { [[ ! -e $sockets/$1.sock ]]; }

# ends LEFT-PROGRAM RIGHT-PROGRAM FAMILY INITIATOR [wg arguments for both]: both anew; the initiator
# alone knows the other's endpoint.
ends() {
	local left=$1 right=$2 family=$3 initiator=$4 responder
	responder=$(other "$initiator")
	shift 4
	tunnel_stop left
	tunnel_stop right
	tunnel_start left "$left"
	tunnel_start right "$right"
	tunnel_peer "$responder" "$@"
	tunnel_peer "$initiator" endpoint "$(endpoint "$responder" "$family")" "$@"
}

# tunnels, likewise: and a session that the initiator began.
tunnels() {
	ends "$@"
	until_true 10 ping_once "$4"
}

ping_once() { on "$(side_ns "$1")" ping -c 1 -W 1 -q "$(inner "$(other "$1")" "${2:-4}")"; }

side_ns() { local ns=ns_$1 && echo "${!ns}"; }

inner() { # SIDE FAMILY
	case $1$2 in
	left4) echo 10.$inner.0.1 ;;
	right4) echo 10.$inner.0.2 ;;
	left6) echo fd$inner::1 ;;
	right6) echo fd$inner::2 ;;
	esac
}

# ---- traffic, each to be used within a check

# The first five requests are all answered. (Without -w, ping waits for the last reply no longer than
# two round trips.)
pings() { # FROM FAMILY
	on "$(side_ns "$1")" ping -c 5 -i 0.01 -w 3 "$(inner "$(other "$1")" "$2")" >"$keys/pings" || true
	cat "$keys/pings"
	equal "$(sed -n 's/.*bytes from.*icmp_seq=\([1-5]\) .*/\1/p' "$keys/pings" | tr -d '\n')" 12345
}

# iperf ARGUMENTS...: from left to a server on the right; the server's line of what came through.
iperf() {
	local server
	ip netns exec "$ns_right" iperf3 -s -1 -B 10.77.0.2 >/dev/null &
	server=$!
	until_true 5 listening "$ns_right" 5201
	on "$ns_left" timeout 20 iperf3 -c 10.77.0.2 -f k "$@" >"$keys/iperf" 2>&1 || {
		cat "$keys/iperf"
		kill $server
		return 1
	}
	wait $server
	cat "$keys/iperf"
	awk '/receiver$/ { bytes = $5 } END { exit !(bytes > 0) }' "$keys/iperf"
}

listening() { on "$1" ss -Hltn "sport = :$2" | grep -q .; }

# Lost datagrams stay under 5 %. At a higher rate iperf3's own receive buffer overflows when a busy
# machine keeps iperf3 from running for some tens of milliseconds.
udp() {
	iperf -u -b 4M -n 500K "$@"
	awk -F '[(%)]' '/receiver$/ { lost = $2; seen = 1 } END { exit !(seen && lost <= 5) }' \
		"$keys/iperf"
}

# transfer FROM FAMILY: 4 MB through TCP arrive as they were.
transfer() {
	local from=$1 family=$2 to address receiver
	to=$(other "$from")
	address=$(inner "$to" "$family")
	[[ $family == 4 ]] || address="[$address]"
	[[ -e $keys/data ]] || head -c 4000000 /dev/urandom >"$keys/data"
	on "$(side_ns "$to")" timeout 20 socat -u "TCP$family-LISTEN:5300,reuseaddr" \
		"CREATE:$keys/received" &
	receiver=$!
	until_true 5 listening "$(side_ns "$to")" 5300
	on "$(side_ns "$from")" timeout 20 socat -u "OPEN:$keys/data" "TCP$family:$address:5300"
	wait $receiver
	cmp "$keys/data" "$keys/received"
	rm "$keys/received"
}
