#!/bin/sh
# Makes the models of this folder anew, in about fifteen minutes of one core:
#   examples/models/train.sh [FOLDER OF THE PROGRAMS] [FOLDER FOR THE MODELS]
set -eu
bin=${1:-build/release/examples}
out=${2:-my-models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bin/corpus" --kind stories --lines 20000 --seed 1 >"$work/stories.txt"
"$bin/corpus" --kind pairs --lines 40000 --seed 1 >"$work/pairs.jsonl"
"$bin/corpus" --kind labels --lines 10000 --seed 1 >"$work/labels.jsonl"

# a decoder that tells stories
"$bin/train" "$work/stories.txt" --lines --family llama --vocab-size 1000 --layers 3 --width 96 --heads 4 --window 128 \
  --batch 24 --steps 2500 --learning-rate 3e-3 --seed 1 --out "$work/story"

# an encoder that fills masks (it learns to look things up in the text after some 11,000 steps), and from it one that
# tells moods
"$bin/corpus" --kind pairs --lines 5000 --seed 1 >"$work/sentences.jsonl"
"$bin/train" "$work/stories.txt" "$work/sentences.jsonl" "$work/labels.jsonl" --lines --objective masked \
  --mask-rate 0.3 --vocab-size 1100 --layers 3 --width 96 --heads 4 --window 128 --batch 16 --steps 18000 --warmup 200 \
  --learning-rate 1.5e-3 --seed 1 --out "$work/mask"
"$bin/finetune" "$work/mask" "$work/labels.jsonl" --batch 32 --steps 600 --learning-rate 1e-3 --warmup 50 --held-out 0 \
  --seed 1 --out "$work/mood"

# an encoder-decoder that turns statements into questions
"$bin/train" "$work/pairs.jsonl" --objective pairs --family bart --vocab-size 900 --layers 2 --width 64 --heads 4 \
  --window 48 --batch 32 --steps 3000 --warmup 200 --learning-rate 3e-3 --seed 1 --out "$work/question"

# half the bytes, which every reader of Hugging Face folders knows
for name in story mask mood question; do
  "$bin/quantize" "$work/$name" "$out/$name" --dtype bf16 --overwrite
done
