#!/bin/bash
# tests/run itself, on scripts made up here: what failed and passes by itself is told from what fails,
# and nothing that it started outlives it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
run=$PWD/tests/run
make_dir
cd "$dir" # where it keeps its durations
unset TESTS

# script NAME: a test, its text from stdin.
script() {
	{ echo '#!/bin/bash' && cat; } >"$1"
	chmod +x "$1"
}
tests() { # STATUS TEST...
	local status=0 expected=$1
	shift
	"$run" "$@" >out 2>err || status=$?
	cat out err
	equal "$status" "$expected"
}

script flaky.sh <<-'END'
	[[ -e seen ]] && echo "ok 1 - works" || echo "not ok 1 - works"
	echo 1..1
	[[ -e seen ]] || { touch seen; exit 1; }
END
script broken.sh <<-'END'
	echo x >>broken.runs
	echo "not ok 1 - never works"
	echo 1..1
	exit 1
END
script aborts.sh <<-'END'
	echo "ok 1 - the first half"
	exit 7
END
script fine.sh <<-'END'
	echo "ok 1 - fine"
	echo 1..1
END
cp broken.sh program

passes_by_itself() {
	tests 0 flaky.sh fine.sh
	match "$(<out)" "not ok 1 - works"
	match "$(<out)" "Failed, and passed when tried again by itself:"$'\n'"  flaky.sh: works"
	match "$(tail -n 1 out)" "^2 passed, 0 failed, 0 skipped$"
}
check "a test that passes only alone passes, with a note" passes_by_itself

still_fails() {
	tests 1 broken.sh fine.sh
	equal "$(wc -l <broken.runs)" 2
	match "$(<out)" "Failed:"$'\n'"  broken.sh: never works"
	[[ $(<out) != *"passed when tried again"* ]]
	match "$(tail -n 1 out)" "^1 passed, 1 failed, 0 skipped$"
}
check "what fails twice is a failure, once" still_fails

programs_have_one_chance() {
	rm broken.runs
	tests 1 ./program
	equal "$(wc -l <broken.runs)" 1
}
check "a program isn't tried again" programs_have_one_chance

ends_half_way() {
	tests 1 aborts.sh
	match "$(<out)" "aborts.sh: \(exit 7 though no test failed\)"
}
check "a script that ends halfway has failed" ends_half_way

# Each waits until all three have begun.
for n in 1 2 3; do
	script meets$n.sh <<-END
		touch began.$n
		for ((turns = 0; turns < 600; turns++)); do
			[[ -e began.1 && -e began.2 && -e began.3 ]] && echo "ok 1 - met" && echo 1..1 && exit
			sleep 0.05
		done
	END
done
check "three run at a time" tests 0 meets1.sh meets2.sh meets3.sh

# A child that would live for long, and its own child.
script lasting.sh <<-'END'
	sleep 1000 &
	echo $! $$ >pids
	wait
END
terminated() {
	local pid status=0 child
	"$run" lasting.sh >out 2>err &
	pid=$!
	until_true 30 test -s pids
	kill -TERM "$pid"
	wait "$pid" || status=$?
	equal "$status" 143
	for child in $(<pids); do until_true 30 gone "$child"; done
}
check "SIGTERM ends what it started" terminated
plan
