# TAP for tests written in bash, sourced. Each check runs in a subshell of its own under `set -e`,
# so that any failing command fails the check; its output is shown only then.

export LC_ALL=C # also for EPOCHREALTIME's decimal point
tap_count=0
tap_failed=0
tap_log=$(mktemp)

# check NAME COMMAND [ARGUMENT]...
check() {
	local name=$1 status
	shift
	set +e
	(
		set -e
		"$@"
	) >"$tap_log" 2>&1 </dev/null
	status=$?
	set -e
	tap_count=$((tap_count + 1))
	if ((status == 0)); then
		echo "ok $tap_count - $name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $name"
		echo "# exit $status of: $*"
		sed 's/^/# /' "$tap_log"
	fi
}

# skip NAME REASON
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# skip_all REASON: there's nothing that this script can test here.
skip_all() {
	echo "1..0 # SKIP $1"
	rm -f "$tap_log"
	exit 0
}

# Makes a folder, `dir`, that is removed at the end, however the script ends.
make_dir() {
	dir=$(mktemp -d)
	trap 'rm -rf "$dir" "$tap_log"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# The last line of every script: false if a check failed.
plan() {
	echo "1..$tap_count"
	rm -f "$tap_log"
	((tap_failed == 0))
}

# equal ACTUAL EXPECTED, match ACTUAL ERE: for use in checks; say what differs.
equal() {
	[[ $1 == "$2" ]] || {
		printf 'expected: %s\ngot: %s\n' "$2" "$1"
		return 1
	}
}

match() {
	[[ $1 =~ $2 ]] || {
		printf 'expected a match of: %s\ngot: %s\n' "$2" "$1"
		return 1
	}
}

# gone PID: it has ended, whether or not its parent has taken notice.
gone() {
	local state
	state=$(awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null) || return 0
	[[ $state == Z ]]
}

# until_true SECONDS COMMAND...: polls for a state, every 20 ms.
until_true() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		if ((${EPOCHREALTIME/./} > end)); then
			echo "not within the time: $*"
			return 1
		fi
		sleep 0.02
	done
}
