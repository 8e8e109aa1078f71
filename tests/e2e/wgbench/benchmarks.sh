#!/bin/bash
# BENCHMARKS.md and doc/benchmarks/ against the stored runs: what is generated is what the runs show,
# and so is each effect with its interval that stands in a table or a paragraph with a link to a run.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

wgbench=build/${PROFILE:-release}/wgbench
make_dir

cat >"$dir/claims.py" <<'PYTHON'
import glob, json, os, re, subprocess, sys

wgbench, documents = sys.argv[1], sys.argv[2:]
number = r"[+−]?\d+(?:\.\d+)?"
triple = re.compile(rf"({number})( %)?(?: \|)? \[({number}), ({number})\]")
link = re.compile(r"results/reference/([\w-]+)")
folder = "results/reference/"
cache = os.path.dirname(os.path.abspath(sys.argv[0]))

def compare(run, *options):
    kept = os.path.join(cache, "-".join((run, *options)).replace("/", "_"))
    if not os.path.exists(kept):
        with open(kept, "w") as to:
            subprocess.run([wgbench, "compare", "--json", folder + run, *options], stdout=to,
                           stderr=subprocess.DEVNULL)
    text = open(kept).read()
    return json.loads(text)["verdicts"] if text else []

# The effects of a run, in percent; where they don't do, those against its last tunnel (the plain
# veth of the speed runs) and, which isn't judged, of the whole machine's CPU.
def effects(run):
    specs = [t["spec"] for t in json.load(open(folder + run + "/run.json"))["tunnels"]]
    more = [("--metric", "cpu_machine_s_per_gbit")]
    if len(specs) > 2 and specs.count(specs[-1]) == 1:
        more.append(("--baseline", specs[-1]))
    for options in [(), *more]:
        for v in compare(run, *options):
            for e in (v, v["with_contaminated"]):
                if e["ci_low"] is not None:
                    yield e["effect"], e["ci_low"], e["ci_high"]

def agrees(words, values):
    for word, value in zip(words, values):
        digits = len(word.partition(".")[2])
        if abs(float(word.replace("−", "-")) - value) > 0.5001 * 10 ** -digits:
            return False
    return True

def check(runs, text, document, line):
    wrong = 0
    for match in triple.finditer(text):
        effect, percent, low, high = match.groups()
        if not any(agrees((effect, low, high), e if percent else [1 + x / 100 for x in e])
                   for run in runs for e in effects(run)):
            print(f"{document}:{line}: no run of {' '.join(runs)} shows {match[0]}")
            wrong += 1
    return wrong

wrong = checked = 0
runs, equal = [], []
lines = [(d, n, text) for d in documents for n, text in enumerate(open(d), 1)]
for document, line, text in lines:
    if text.startswith("#"):
        runs = []
    named = [r for r in dict.fromkeys(link.findall(text)) if glob.glob(folder + r + "/trials.jsonl*")]
    row = text.startswith("|")
    if named and not row:
        runs = named
    for sentence in text.split(". "):
        if "not stored" not in sentence and (here := named if row and named else runs):
            wrong += check(here, sentence, document, line)
            checked += len(triple.findall(sentence))
    if row:
        equal += [r for r in named if r.startswith("a-against-a")]

# Of a tunnel against itself, an interval that leaves out zero is told.
all_text = "".join(text for _, _, text in lines)
for run in equal:
    for v in compare(run):
        if v["ci_low"] is None or v["ci_low"] <= 0 <= v["ci_high"]:
            continue
        told = "{:+.2f} % [{:+.2f}, {:+.2f}]".format(v["effect"], v["ci_low"], v["ci_high"])
        if told.replace("-", "−") not in all_text:
            print(f"{run}'s {v['metric']}, {told}, leaves out zero and isn't told")
            wrong += 1
if checked < 100:
    sys.exit(f"only {checked} effects found")
sys.exit(wrong > 0)
PYTHON

check "the generated figures are the runs'" scripts/benchmarks --check
changed() {
	mkdir -p "$dir/tree/build/${PROFILE:-release}" "$dir/tree/results"
	cp -r scripts variants BENCHMARKS.md "$dir/tree"
	ln -sfn "$PWD/results/reference" "$dir/tree/results/reference"
	ln -sfn "$PWD/$wgbench" "$dir/tree/$wgbench"
	sed -i "$1" "$dir/tree/BENCHMARKS.md"
	! "$dir/tree/scripts/benchmarks" --check
	"$dir/tree/scripts/benchmarks"
	cmp BENCHMARKS.md "$dir/tree/BENCHMARKS.md"
}
check "a changed figure in a sentence is found, and written anew" changed 's/−80\.2 % \[/−81.2 % [/'
check "so is a changed figure in a table" changed 's/| +179\.9 % /| +189.9 % /'

pages=(BENCHMARKS.md doc/benchmarks/*.md)
check "the pages say what the stored runs show" python3 "$dir/claims.py" "$wgbench" "${pages[@]}"
wrong() {
	sed "$1" doc/benchmarks/trust.md >"$dir/trust.md"
	! python3 "$dir/claims.py" "$wgbench" "${pages[@]/*trust.md/$dir/trust.md}"
}
check "a changed figure is found" wrong '/A\/A 6/s/+0.56 %/+0.57 %/'
check "an interval that excludes zero but isn't mentioned is found" wrong 's/+2.30 % \[+0.47, +4.38\]/none/'

plan
