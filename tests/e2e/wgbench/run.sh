#!/bin/bash
# tests/run against small made-up tests: what must count as passed, failed and skipped.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

unset TESTS TEST_LIMIT_S
runner=$PWD/tests/run
make_dir

# test_file NAME: a test script in $dir from standard input.
test_file() {
	{ echo '#!/bin/bash' && cat; } >"$dir/$1"
	chmod +x "$dir/$1"
}

test_file good.sh <<<'echo ok 1 - one; echo "ok 2 - two # SKIP no root"; echo 1..2'
test_file bad.sh <<<'echo 1..2; echo ok 1; echo not ok 2 - two; echo "the reason"; exit 1'
test_file quiet.sh <<<'exit 0'
test_file short.sh <<<'echo 1..3; echo ok 1; echo ok 2'
test_file unplanned.sh <<<'echo ok 1'
test_file crash.sh <<<'echo 1..1; echo ok 1; kill -SEGV $$'
test_file exit.sh <<<'echo 1..1; echo ok 1; exit 3'
test_file hang.sh <<<'echo ok 1; echo 1..1; sleep 300 & echo $! >pid; wait'
test_file allskip.sh <<<'echo "1..0 # SKIP no TUN"'
test_file cmocka <<-'END'
	[[ $CMOCKA_MESSAGE_OUTPUT == TAP ]] || exit 9
	printf '1..3\nok 1 - a\nnot ok 2 - b\n# 1 != 2\n# no PMU\nnot ok 3 # SKIP c\n'
	exit 1
END
test_file reason <<<'printf "1..1\n# no PMU\nnot ok 1 # SKIP c\n1..1\nok 1 - d\n"'
# Two that each wait for the other, and two of which each fails where the other runs.
for i in 1 2; do
	test_file both$i.sh <<-END
		. "$PWD/tests/support/tap.bash"
		touch both$i
		check "beside the other" until_true 60 test -e both$((3 - i))
		plan
	END
	test_file lone$i.sh <<-'END'
		# alone: to see that it is
		mkdir busy && echo ok 1
		sleep 0.2
		rmdir busy
		echo 1..1
	END
done
test_file sigint.sh <<<'trap "echo ok 1; echo 1..1; exit" INT; kill -INT $$'

# outcome TOTALS STATUS TEST...: runs them; the last line and the exit status are as given.
outcome() {
	local totals=$1 expected=$2 status=0
	shift 2
	cd "$dir"
	PROFILE=x "$runner" "$@" >out 2>err || status=$?
	cat out err
	equal "$(tail -n 1 out)" "$totals"
	equal "$status" "$expected"
}

shows() {
	local text=$1
	shift
	outcome "$@" >/dev/null
	grep -F -e "$text" "$dir/out"
}

hang() {
	export TEST_LIMIT_S=1
	shows "hang.sh: (not ended after 1 s)" "1 passed, 1 failed, 0 skipped" 1 ./hang.sh
	until_true 2 gone "$(<"$dir/pid")"
}

interrupted() {
	local status=0
	cd "$dir"
	rm -f pid
	PROFILE=x env --default-signal=INT "$runner" ./hang.sh &
	until_true 10 test -s pid
	kill -INT $!
	until_true 10 gone $!
	wait $! || status=$?
	equal "$status" 130
	until_true 2 gone "$(<pid)"
}

check "a passed and a skipped test" outcome "1 passed, 0 failed, 1 skipped" 0 ./good.sh
check "a skip is listed with its reason" shows "good.sh: two # SKIP no root" \
	"1 passed, 0 failed, 1 skipped" 0 ./good.sh
check "a failed test" outcome "1 passed, 1 failed, 0 skipped" 1 ./bad.sh
check "a failed test's output is shown" shows "the reason" "1 passed, 1 failed, 0 skipped" 1 ./bad.sh
check "no output is a failure" outcome "0 passed, 1 failed, 0 skipped" 1 ./quiet.sh
check "fewer than planned is a failure" outcome "2 passed, 1 failed, 0 skipped" 1 ./short.sh
check "no plan is a failure" outcome "1 passed, 1 failed, 0 skipped" 1 ./unplanned.sh
check "a crash after the last test is a failure" outcome "1 passed, 1 failed, 0 skipped" 1 ./crash.sh
check "an exit status that no test explains is a failure" \
	outcome "1 passed, 1 failed, 0 skipped" 1 ./exit.sh
check "a missing program is a failure" outcome "0 passed, 1 failed, 0 skipped" 1 ./none
check "a hang is a failure, and is ended with its children" hang
check "cmocka's words are understood" outcome "1 passed, 1 failed, 1 skipped" 1 ./cmocka
check "cmocka's skip is shown with the comment before it" shows "reason: c: no PMU" \
	"1 passed, 0 failed, 1 skipped" 0 ./reason
check "several are added up" outcome "4 passed, 2 failed, 3 skipped" 1 ./good.sh ./bad.sh ./cmocka ./reason
check "two scripts run side by side" outcome "2 passed, 0 failed, 0 skipped" 0 ./both1.sh ./both2.sh
check "scripts that ask for it run alone, after the others" \
	outcome "4 passed, 0 failed, 0 skipped" 0 ./lone1.sh ./both1.sh ./lone2.sh ./both2.sh
check "nothing but skips is no success" outcome "0 passed, 0 failed, 1 skipped" 1 ./allskip.sh
check "no test is no success" outcome "0 passed, 0 failed, 0 skipped" 1
TESTS=good check "TESTS picks by path" outcome "1 passed, 0 failed, 1 skipped" 0 ./good.sh ./bad.sh
TESTS=nosuch check "a pattern without a match is no success" \
	outcome "0 passed, 0 failed, 0 skipped" 1 ./good.sh
check "tests can be sent SIGINT" outcome "1 passed, 0 failed, 0 skipped" 0 ./sigint.sh
check "an interrupted run ends its tests and exits 130" interrupted
plan
