#!/bin/sh
# Measures the models of this folder on held-out data, which is drawn anew: combinations of words that training never
# showed (another split of the grammar, and another seed).
#   examples/models/evaluate.sh [FOLDER OF THE PROGRAMS] [FOLDER OF THE MODELS]
set -eu
bin=${1:-build/release/examples}
models=${2:-$(dirname "$0")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bin/corpus" --kind stories --lines 20000 --seed 1 >"$work/seen.txt" # for what counting words reaches
"$bin/corpus" --kind stories --lines 1000 --seed 2 --held-out >"$work/stories.txt"
"$bin/corpus" --kind pairs --lines 1000 --seed 2 --held-out >"$work/pairs.jsonl"
"$bin/corpus" --kind labels --lines 1000 --seed 2 --held-out >"$work/labels.jsonl"

echo "story: how well stories are predicted"
"$bin/evaluate" "$models/story" --text "$work/stories.txt" --lines --baseline "$work/seen.txt"
echo
echo "mask: words masked in pieces of stories, one in each"
"$bin/evaluate" "$models/mask" --text "$work/stories.txt" --lines --baseline "$work/seen.txt" --seed 1
echo
echo "mood: happy or sad"
"$bin/evaluate" "$models/mood" --text "$work/labels.jsonl"
echo
echo "question: statements turned into questions, to the letter"
"$bin/evaluate" "$models/question" --text "$work/pairs.jsonl" --show-wrong 3
