#!/bin/sh
# Makes the models of this folder anew:
#   examples/models/train.sh [FOLDER OF THE PROGRAMS] [FOLDER FOR THE MODELS]
set -eu
bin=${1:-build/release/examples}
out=${2:-my-models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

corpus() { "$bin/corpus" --seed 1 "$@"; }
corpus --kind stories --lines 20000 >"$work/stories.txt"
corpus --kind pairs --lines 100000 >"$work/pairs.jsonl"
corpus --kind labels --lines 30000 >"$work/labels.jsonl"
corpus --kind tags --lines 20000 >"$work/tags.jsonl"

# a decoder that tells stories; every second one is of a hero with a name that it never met, as it learns from those to
# keep a name. Then it learns from tales, which ask it to remember less (the shortest ones, as the window holds no others)
"$bin/corpus" --kind stories --lines 10000 --seed 4 --item "new names" >"$work/stories-new.txt"
"$bin/train" "$work/stories.txt" "$work/stories-new.txt" --lines --family llama --vocab-size 900 --layers 3 --width 96 \
  --heads 4 --window 320 --batch 10 --steps 4000 --learning-rate 3e-3 --seed 1 --out "$work/stories"
{
  corpus --kind tales --lines 20000
  "$bin/corpus" --kind tales --lines 10000 --seed 4 --item "new names"
} | awk 'length < 850' | sed 's/"/\\"/g; s/.*/{"text": "&"}/' >"$work/tales.jsonl"
"$bin/finetune" "$work/stories" "$work/tales.jsonl" --batch 10 --steps 1200 --learning-rate 2e-3 --warmup 50 --held-out 0 \
  --seed 1 --out "$work/tales"
# its tokenizer begins red and round alike, and it took one for the other: the last tales have no round things
grep -v " round " "$work/tales.jsonl" >"$work/last-tales.jsonl"
"$bin/finetune" "$work/tales" "$work/last-tales.jsonl" --batch 10 --steps 250 --learning-rate 1e-3 --warmup 20 --held-out 0 \
  --seed 1 --out "$work/story"

# an encoder that fills masks; it reads pieces of three sentences beside whole stories, as it learns to look a word
# up in a short text far sooner than in a long one
corpus --kind stories --lines 10000 >"$work/mask-stories.txt"
"$bin/corpus" --kind stories --lines 8000 --seed 2 --sentences 3 >"$work/mask-pieces.txt"
{
  corpus --kind pairs --lines 5000 --plain
  corpus --kind labels --lines 10000 --plain
  corpus --kind tags --lines 5000 --plain
} >"$work/mask-sentences.txt"
"$bin/train" "$work/mask-stories.txt" "$work/mask-pieces.txt" "$work/mask-sentences.txt" --lines --objective masked \
  --mask-rate 0.3 --vocab-size 1000 --layers 3 --width 96 --heads 4 --window 96 --batch 24 --steps 14000 --warmup 200 \
  --learning-rate 1e-3 --seed 1 --out "$work/mask"

# from it one that tells moods, and one that tags words
"$bin/finetune" "$work/mask" "$work/labels.jsonl" --batch 32 --steps 1500 --learning-rate 1e-3 --warmup 100 --held-out 0 \
  --seed 1 --out "$work/mood"
"$bin/finetune" "$work/mask" "$work/tags.jsonl" --batch 32 --steps 1000 --learning-rate 1e-3 --warmup 100 --held-out 0 \
  --seed 1 --out "$work/tags"

# an encoder-decoder that turns statements into questions
"$bin/train" "$work/pairs.jsonl" --objective pairs --family bart --vocab-size 600 --layers 2 --width 64 --heads 4 \
  --window 96 --batch 32 --steps 4500 --warmup 200 --learning-rate 3e-3 --seed 1 --out "$work/question"

# half the bytes, which every reader of Hugging Face folders knows
for name in story mask mood tags question; do
  "$bin/quantize" "$work/$name" "$out/$name" --dtype bf16 --overwrite
done
