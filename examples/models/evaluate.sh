#!/bin/sh
# Measures the models of this folder on held-out data, which is drawn anew: combinations of words, and invented words,
# that training never showed (another split of the grammar, and another seed).
#   examples/models/evaluate.sh [FOLDER OF THE PROGRAMS] [FOLDER OF THE MODELS]
set -eu
bin=${1:-build/release/examples}
models=${2:-$(dirname "$0")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

held_out() { "$bin/corpus" --seed 2 --held-out "$@"; }

# for what counting words reaches
"$bin/corpus" --kind stories --lines 20000 --seed 1 >"$work/seen.txt"
"$bin/corpus" --kind tales --lines 20000 --seed 1 >"$work/seen-tales.txt"
# what the window holds
held_out --kind stories --lines 2000 | awk 'length < 850' | head -n 500 >"$work/stories.txt"
held_out --kind tales --lines 2000 | awk 'length < 850' | head -n 500 >"$work/tales.txt"

echo "story: how well tales are predicted"
"$bin/evaluate" "$models/story" --text "$work/tales.txt" --lines --baseline "$work/seen-tales.txt"
for prompt in "Once upon a time" "Long ago" "One day" "Once upon a time there was a brave girl called Zorbina"; do
  echo
  echo "story: 100 stories that begin \"$prompt\", at temperature 0.8 and top-p 0.95"
  "$bin/generate" "$models/story" --prompt "$prompt" --max-new-tokens 300 --temperature 0.8 --top-p 0.95 --seed 2 \
    --num-return 100 --json >"$work/told.json" 2>/dev/null
  "$bin/corpus" --check "$work/told.json" --prompt "$prompt"
done
echo
echo "mask: words masked in pieces of stories, one in each"
"$bin/evaluate" "$models/mask" --text "$work/stories.txt" --lines --baseline "$work/seen.txt" --seed 1

for item in "" told "new names" denied changed events plain nonsense; do
  echo
  echo "mood: happy, sad or unclear; ${item:-all sorts of lines}"
  held_out --kind labels --lines 500 ${item:+--item "$item"} >"$work/labels.jsonl"
  "$bin/evaluate" "$models/mood" --text "$work/labels.jsonl"
done
for item in known "new names"; do
  echo
  echo "tags: who, where and what; $item"
  held_out --kind tags --lines 500 --item "$item" >"$work/tags.jsonl"
  "$bin/evaluate" "$models/tags" --text "$work/tags.jsonl"
done
for item in known "new words"; do
  echo
  echo "question: statements turned into questions, to the letter; $item"
  held_out --kind pairs --lines 500 --item "$item" >"$work/pairs.jsonl"
  "$bin/evaluate" "$models/question" --text "$work/pairs.jsonl" --show-wrong 3
done

# sentences that nobody drew from the grammar, with words that it does not have
for name in mood tags question; do
  echo
  echo "$name: sentences written by hand"
  "$bin/evaluate" "$models/$name" --text "$(dirname "$0")/by-hand/$name.jsonl" --show-wrong 10
done
