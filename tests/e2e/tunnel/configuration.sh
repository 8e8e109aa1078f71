#!/bin/bash
# What a configuration means, where it isn't plain: the interface's own key, keys that no secret can
# be agreed on with, allowed IPs that overlap, and a great many of them.
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair

left() { on "$ns_left" "$@"; }

set_left() { left wg set "$if_left" "$@"; }

show() { left wg show "$if_left" "$1"; }

stranger() { wg genkey | wg pubkey; }

# ---- the interface's own key

# As the kernel: nothing is made of it, and that's no error.
own_key() {
	tunnels "$ours" "$ours" 4 left
	set_left peer "$key_left" allowed-ips 10.77.0.2/32,0.0.0.0/0 endpoint 10.66.0.2:1
	equal "$(show peers)" "$key_right"
	pings left 4
}
check "the interface's own key makes no peer" own_key

# As the kernel: the peer goes, with its allowed IPs; and the rest is as it was.
becomes_own() {
	local other
	wg genkey >"$keys/becomes"
	other=$(wg pubkey <"$keys/becomes")
	set_left peer "$other" allowed-ips 10.77.0.0/24,10.88.0.0/16
	set_left private-key "$keys/becomes"
	equal "$(show public-key)" "$other"
	equal "$(show allowed-ips)" "$key_right"$'\t10.77.0.2/32 fd77::2/128'
	on "$ns_right" wg set "$if_right" peer "$other" allowed-ips 10.77.0.1/32
	until_true 10 ping_once left
}
check "a peer whose key becomes the interface's own is removed" becomes_own

# ---- keys of low order, with which every secret would be zero

# The u of such points, hexadecimal, little-endian, and those that are the same modulo 2^255 - 19
# (Bernstein, "Curve25519: new Diffie-Hellman speed records", and its author's list of them).
low_order=(
	0000000000000000000000000000000000000000000000000000000000000000
	0100000000000000000000000000000000000000000000000000000000000000
	e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800
	5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157
	ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
	edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
	eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
)

# They are taken, and nothing is ever sent to them.
low_order_keys() {
	local point arguments=() n=0 sent
	export WGBENCH_TUNNEL_SWITCHES=clock-scale=20
	ends "$ours" "$ours" 4 left
	for point in "${low_order[@]}"; do
		arguments+=(peer "$(basenc --base16 -d <<<"${point^^}" | base64)" persistent-keepalive 1
			endpoint 10.66.0.2:51822 allowed-ips 10.77.1.$((++n))/32)
	done
	set_left "${arguments[@]}"
	equal "$(show peers | wc -l)" $((n + 1))
	sent=$(left cat /sys/class/net/outer/statistics/tx_bytes)
	ip -n "$ns_left" route add 10.77.1.0/24 dev "$if_left"
	for ((; n; n--)); do
		match "$(left ping -c 10 -i 0.02 -W 0.1 10.77.1.$n || true)" ' 0 received'
	done
	equal "$(show transfer | grep -vF "$key_right" | cut -f 2- | sort -u)" $'0\t0'
	(($(left cat /sys/class/net/outer/statistics/tx_bytes) < sent + 1000))
	# Nor do they keep the others from it.
	pings left 4
	equal "$(show latest-handshakes | awk '$2' | cut -f 1)" "$key_right"
}
check "keys of low order are taken and never make a session" low_order_keys

# ---- allowed IPs

# The longest prefix decides which way, and the same one has one owner.
overlapping() {
	local other
	tunnels "$ours" "$ours" 4 left
	other=$(stranger)
	set_left peer "$key_right" allowed-ips 0.0.0.0/0,::/0
	pings left 4
	pings left 6
	set_left peer "$other" allowed-ips 10.77.0.0/24,fd77::/64
	match "$(left ping -c 1 -W 3 10.77.0.2 || true)" "Destination Host Unreachable"
	match "$(left ping -c 1 -W 3 fd77::2 || true)" "Address unreachable"
	set_left peer "$key_right" allowed-ips 0.0.0.0/0,10.77.0.2/32,::/0,fd77::2/127
	pings left 4
	pings left 6
	pings right 4
	set_left peer "$other" allowed-ips 0.0.0.0/0,::/0
	equal "$(show allowed-ips | sort)" "$(printf '%s\t10.77.0.2/32 fd77::2/127\n%s\t0.0.0.0/0 ::/0\n' \
		"$key_right" "$other" | sort)"
	pings left 4
	# A list replaces the one before, and an empty one leaves nothing.
	set_left peer "$key_right" allowed-ips ""
	match "$(left ping -c 1 -W 3 10.77.0.2 || true)" "Destination Host Unreachable"
	set_left peer "$other" remove peer "$key_right" allowed-ips 0.0.0.0/0
	pings left 4
}
check "the longest prefix decides, the last peer that names one has it, a list replaces" overlapping

# What lies behind the prefix is cut off.
host_bits() {
	set_left peer "$key_right" allowed-ips 10.77.255.255/17,fd77::ffff/112,10.77.0.2/0
	equal "$(show allowed-ips)" "$key_right"$'\t0.0.0.0/0 10.77.128.0/17 fd77::/112'
}
check "bits beyond a prefix's length are masked off" host_bits

# As many as the kernel's own test has.
many() {
	tunnel_stop left
	tunnel_start left "$ours"
	awk 'BEGIN {
		for (i = 1; i <= 65000; i++) {
			printf "10.%d.%d.%d/32\n", i / 65536, i / 256 % 256, i % 256
			printf "fd00:%x::/64\n", i
		}
	}' | sort >"$keys/many"
	{
		printf '[Interface]\nPrivateKey = %s\n[Peer]\nPublicKey = %s\n' "$(<"$keys/left")" "$key_right"
		sed 's/^/AllowedIPs = /' "$keys/many"
	} >"$keys/many.conf"
	left wg setconf "$if_left" "$keys/many.conf"
	left wg show "$if_left" dump | sed -n '2s/^\([^\t]*\t\)\{3\}\([^\t]*\)\t.*/\2/p' | tr , '\n' |
		sort | cmp - "$keys/many"
	left wg showconf "$if_left" >"$keys/shown.conf"
	left wg setconf "$if_left" "$keys/shown.conf"
	left wg showconf "$if_left" | cmp - "$keys/shown.conf"
}
check "130,000 allowed IPs of one peer, by setconf, dump, showconf and setconf again" many
plan
