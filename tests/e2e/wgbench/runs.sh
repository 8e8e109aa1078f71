#!/bin/bash
# wgbench as a user meets it: what is wrong is named in one line before anything is done; runs that
# are interrupted, killed or out of disk leave nothing behind and lose no trial; a tunnel compared
# with itself is no news.
# alone: it measures
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
wgbench=$build/wgbench
dir=$keys # a folder that is removed at the end
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
chmod 755 "$dir"
chmod 1777 "$TMPDIR"

# start ARGUMENTS...: wgbench in the background, its pid in $pid, its output in $dir/out and err.
start() {
	env --default-signal=INT "${before[@]}" "$wgbench" "$@" >"$dir/out" 2>"$dir/err" &
	pid=$!
	echo $pid >>"$dir/pids"
}
before=()

# left_by PID: what there is that only that wgbench can have made.
left_by() {
	ip netns list | grep -o "^wgb-$1-[^ ]*" || true
	compgen -G "$sockets/wgb$1n*" || true
	compgen -G "/run/wgbench/$1" || true
	pgrep -a -f "wgb$1n" || true
	ls -A "$TMPDIR"
}

clean() {
	local pid
	while read -r pid; do
		[[ $(readlink "/proc/$pid/exe") != "$wgbench" ]] || kill -TERM "$pid" || true
		until_true 10 gone "$pid" || true
	done <"$dir/pids"
	mountpoint -q "$dir/small" && umount "$dir/small"
	topology_clean
}
trap clean EXIT

# ---- what can't be done is said at once

# refused ERE ARGUMENTS...: exit 2, one line that matches, nothing printed, made or left.
refused() {
	local ere=$1 status=0
	shift
	start "$@"
	wait "$pid" || status=$?
	cat "$dir/out" "$dir/err"
	equal "$status" 2
	equal "$(wc -l <"$dir/err")" 1
	match "$(<"$dir/err")" "$ere"
	equal "$(<"$dir/out")" ""
	equal "$(left_by "$pid")" ""
	[[ ! -e $dir/new ]]
}

refused_in() { # COMMAND... -- ERE ARGUMENTS...: likewise, run by the command
	before=()
	while [[ $1 != -- ]]; do
		before+=("$1")
		shift
	done
	shift
	refused "$@"
}

new=(--out "$dir/new" --blocks 1)
check "unknown command" refused "'frob'.*run.*compare" frob
check "unknown option" refused "'?--frob'?" run "${new[@]}" --frob
check "unknown preset" refused "'frob'.*gsoc-before" run "${new[@]}" --tunnel frob
check "unknown slot" refused "'frob'.*ring" run "${new[@]}" --tunnel frob=lockfree
check "unknown variant" refused "'frob'.*lockfree" run "${new[@]}" --tunnel ring=frob
names_the_switch() {
	local status=0
	"$wgbench" run "${new[@]}" --tunnel default+frob=on >/dev/null 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(tail -n 1 "$dir/err")" "'frob'"
}
check "unknown switch" names_the_switch
check "unknown revision" refused "'frob'" run "${new[@]}" --tunnel default@frob
check "unknown workload" refused "'frob'.*tcp" run "${new[@]}" --workload frob
check "unknown workload key" refused "'frob'.*flows" run "${new[@]}" --workload tcp:frob=1
check "workload value out of range" refused "0.*1" run "${new[@]}" --workload tcp:flows=0
check "workload value with trailing text" refused "4x" run "${new[@]}" --workload tcp:flows=4x
check "unknown plan" refused "'frob'.*standard" run --out "$dir/new" --plan frob
check "no blocks" refused "blocks.*1" run --out "$dir/new" --blocks 0
check "trailing argument" refused "frob" run "${new[@]}" frob
check "missing program" refused "$dir/frob" run "${new[@]}" --tunnel "exec:$dir/frob"
check "resuming nothing" refused "$dir/frob" run --resume "$dir/frob"
check "comparing nothing" refused "$dir/frob" compare "$dir/frob"
check "comparing an empty folder" refused "$TMPDIR" compare "$TMPDIR"
check "reporting nothing" refused "$dir/frob" report "$dir/frob"
namespace probe
if ip -n "$ns_probe" link add wg0 type wireguard 2>/dev/null; then
	skip "no WireGuard in the kernel" "this kernel has it"
else
	check "no WireGuard in the kernel" refused "kernel" run "${new[@]}" --tunnel kernel
fi

mkdir "$dir/path"
ln -s -t "$dir/path" $(type -p -a bash) /usr/sbin/* /usr/bin/* 2>/dev/null || true
for program in iperf3 wg ip; do
	mv "$dir/path/$program" "$dir/$program"
	check "no $program" refused_in env "PATH=$dir/path" -- "$program" run "${new[@]}"
	mv "$dir/$program" "$dir/path/$program"
done

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if "${nobody[@]}" test -x "$wgbench"; then
	check "no root" refused_in "${nobody[@]}" -- "root" run "${new[@]}"
else
	skip "no root" "nobody can't read this folder"
fi
check "no TUN" refused_in unshare --mount bash -c 'mount -t tmpfs none /dev/net && exec "$@"' - -- \
	"/dev/net/tun" run "${new[@]}"

# ---- runs

trials() { cat "$1/trials.jsonl" 2>/dev/null | wc -l; }
has_trials() { (($(trials "$1") >= $2)); }

# until_trials DIR N: of the run whose pid is $pid.
until_trials() {
	until_true 300 may_go_on "$@"
	has_trials "$@"
}
may_go_on() { has_trials "$@" || gone "$pid"; }

ends() { # STATUS: of $pid
	local status=0
	wait "$pid" || status=$?
	tail -n 5 "$dir/err"
	equal "$status" "$1"
	equal "$(left_by "$pid")" ""
}

run() { # STATUS ARGUMENTS...
	local status=$1
	shift
	start run "$@"
	ends "$status"
}

pair_of() { # OUT BLOCKS
	echo --out "$dir/$1" --blocks "$2" --tunnel default --tunnel ring=spinlock --workload tcp
}

whole_run() {
	run 0 --out "$dir/whole" --blocks 1 --tunnel default --tunnel default+udp-gso=off --tunnel veth
	equal "$(($(trials "$dir/whole") % 6))" 0
	match "$(<"$dir/out")" "$dir/whole/report.html"
	[[ -s $dir/whole/report.md && -s $dir/whole/report.html ]]
}
check "a short run of three tunnels, with its report" whole_run

# What our own tunnels say of themselves is kept; the switch is seen to work.
told() {
	jq -e '[.tunnels[].offloads.left | if . then [."tun-gso", ."udp-gso", ."receive-buffer" > 4096]
		else null end] == [[true, true, true], [true, false, true], null]' "$dir/whole/run.json"
	# What the trials used, not what the system would.
	jq -e '.workload_parameters.tcp == {flows: 1, reverse: 0, both: 0, family: 4, outer: 4} and
		(.environment | .tcp_congestion_control == "cubic" and
		(.sysctls | has("net.ipv4.tcp_sack") and (has("net.ipv4.tcp_congestion_control") | not)))' \
		"$dir/whole/run.json"
	jq -es 'all(.[].environment; .tcp_congestion_control == "cubic" and (.iperf3 | startswith("iperf 3")))' \
		"$dir/whole/trials.jsonl"
	jq -e '.environment.veth | .left == .right and .left.mtu == 1500 and
		(.left."tx-udp-segmentation" | type) == "boolean"' "$dir/whole/run.json"
	jq -e 'all(.tunnels[].interfaces; all(.left, .right; .mtu == 1420 and
		(."tx-udp-segmentation" | type) == "boolean"))' "$dir/whole/run.json"
	jq -es 'all(.[]; if .tunnel == 2 then .environment | has("tunnel") | not else
			.environment.tunnel | .left.counters.tx_packets > 1000 and
			(.left.offloads."udp-gso" | type) == "boolean" and
			.right.per_packet.tun_writes > 0 and .right.packets_per_batch.rx >= 1 end)' \
		"$dir/whole/trials.jsonl"
	jq -es '[.[] | select(.tunnel == 0).environment.tunnel.left.packets_per_batch.tx] | all(. > 5)' \
		"$dir/whole/trials.jsonl"
	match "$(<"$dir/whole/report.html")" "Offloads in effect.*System calls per packet"
}
check "offloads in effect and counters are kept" told

# Somebody else's process that never rests, with a name that would clear a terminal.
names_who_is_busy() {
	local spinner status=0
	setsid bash -c 'printf "\e[2Jspin" >/proc/$$/comm; echo $$ >"$1"; while :; do :; done' - \
		"$dir/spinner" </dev/null >/dev/null 2>&1 &
	until_true 10 test -s "$dir/spinner"
	spinner=$(<"$dir/spinner")
	start run --out "$dir/busy" --blocks 1 --tunnel default --workload tcp
	wait "$pid" || status=$?
	kill "$spinner"
	cat "$dir/err"
	equal "$status" 0
	match "$(<"$dir/err")" "wgbench: others use [0-9.]+ % of this machine, the heaviest: .*; a quieter one"
	[[ $(<"$dir/err") != *$'\e'* ]]
	jq -e '.environment.busy | .share > 0.02 and (.heaviest | length >= 1 and length <= 3 and
		all(.name != "" and .share > 0))' "$dir/busy/run.json"
	jq -es 'map(select(.status == "contaminated").reason) | length > 0 and
		all(test("^other processes took [0-9.]+ % of the machine, the heaviest: .+, [0-9.]+ %$"))' \
		"$dir/busy/trials.jsonl"
}
check "a busy machine is said before, and in each block it spoilt" names_who_is_busy

# The way between the namespaces is another one where this `ip` makes it.
mkdir "$dir/narrow"
cat >"$dir/narrow/ip" <<-EOF
	#!/bin/sh
	case \$* in
	*-batch*) exec sed 's/^link set outer0 up\$/& gso_max_size 30000/' | $(type -P ip) "\$@" ;;
	*) exec $(type -P ip) "\$@" ;;
	esac
EOF
chmod 755 "$dir/narrow/ip"

interrupted() { # SIGNAL STATUS
	start run $(pair_of "$1" 1)
	until_trials "$dir/$1" 1
	kill -"$1" $pid
	ends "$2"
	has_trials "$dir/$1" 1
	match "$(<"$dir/err")" "--resume $dir/$1"
}
before=("PATH=$dir/narrow:$PATH")
check "SIGINT leaves nothing but the finished trials" interrupted INT 130
before=()
check "SIGTERM leaves nothing but the finished trials" interrupted TERM 143

# What was printed as one line: sentences are broken where the terminal ends.
unwrapped() { tr -s ' \n' ' ' <"$dir/out"; }

# What the run was begun in is changed behind its back; a kernel is what no test can change.
resumed_elsewhere() {
	jq '.environment.kernel = "1.0"' "$dir/TERM/run.json" >"$dir/run.json"
	mv "$dir/run.json" "$dir/TERM/run.json"
	run 0 --resume "$dir/TERM"
	match "$(<"$dir/err")" "goes on in another environment than before: kernel '1.0', then '$(uname -r)'"$'\n'
	match "$(unwrapped)" "Trials from number [2-4] on were measured in another environment: kernel '1.0'"
	jq -e --arg kernel "$(uname -r)" '.resumed | length == 1 and .[0].environment.kernel == $kernel' \
		"$dir/TERM/run.json"
}
check "a run that is resumed in another environment says so" resumed_elsewhere

narrowed() {
	local status=0 larger
	larger=$(jq .environment.veth.left.gso_max_size "$dir/whole/run.json")
	run 0 --resume "$dir/INT"
	match "$(unwrapped)" "were measured in another environment: (.*; )?veth.left.gso_max_size '30000', then '$larger'"
	"$wgbench" compare --environment "$dir/whole" "$dir/INT" >"$dir/out" || status=$?
	equal "$status" 1
	match "$(<"$dir/out")" "veth.right.gso_max_size +$larger +30000"
}
check "a veth created differently is another environment" narrowed

# The killed run's leavings are removed by the next run, while the one beside it isn't touched.
killed() {
	local beside killed pair
	start run $(pair_of beside 2)
	beside=$pid
	until_trials "$dir/beside" 1
	cp "$dir/err" "$dir/err.beside"
	# Datagrams no longer fit the outer link: a send of several at once is refused from now on.
	for pair in 0 1; do ip -n "wgb-$beside-${pair}l" link set outer0 mtu 1300; done
	start run --out "$dir/same" --blocks 2 --tunnel default --tunnel default --workload tcp
	killed=$pid
	until_trials "$dir/same" 3
	kill -KILL $killed
	wait $killed || true
	cp "$dir/same/trials.jsonl" "$dir/before.jsonl"
	[[ $(left_by "$killed") ]]
	run 0 --resume "$dir/same"
	equal "$(left_by "$killed")" ""
	pid=$beside
	ends 0
	equal "$(head -c "$(stat -c %s "$dir/before.jsonl")" "$dir/same/trials.jsonl" | sha256sum)" \
		"$(sha256sum <"$dir/before.jsonl")"
}
check "a killed run is cleaned up and completed by --resume, a concurrent one goes on" killed

offload_changed() {
	jq -es 'any(.[]; .environment.offload_change == "at the left end udp-gso changed from true to false"
			and .status == "contaminated") and
		(map(select(.status == "ok" and .environment.offload_change)) == [])' "$dir/beside/trials.jsonl"
	match "$(<"$dir/beside/report.html")" "An offload of a tunnel changed in [0-9]+ trial"
}
check "a trial during which an offload changed is marked" offload_changed

# Killed at several moments, each time with half a line more, as a crash of the machine may leave.
killed_again() {
	local trials run=$dir/again
	start run $(pair_of again 3)
	for trials in 1 3 5 9; do
		until_trials "$run" $trials
		kill -KILL $pid
		wait $pid || true
		cp "$run/trials.jsonl" "$dir/before.jsonl"
		head -c $((97 * trials)) "$run/trials.jsonl" | tr -d '\n' >>"$run/trials.jsonl"
		start run --resume "$run"
	done
	ends 0
	match "$(<"$dir/err")" "$run/trials.jsonl:[0-9]+: the last line is torn: cut off"
	equal "$(head -c "$(stat -c %s "$dir/before.jsonl")" "$run/trials.jsonl" | sha256sum)" \
		"$(sha256sum <"$dir/before.jsonl")"
	jq -es 'group_by([.block, .attempt]) | [.[] | length] | max == 4 and (map(select(. == 4)) | length) >= 3' \
		"$run/trials.jsonl"
	jq -e '[.resumed[] | has("environment")] == [false, false, false, false]' "$run/run.json"
	local status=0
	"$wgbench" compare "$run" || status=$?
	((status == 3)) # three blocks are too few
	# A finished run that was cut is finished no more.
	trials=$(trials "$run")
	truncate -s -100 "$run/trials.jsonl"
	{ "$wgbench" compare --details "$run" || true; } | grep -F "Cut: 1 trials that run.json speaks of aren't there"
	run 0 --resume "$run"
	(($(trials "$run") > trials))
}
check "a run killed again and again, half a line left, is completed by --resume" killed_again

no_news() { # RUN
	local status=0
	"$wgbench" compare --json "$1" >"$dir/out" || status=$?
	((status == 0 || status == 3))
	jq -e '.verdicts | length > 0 and all(.verdict == "same" or .verdict == "undecided")' "$dir/out"
}
check "a tunnel against itself is same or undecided" no_news "$dir/same"
check "so it is in a run of a quiet machine" no_news results/reference/a-against-a

# Two layouts of each tunnel take turns, and what has ended isn't begun again.
within_budget() {
	run 0 --out "$dir/budget" --budget 100s --metric goodput_gbps --builds 2 --workload tcp \
		--tunnel default --tunnel receive=direct
	jq -e '.ended.tcp and (.looks[0] == 8) and
		(.tunnels | all(.builds_sha256 | length == 2 and .[0] != .[1]))' "$dir/budget/run.json"
	jq -es 'map(.build) | unique == [0, 1]' "$dir/budget/trials.jsonl"
	jq -es 'all(.[]; .build == .start % 2)' "$dir/budget/trials.jsonl"
	held=$(trials "$dir/budget")
	run 0 --resume "$dir/budget"
	equal "$(trials "$dir/budget")" "$held"
}
check "a run with a budget and two layouts of each tunnel" within_budget

# The effect is so large that one of the first looks decides, unless others use the machine.
decided() {
	match "$(<"$dir/out")" "tcp: (8|12) blocks, then it was decided"
	jq -e '.verdicts[] | select(.metric == "goodput_gbps").verdict == "worse"' \
		"$dir/budget/verdict.json"
}
if jq -es 'all(.[]; .status == "ok")' "$dir/budget/trials.jsonl" >/dev/null; then
	check "it ends where it is decided" decided
else
	skip "it ends where it is decided" "others used the machine"
fi

out_of_budget() {
	run 0 --out "$dir/short" --budget 12s --workload tcp --tunnel default --tunnel default
	match "$(<"$dir/err")" "too little for a verdict: about [0-9] blocks? of each workload"
	jq -e '.ended.tcp == "budget"' "$dir/short/run.json"
	match "$(<"$dir/out")" "then the budget was spent"
	(($(trials "$dir/short") <= 12))
}
check "and when its time is over" out_of_budget
check "a metric without a budget" refused "give --budget" run "${new[@]}" --metric goodput_gbps
check "a metric that nothing measures" refused "'frob'" run "${new[@]}" --budget 10s --metric frob

# A peer that burns a CPU beside its tunnel: what it spends isn't the judged end's.
judges_one_end() {
	cat >"$dir/burning" <<-EOF
		#!/bin/bash
		while :; do :; done &
		exec $build/tunnels/gsoc-before/wgbench-tunnel --foreground "\${@: -1}"
	EOF
	chmod 755 "$dir/burning"
	run 0 --out "$dir/half" --blocks 1 --tunnel default --tunnel ring=spinlock --workload ping \
		--peer "exec:$dir/burning"
	jq -e --arg spec "exec:$dir/burning" --arg sha "$(sha256sum "$dir/burning" | cut -d ' ' -f 1)" \
		'.peer | .spec == $spec and .binary_sha256 == $sha' "$dir/half/run.json"
	jq -e --arg spec "exec:$dir/burning" '.command | .[index("--peer") + 1] == $spec' "$dir/half/run.json"
	jq -es 'all(.[].environment; .tunnel_cpu_s < 0.5 and (.tunnel | has("left") and (has("right") | not)))' \
		"$dir/half/trials.jsonl"
	jq -es 'map(.environment.machine_cpu_s) | max > 0.6' "$dir/half/trials.jsonl"
	tr '\n' ' ' <"$dir/out" | grep -F "The other end of every tunnel is exec:$dir/burning: CPU cost"
	{ "$wgbench" compare --details "$dir/half" || true; } | grep -E "^ +exec:$dir/burning \(peer of each\) "
	match "$(<"$dir/half/report.html")" "exec:$dir/burning \(peer of each\)"
	echo "# another" >>"$dir/burning"
	jq 'del(.ended)' "$dir/half/run.json" >"$dir/run.json"
	mv "$dir/run.json" "$dir/half/run.json"
	run 2 --resume "$dir/half"
	match "$(<"$dir/err")" "peer 'exec:$dir/burning' is now another binary"
}
check "a peer at the other end: one end is judged" judges_one_end
check "a peer that there isn't" refused "'frob'.*gsoc-before" run "${new[@]}" --peer frob
check "a peer of no tunnel" refused "veth has no end" run "${new[@]}" --tunnel veth --peer default
check "no tunnel as a peer" refused "veth has no end" run "${new[@]}" --peer veth
check "a peer that would be judged" refused "handshake-flood measures the right end" run "${new[@]}" \
	--peer default --workload handshake-flood

# What was judged stays as it was, even where it was contaminated.
extended() {
	run 0 --out "$dir/longer" --tunnel veth --blocks 1
	cp "$dir/longer/trials.jsonl" "$dir/before.jsonl"
	run 0 --resume "$dir/longer" --blocks 6
	match "$(<"$dir/out")" "tcp: extended after 1 block"
	equal "$(head -c "$(stat -c %s "$dir/before.jsonl")" "$dir/longer/trials.jsonl" | sha256sum)" \
		"$(sha256sum <"$dir/before.jsonl")"
	jq -e '.blocks == 1 and .ended.tcp == "blocks" and (.extended | length == 1 and
		(.[0] | .ended.tcp == 1 and .blocks == 7))' "$dir/longer/run.json"
	tail -c +$(($(stat -c %s "$dir/before.jsonl") + 1)) "$dir/longer/trials.jsonl" |
		jq -es 'map(.block) | unique == [1, 2, 3, 4, 5, 6]'
	run 2 --resume "$dir/longer" --blocks 494
	match "$(<"$dir/err")" "would have 501 blocks, but at most 500"
}
check "a finished run is extended by --resume --blocks" extended

# A file system with room for run.json and two trials and a half.
full_disk() {
	local line_bytes
	line_bytes=$(($(stat -c %s "$dir/whole/trials.jsonl") / $(trials "$dir/whole")))
	mkdir "$dir/small"
	mount -t tmpfs -o size=2m none "$dir/small"
	fallocate -l $((2 * 1024 * 1024 - (($(stat -c %s "$dir/whole/run.json") + 4095) / 4096 * 4096) - \
		(line_bytes * 5 / 2 + 4095) / 4096 * 4096)) "$dir/small/filler"
	run 2 $(pair_of small/run 1)
	match "$(<"$dir/err")" "--resume $dir/small/run"
	has_trials "$dir/small/run" 1
	cp "$dir/small/run/trials.jsonl" "$dir/before.jsonl"
	equal "$(tail -c 2 "$dir/before.jsonl")" "}"
	rm "$dir/small/filler"
	run 0 --resume "$dir/small/run"
	equal "$(head -c "$(stat -c %s "$dir/before.jsonl")" "$dir/small/run/trials.jsonl" | sha256sum)" \
		"$(sha256sum <"$dir/before.jsonl")"
}
check "a full disk stops the run, which goes on when there is room" full_disk
plan
