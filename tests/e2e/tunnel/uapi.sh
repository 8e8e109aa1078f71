#!/bin/bash
# How a tunnel is driven: by `wg` and `wg-quick`, by raw requests over its socket, and through its
# life from the start to the removal of its interface.
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair
if=$if_left
socket=$sockets/$if.sock

left() { on "$ns_left" "$@"; }

dump() { left wg show "$if" dump; }

# raw REQUEST: the answer to it, sent as it is (printf's escapes).
# shellcheck disable=SC2059
raw() { printf "$1" | socat -t 2 - "UNIX-CONNECT:$socket"; }

alone() { # no socket, no interface, no process
	until_true 5 no_socket "$if"
	until_true 5 no_link
	until_true 5 idle "$ns_left"
}

no_link() { ! ip -n "$ns_left" link show "$if" >/dev/null 2>&1; }

restart() {
	ip -n "$ns_left" link del "$if" 2>/dev/null || true
	alone
	left "$ours" "$if"
}

# ---- starting and ending

ready_on_return() {
	left "$ours" "$if"
	left wg show "$if"
	ip -n "$ns_left" link show "$if"
	match "$(stat -c %a "$socket")" '00$'
}
check "the daemon returns once it is ready" ready_on_return

second_start() {
	local status=0
	left "$ours" "$if" >"$keys/out" 2>&1 || status=$?
	match "$(<"$keys/out")" "$if"
	((status != 0))
	left wg show "$if"
	equal "$(ip netns pids "$ns_left" | wc -l)" 1
}
check "a second start with the same name fails with the reason" second_start

ends_by() { # SIGNAL
	local pid
	pid=$(ip netns pids "$ns_left")
	kill -"$1" "$pid"
	alone
}
check "SIGTERM leaves nothing" ends_by TERM

left "$ours" "$if"
check "SIGHUP leaves nothing" ends_by HUP

hangs_up() {
	left nohup "$ours" "$if"
	kill -HUP "$(ip netns pids "$ns_left")"
	left wg show "$if"
	ends_by TERM
}
check "under nohup SIGHUP is ignored" hangs_up

stale_socket() {
	left "$ours" "$if"
	kill -KILL "$(ip netns pids "$ns_left")"
	until_true 5 idle "$ns_left"
	until_true 5 no_link
	[[ -S $socket ]]
	left "$ours" "$if"
	left wg show "$if"
}
check "a socket left by a killed tunnel is replaced" stale_socket

deleted() {
	ip -n "$ns_left" link del "$if"
	alone
}
check "deleting the interface ends the process" deleted

foreground() { # SIGNAL
	left env --default-signal=INT "$ours" --foreground "$if" &
	until_true 5 left wg show "$if" >/dev/null
	equal "$(ip netns pids "$ns_left" | wc -l)" 1
	kill -"$1" "$(ip netns pids "$ns_left")"
	wait $!
	alone
}
check "in the foreground, SIGINT ends it with exit 0" foreground INT
check "in the foreground, SIGTERM ends it with exit 0" foreground TERM
check "in the foreground, SIGHUP ends it with exit 0" foreground HUP

bad_command_line() {
	local status
	for arguments in "" "one two" "--nonsense $if" "a-name-that-is-too-long" "a/b"; do
		status=0
		# shellcheck disable=SC2086 # several words
		left "$ours" $arguments >"$keys/out" 2>&1 || status=$?
		((status != 0))
		match "$(<"$keys/out")" .
	done
	status=0
	left env WGBENCH_TUNNEL_SWITCHES=nonsense=1 "$ours" "$if" >"$keys/out" 2>&1 || status=$?
	((status != 0))
	match "$(<"$keys/out")" nonsense
	alone
	status=0
	left "$ours" --version >/dev/full 2>"$keys/out" || status=$?
	match "$(<"$keys/out")" "No space left"
	((status != 0))
}
check "a bad command line or switch fails and leaves nothing" bad_command_line

least_privilege() {
	left "$ours" "$if"
	local name task pid
	pid=$(ip netns pids "$ns_left")
	# Of every thread: CAP_NET_BIND_SERVICE 10, CAP_NET_ADMIN 12, and nothing else.
	for task in "/proc/$pid/task"/*; do
		for name in CapEff CapPrm; do
			equal "$(awk "/^$name/ { print \$2 }" "$task/status")" 0000000000001400
		done
		equal "$(awk '/^CapInh|^CapAmb/ { print $2 }' "$task/status" | sort -u)" 0000000000000000
	done
}
check "privileges are dropped" least_privilege

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# By its own path; and by another one, which leaves only the socket's own mode in the way.
foreign_client() {
	mkdir "$keys/open"
	chmod 711 "$keys" "$keys/open"
	touch "$keys/open/socket"
	match "$(printf 'get=1\n\n' | "${nobody[@]}" socat - "UNIX-CONNECT:$socket" 2>&1)" "Permission denied"
	# shellcheck disable=SC2016
	match "$(printf 'get=1\n\n' | left bash -c 'mount --bind "$0" "$1" && exec "${@:2}"' "$socket" \
		"$keys/open/socket" "${nobody[@]}" socat - "UNIX-CONNECT:$keys/open/socket" 2>&1)" \
		"Permission denied"
	match "$(raw 'get=1\n\n')" 'errno=0'
}
check "another user can't reach the socket" foreign_client

# Reads the tunnel's memory as a debugger would, of the same user and with as many rights as it has.
debugger=(setpriv --bounding-set=-all,+net_admin,+net_bind_service --inh-caps=-all)
read_memory() { # the program's first page
	local pid
	pid=$(ip netns pids "$ns_left")
	# shellcheck disable=SC2016
	"${debugger[@]}" perl -e '
		open(my $maps, "<", "/proc/$ARGV[0]/maps") or die "maps: $!\n";
		my ($at) = map { m{^([0-9a-f]+)-.*/wgbench-tunnel$} } <$maps> or die "maps: nothing to be seen\n";
		open(my $memory, "<", "/proc/$ARGV[0]/mem") or die "mem: $!\n";
		seek($memory, hex $at, 0) && read($memory, my $page, 4) == 4 or die "mem: $!\n";
		print $page' "$pid" 2>&1
}

private_memory() {
	match "$(read_memory)" '^maps: (Permission denied|nothing)'
	WGBENCH_TUNNEL_SWITCHES=dumpable=on restart
	equal "$(read_memory)" $'\x7fELF'
	restart
}
check "its memory can't be read or dumped unless a switch allows it" private_memory

# Where it isn't the owner that forbids it, the answer is that the device is busy.
foreign_queue() {
	mknod -m 666 "$keys/tun" c 10 200
	# shellcheck disable=SC2016
	match "$(left bash -c 'mount --bind "$0" /dev/net/tun && exec "$@"' "$keys/tun" \
		"${nobody[@]}" \
		socat -u "TUN,tun-name=$if,iff-no-pi" - 2>&1)" "Operation not permitted"
}
check "another user can't attach to the device" foreign_queue

# TUNSETIFF with IFF_TUN, IFF_NO_PI, IFF_VNET_HDR and IFF_MULTI_QUEUE.
# shellcheck disable=SC2016
attach='open(my $tun, "+<", "/dev/net/tun") or die "open: $!\n";
	ioctl($tun, 0x400454ca, pack("a16 s x22", $ARGV[0], 0x5101)) or die "$!\n"'

queues() { left sh -c "ls -d /sys/class/net/$if/queues/tx-*" | wc -l; }

foreign_queue_of_several() {
	WGBENCH_TUNNEL_SWITCHES=queues=2 restart
	equal "$(queues)" 2
	left perl -e "$attach" "$if" # root can
	# shellcheck disable=SC2016
	match "$(left bash -c 'mount --bind "$0" /dev/net/tun && exec "$@"' "$keys/tun" \
		"${nobody[@]}" \
		perl -e "$attach" "$if" 2>&1)" "Operation not permitted"
	equal "$(queues)" 2
}
check "nor attach a queue where there are several" foreign_queue_of_several

port_of_several() {
	WGBENCH_TUNNEL_SWITCHES=queues=2 restart
	left wg set "$if" listen-port 51960 private-key "$keys/left"
	ip -n "$ns_left" link set "$if" up
	equal "$(left ss -Hlun 'sport = :51960' | wc -l)" 6
	# Another that would share the port, as ours do among themselves.
	left socat -u UDP4-RECV:51961,reuseport - >/dev/null &
	until_true 5 shared_open
	local status=0
	left wg set "$if" listen-port 51961 2>"$keys/out" || status=$?
	match "$(<"$keys/out")" "Address already in use"
	((status != 0))
	equal "$(left wg show "$if" listen-port)" 51960
	kill "$(left ss -Hlunp 'sport = :51961' | sed -n 's/.*pid=\([0-9]*\).*/\1/p')"
}
shared_open() { left ss -Hlun 'sport = :51961' | grep -q .; }
check "several queues share a port among themselves only" port_of_several

# ---- wg

peer_a=$(wg genkey | wg pubkey) peer_b=$(wg genkey | wg pubkey)

# The fields of `wg show dump`, sorted: neither peers nor allowed IPs come in a promised order.
fields() { tr '\t,' '\n\n' | sort; }

sets() {
	restart
	left wg set "$if" listen-port 51999 fwmark 0x1234 private-key "$keys/left" \
		peer "$peer_a" preshared-key "$keys/psk" endpoint 10.66.0.2:1 \
		persistent-keepalive 25 allowed-ips 10.1.2.3/16,fd01::/16 \
		peer "$peer_b" endpoint '[fd66::2]:65535' allowed-ips 0.0.0.0/0
	equal "$(dump | sed -n 1p)" "$(<"$keys/left")"$'\t'"$key_left"$'\t51999\t0x1234'
	# All but the handshake and the counters.
	equal "$(dump | grep -F "$peer_a" | cut -f 1-4,8 | fields)" \
		"$(fields <<<"$peer_a,$(<"$keys/psk"),10.66.0.2:1,10.1.0.0/16,fd01::/16,25")"
	equal "$(dump | grep -F "$peer_b" | cut -f 1-4,8 | fields)" \
		"$(fields <<<"$peer_b,(none),[fd66::2]:65535,0.0.0.0/0,off")"
}
check "what wg set sets, wg show dump prints" sets

moves() {
	left wg set "$if" peer "$peer_b" allowed-ips 10.1.0.0/16 persistent-keepalive 0
	equal "$(left wg show "$if" allowed-ips | sort)" "$(printf '%s\tfd01::/16\n%s\t10.1.0.0/16\n' \
		"$peer_a" "$peer_b" | sort)"
	left wg set "$if" peer "$peer_a" remove
	equal "$(left wg show "$if" peers)" "$peer_b"
	left wg set "$if" fwmark off
	equal "$(left wg show "$if" fwmark)" off
}
check "an allowed IP moves to the last peer that names it; a peer is removed" moves

# configuration PEERS: as `wg setconf` reads it. 43 digits and '=' are the base64 of a key.
configuration() {
	local n
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51821\n' "$(<"$keys/left")"
	for ((n = 0; n < $1; n++)); do
		printf '\n[Peer]\nPublicKey = %042d0=\nAllowedIPs = 10.%d.%d.0/24\n' \
			$n $((n / 256)) $((n % 256))
	done
}

many_peers() {
	configuration 1000 >"$keys/many.conf"
	left wg setconf "$if" "$keys/many.conf"
	equal "$(left wg show "$if" peers | sort -u | wc -l)" 1000
	left wg showconf "$if" | sed '/^$/d' >"$keys/shown"
	equal "$(grep -E '^(PublicKey|AllowedIPs)' "$keys/shown" | sort)" \
		"$(grep -E '^(PublicKey|AllowedIPs)' "$keys/many.conf" | sort)"
	left wg setconf "$if" "$keys/shown"
	equal "$(left wg showconf "$if" | sed '/^$/d' | sort)" "$(sort "$keys/shown")"
}
check "1000 peers by wg setconf, showconf and setconf again" many_peers

syncconf() {
	tunnels "$ours" "$ours" 4 left persistent-keepalive 30
	local before
	before=$(left wg show "$if" latest-handshakes)
	left wg showconf "$if" >"$keys/sync.conf"
	printf '\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.99.0.0/24\n' "$peer_a" >>"$keys/sync.conf"
	left wg syncconf "$if" "$keys/sync.conf"
	pings left 4
	equal "$(left wg show "$if" latest-handshakes | grep -F "$key_right")" "$before"
	equal "$(left wg show "$if" peers | wc -l)" 2
	left wg showconf "$if" | sed '/^\[Peer/,$d' >"$keys/sync.conf"
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.98.0.0/24\n' "$peer_b" >"$keys/add.conf"
	left wg addconf "$if" "$keys/add.conf"
	equal "$(left wg show "$if" peers | wc -l)" 3
	pings right 4
	left wg syncconf "$if" "$keys/sync.conf"
	equal "$(left wg show "$if" peers)" ""
}
check "wg syncconf and addconf leave a session that they don't concern" syncconf

# ---- raw requests

hex() { base64 -d <<<"$1" | od -An -v -tx1 | tr -d ' \n'; }

answers() {
	match "$(raw 'get=1\n\n')" '^private_key=.*errno=0$'
	equal "$(raw 'get=1\n\n' | tail -c 1 | od -An -tx1)" ' 0a'
	equal "$(raw 'set=1\n\n')" errno=0
	match "$(raw 'set=1\nlisten_port=51777\n\nget=1\n\n')" '^errno=0.*listen_port=51777.*errno=0$'
}
check "get and set are answered, several on one connection too" answers

update_only() {
	local key
	key=$(hex "$peer_a")
	equal "$(raw "set=1\nreplace_peers=true\npublic_key=$key\nupdate_only=true\n\n")" errno=0
	equal "$(left wg show "$if" peers)" ""
	equal "$(raw "set=1\npublic_key=$key\nallowed_ip=10.0.0.0/8\nallowed_ip=11.0.0.0/8\n\n")" errno=0
	equal "$(raw "set=1\npublic_key=$key\nupdate_only=true\nallowed_ip=-10.0.0.0/8\n\n")" errno=0
	equal "$(left wg show "$if" allowed-ips)" "$peer_a"$'\t11.0.0.0/8'
	equal "$(raw "set=1\npublic_key=$key\nremove=true\n\n")" errno=0
	equal "$(left wg show "$if" peers)" ""
}
check "update_only, removal of one allowed IP, removal of a peer" update_only

# refused REQUEST [ERE]: an error, and not even the good lines before it have any effect.
refused() {
	local before answer
	before=$(dump)
	answer=$(raw "$1")
	match "$answer" "${2:-^errno=-[0-9]+$}"
	equal "$(dump)" "$before"
}

key=$(hex "$peer_a")
prepare() {
	restart
	left wg set "$if" listen-port 51821 private-key "$keys/left" \
		peer "$peer_b" allowed-ips 10.1.0.0/16 preshared-key "$keys/psk"
	# Only an interface that is up holds its port.
	ip -n "$ns_left" link set "$if" up
}
check "an interface with a peer, for the refusals" prepare
while read -r request; do
	check "refused: $request" refused "set=1\n$request\n\n"
done <<-END
	fwmark=1\nnonsense=1
	listen_port=51900\nlisten_port=65536
	listen_port=-1
	listen_port=1x
	listen_port=
	fwmark=0x1
	private_key=12
	private_key=${key:1}g
	public_key=${key}00
	public_key=${key:2}
	allowed_ip=10.0.0.0/8
	remove=true
	replace_peers=yes
	replace_peers=true\npublic_key=$key\nallowed_ip=10.0.0.0/33
	public_key=$key\nallowed_ip=10.0.0.0
	public_key=$key\nallowed_ip=fd00::/129
	public_key=$key\nendpoint=10.0.0.1
	public_key=$key\nendpoint=10.0.0.1:0x1
	public_key=$key\nendpoint=[fd00::1]
	public_key=$key\npersistent_keepalive_interval=65536
	public_key=$key\npreshared_key=00
	public_key=$key\nprotocol_version=2
	no equals sign
END
check "refused: an unknown operation" refused 'put=1\n\n' '^(errno=-[0-9]+)?$'

unfinished() {
	local before
	before=$(dump)
	raw 'set=1\nlisten_port=51901\nfwmark=7\n' >/dev/null
	raw 'set=1\nlisten_port=51901' >/dev/null
	raw '' >/dev/null
	equal "$(dump)" "$before"
}
check "a request cut off changes nothing" unfinished

port_taken() {
	ip netns exec "$ns_left" socat -u UDP4-RECV:51950 - >/dev/null &
	until_true 5 port_open
	refused 'set=1\nfwmark=9\nlisten_port=51950\n\n' '^errno=-98$'
	kill $!
}
port_open() { left ss -Hlun 'sport = :51950' | grep -q .; }
check "a port that is taken is refused and the old one stays" port_taken

# ---- errors to the sender

# .1 is ours, .2 the peer's, without an endpoint; .3 and everything of IPv6 is nobody's.
unreachable() { # REVERSE-PATH-FILTER
	local address
	restart
	on "$ns_left" sysctl -qw "net.ipv4.conf.all.rp_filter=$1"
	left wg set "$if" private-key "$keys/left" peer "$peer_a" allowed-ips 10.77.0.2/32
	ip -n "$ns_left" addr add 10.77.0.1/24 dev "$if"
	ip -n "$ns_left" addr add fd77::1/64 dev "$if" nodad
	ip -n "$ns_left" link set "$if" up
	until_true 5 held_port
	for address in 10.77.0.2 10.77.0.3; do
		match "$(left ping -c 1 -W 3 "$address")" "From $address .*Destination Host Unreachable"
	done
	match "$(left ping -c 1 -W 3 fd77::2)" "From fd77::2 .*Destination unreachable: Address unreachable"
	# What isn't answered by a timeout alone.
	local status=0
	left socat -u /dev/null TCP4:10.77.0.3:1,connect-timeout=5 2>"$keys/out" || status=$?
	match "$(<"$keys/out")" "No route to host"
}
held_port() { left ss -Hlun | grep -q .; }
check "a sender gets an error without a peer or an endpoint" unreachable 0
check "so it does under strict reverse path filtering" unreachable 1

# ---- wg-quick

wg_quick() {
	tunnel_stop left
	tunnel_stop right
	tunnel_start right "$ours"
	tunnel_peer right
	cat >"$keys/$if.conf" <<-END
		[Interface]
		PrivateKey = $(<"$keys/left")
		Address = 10.77.0.1/32, fd77::1/128
		MTU = 1400
		[Peer]
		PublicKey = $key_right
		AllowedIPs = 10.77.0.2/32, fd77::2/128
		Endpoint = $(endpoint right 6)
	END
	WG_QUICK_USERSPACE_IMPLEMENTATION=$ours left wg-quick up "$keys/$if.conf"
	match "$(ip -n "$ns_left" link show "$if")" 'mtu 1400'
	until_true 10 left ping -c 1 -W 1 -q 10.77.0.2
	pings left 6
	left wg-quick down "$keys/$if.conf"
	alone
}
if ip -n "$ns_right" link add wgprobe type wireguard 2>/dev/null; then
	skip "wg-quick up and down" "this kernel has WireGuard, which wg-quick prefers"
else
	check "wg-quick up and down" wg_quick
fi
plan
