# Runs of results/reference, to be changed by a test. Sourced.

# stored_trials RUN: its trials, a line each.
stored_trials() { zcat -f "results/reference/$1"/trials.jsonl*; }

# stored_copy RUN DIR: a folder with that run, its trials plain.
stored_copy() {
	mkdir "$2"
	cp "results/reference/$1/run.json" "$2"
	stored_trials "$1" >"$2/trials.jsonl"
}
