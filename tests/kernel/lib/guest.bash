# A virtual machine with the Linux kernel's WireGuard as the right side of the test network, whose
# left side is a namespace; outer and inner addresses and ports are those of topology.bash. Sourced.
# QEMU's software emulation runs it, so that any machine can: a tap in the namespace is its wire.

. "$(dirname "${BASH_SOURCE[0]}")/../../support/topology.bash"

prepared=build/kernel
flood=$build/tests/kernel/flood
guest_memory_mb=320
# What is said in passing has addresses of its own, that no check takes away.
control=10.66.1.2 control_left=10.66.1.1

[[ $(uname -m) == x86_64 ]] || skip_all "the virtual machine is x86_64's"
[[ -s $prepared/initrd ]] || skip_all "no virtual machine is prepared (scripts/fetch-kernel)"
(($(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo) > guest_memory_mb * 2)) ||
	skip_all "the virtual machine would take half the memory that is left"

# guest_boot: to be called by the script itself. The machine ends with it, however it ends.
guest_boot() {
	local unpacked=$PWD/$prepared/qemu qemu=qemu-system-x86_64 libraries
	namespace left
	ip -n "$ns_left" tuntap add outer mode tap
	ip -n "$ns_left" address add 10.66.0.1/24 dev outer
	ip -n "$ns_left" address add $control_left/24 dev outer
	ip -n "$ns_left" address add fd66::1/64 dev outer nodad
	ip -n "$ns_left" link set outer up
	if [[ -d $unpacked ]]; then
		qemu=$unpacked/usr/bin/$qemu
		libraries=$unpacked/usr/lib/x86_64-linux-gnu:$unpacked/lib/x86_64-linux-gnu
	fi
	# Of the processors offered, the oldest is emulated fastest: its ciphers are scalar.
	LD_LIBRARY_PATH=${libraries:-} ip netns exec "$ns_left" setpriv --pdeathsig KILL "$qemu" \
		-M q35 -accel tcg,thread=multi -cpu qemu64,+rdrand -smp 2 -m "$guest_memory_mb" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$prepared/vmlinuz" -initrd "$prepared/initrd" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off log_buf_len=8M" \
		-netdev tap,id=wire,ifname=outer,script=no,downscript=no \
		-device virtio-net-pci,netdev=wire,romfile= -serial "file:$keys/console" 2>"$keys/qemu" &
}

# Both sides' keys and a preshared one, in files of the same names on both.
guest_keys() {
	make_keys
	guest "mkdir -p $keys; echo $(<"$keys/right") >$keys/right; echo $(<"$keys/psk") >$keys/psk"
	guest "tc qdisc add dev eth0 clsact"
}

# guest SCRIPT...: what it prints, and its exit status.
guest() {
	local reply
	reply=$(on "$ns_left" socat -t 60 - "TCP4:$control:1,connect-timeout=2" <<<"$*" 2>&1) || true
	[[ ${reply##*$'\n'} =~ ^[0-9]+$ ]] || {
		echo "no answer of the virtual machine: $reply"
		return 1
	}
	printf '%s' "${reply%$'\n'*}"
	return "${reply##*$'\n'}"
}

# side SIDE SCRIPT...: runs it there.
side() {
	if [[ $1 == left ]]; then
		on "$ns_left" bash -ec "${*:2}"
	else
		guest "${*:2}"
	fi
}

# service SIDE PORT SOCAT-ARGUMENTS...: a socat that listens at the port until service_ends.
service() {
	side "$1" "socat ${*:3} >/dev/null 2>&1 & echo \$! >$keys/service.$2"
	until_true 5 side "$1" "ss -Hltun | grep -q ':$2 '" >/dev/null
}

service_ends() { # SIDE PORT
	side "$1" "kill \$(<$keys/service.$2) 2>/dev/null || true"
}

interface() { [[ $1 == left ]] && echo "$if_left" || echo wg0; }

# peer SIDE [wg arguments]: what the side's interface is told of the other one.
peer() {
	local at=$1
	shift
	side "$at" wg set "$(interface "$at")" peer "$(key_of "$(other "$at")")" "$@"
}

# show SIDE WHAT: of `wg show` what it says of its only peer.
show() { side "$1" wg show "$(interface "$1")" "$2" | cut -f 2-; }

# apart FAMILY INITIATOR [wg arguments for both]: both anew; the initiator alone knows where the
# other is.
apart() {
	local family=$1 from=$2
	shift 2
	tunnel_stop left
	tunnel_start left "$ours"
	guest "! ip link show wg0 >/dev/null 2>&1 || ip link del wg0
		ip link add wg0 type wireguard
		wg set wg0 listen-port 51822 private-key $keys/right
		ip address add 10.77.0.2/24 dev wg0
		ip address add fd77::2/64 dev wg0 nodad
		ip link set wg0 mtu 1420 up"
	peer left allowed-ips 10.77.0.2/32,fd77::2/128 "$@"
	peer right allowed-ips 10.77.0.1/32,fd77::1/128 "$@"
	peer "$from" endpoint "$(endpoint "$(other "$from")" "$family")"
}

# meet, likewise: and a session that the initiator began.
meet() {
	mark
	apart "$@"
	until_true 15 ping_once "$2"
	case $2 in
	left) said "Receiving handshake initiation from peer" ;;
	right) said "Receiving handshake response from peer" ;;
	esac
}

ping_once() { side "$1" ping -c 1 -W 1 -q "$(inner "$(other "$1")" "${2:-4}")"; }

# answered SIDE FAMILY: five pings.
answered() {
	side "$1" "ping -c 5 -i 0.02 -w 5 $(inner "$(other "$1")" "$2") || true" >"$keys/pings"
	cat "$keys/pings"
	equal "$(sed -n 's/.*bytes from.*icmp_seq=\([1-5]\) .*/\1/p' "$keys/pings" | tr -d '\n')" 12345
}

unanswered() { # SIDE
	match "$(side "$1" "ping -c 3 -i 0.2 -W 1 $(inner "$(other "$1")" 4) || true")" " 0 received"
}

# mark: from here on what the kernel says counts, for said() and times_said() in the same check.
mark() {
	mark=$EPOCHREALTIME
	guest "echo mark $mark >/dev/kmsg"
}

times_said() { # ERE
	guest "dmesg | sed '1,/mark $mark\$/d' | grep -cE 'wg0: $1' || true"
}

said() { until_true 10 eval "((\$(times_said '$1')))"; }

# ---- filters on the machine's side of the wire

# filter ingress|egress FAMILY PRIORITY MATCHES ACTIONS
filter() {
	local protocol=ip
	[[ $2 == 4 ]] || protocol=ipv6
	guest "tc filter add dev eth0 $1 protocol $protocol prio $3 u32 $4 $5"
}

unfilter() { guest "tc filter del dev eth0 ingress; tc filter del dev eth0 egress"; }

# filtered ingress|egress: how many packets each filter matched, by priority.
filtered() {
	guest "tc -s filter show dev eth0 $1" | sed -n 's/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p'
}
