#!/bin/bash
# The workload overload on a tunnel that runs.
# alone: it measures
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
. tests/support/trials.bash

overload() { # OUT WORKLOAD
	start "$1" --workload "$2"
	ends
	metric "$1" overload capacity_pps | in_range 250 8000000
	metric "$1" overload delivered_ratio | in_range 0.01 100
	metric "$1" overload offered_pps | in_range 250 16000000
	metric "$1" overload loss_percent | in_range 0 100
	# A capacity that was found while others ran is too low, and three times of it no overload.
	metric "$1" overload loss_percent | sort -g | tail -n 1 | in_range 1 100
}
check "an overloaded tunnel still delivers" overload four overload:size=64
check "and over IPv6" overload six overload:size=512,factor=300,family=6,outer=6
plan
