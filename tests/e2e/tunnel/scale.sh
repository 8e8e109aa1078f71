#!/bin/bash
# Large configurations: how long they take and what memory they need. The figures are comments; a
# check fails only where one is ten times what it should be.
# takes: 20
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
namespace left
wg genkey >"$keys/left"
if=$if_left

left() { on "$ns_left" "$@"; }

start() {
	ip -n "$ns_left" link del "$if" 2>/dev/null || true
	until_true 30 idle "$ns_left" # frees what it held after its socket is gone
	left "$ours" "$if"
}

resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(ip netns pids "$ns_left")/status"; }

# configuration PEERS ALLOWED-IPS: of each peer so many. 43 digits and '=' are the base64 of a key.
configuration() {
	printf '[Interface]\nPrivateKey = %s\n' "$(<"$keys/left")"
	awk -v peers="$1" -v ips="$2" 'BEGIN {
		for (n = 0; n < peers; n++) {
			printf "\n[Peer]\nPublicKey = %042d0=\nAllowedIPs = ", n
			for (i = 0; i < ips; i++) {
				at = n * ips + i
				printf "%s10.%d.%d.%d/32", i ? ", " : "", at / 65536, at / 256 % 256, at % 256
			}
			print ""
		}
	}'
}

# report NAME: prints in the results what a check left in $keys/NAME.
report() { sed 's/^/# /' "$keys/$1"; }

# took_ms COMMAND...
took_ms() {
	local start=${EPOCHREALTIME/./}
	"$@" >&2
	echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

configured() { # NAME PEERS ALLOWED-IPS GOAL_MS
	local before ms
	configuration "$2" "$3" >"$keys/$1.conf"
	start
	before=$(resident_kib)
	ms=$(took_ms left wg setconf "$if" "$keys/$1.conf")
	equal "$(left wg show "$if" peers | wc -l)" "$2"
	echo "$1: $2 peers with $3 allowed IPs each by one wg setconf: $ms ms (goal $4)" >"$keys/$1"
	echo "$1: $((($(resident_kib) - before) * 1024 / $2)) bytes resident for each peer" >>"$keys/$1"
	((ms <= 10 * $4))
}

# What a configured peer without a session may take is 4096 bytes.
small_peers() {
	local bytes
	bytes=$(sed -n 's/.*: \([0-9]*\) bytes resident.*/\1/p' "$keys/peers")
	((bytes <= 10 * 4096))
}

hex_key() { # N: the key of peer N in the configurations above
	printf '%042d0=' "$1" | base64 -d | od -An -v -tx1 | tr -d ' \n'
}

# Peers one by one: a request each.
removed() { # NAME COUNT
	local n ms
	for ((n = 0; n < $2; n++)); do
		printf 'set=1\npublic_key=%s\nremove=true\n\n' "$(hex_key $((n * 7)))"
	done >"$keys/requests"
	ms=$(took_ms left socat -t 60 "OPEN:$keys/requests!!STDOUT" "UNIX-CONNECT:$sockets/$if.sock")
	echo "$1: $((ms * 1000 / $2)) us for each of $2 peers removed one by one" >"$keys/removed-$1"
	((ms <= $2 * 10))
	equal "$(left wg show "$if" peers | wc -l)" $((10000 - $2))
}

# A single allowed IP more, in a request of its own.
added() { # NAME COUNT
	local n ms key
	key=$(hex_key 9999)
	for ((n = 0; n < $2; n++)); do
		printf 'set=1\npublic_key=%s\nallowed_ip=192.168.%d.%d/32\n\n' "$key" $((n / 256)) $((n % 256))
	done >"$keys/requests"
	ms=$(took_ms left socat -t 60 "OPEN:$keys/requests!!STDOUT" "UNIX-CONNECT:$sockets/$if.sock")
	echo "$1: $((ms * 1000 / $2)) us for each of $2 allowed IPs added one by one" >"$keys/added-$1"
	((ms <= $2 * 100))
}

check "10,000 peers" configured peers 10000 1 5000
report peers
check "a configured peer is small" small_peers
check "adding an allowed IP beside few others" added peers 100
report added-peers
check "removing peers beside few allowed IPs" removed peers 500
report removed-peers
check "1,000,000 allowed IPs" configured ips 10000 100 10000
report ips
check "adding an allowed IP beside many others" added ips 100
report added-ips
check "removing peers beside many allowed IPs" removed ips 500
report removed-ips
plan
