cmake_minimum_required(VERSION 3.22)
# The programs as a user calls them: results where the reference data has them or arithmetic gives them, one JSON value and
# nothing else with --json, and exit code 1 with one line on stderr for a user's mistake.
# Run with: cmake -D PROGRAMS=<folder> -D DATA=<tests/data> -D WORK=<scratch folder> -P examples.cmake
file(REMOVE_RECURSE ${WORK})
foreach(model bert-mlm bert-seqcls bert-tokcls roberta-mlm distilbert-seqcls t5 bart gpt2)
  file(GLOB files ${DATA}/${model}/*config.json ${DATA}/${model}/model.safetensors)
  file(COPY ${files} ${DATA}/letters/tokenizer.json DESTINATION ${WORK}/${model})
endforeach()
set(wrong 0)

include(${CMAKE_CURRENT_LIST_DIR}/examples_calls.cmake)

# Prints something that matches.
macro(prints pattern)
  call(${ARGN})
  if(NOT code EQUAL 0 OR NOT out MATCHES "${pattern}")
    fails_with("should print ${pattern}")
  endif()
endmacro()

# With --json: one value on one line of stdout, and what stands at `path` in it (names with ; between) matches.
macro(reports path pattern)
  call(${ARGN} --json)
  string(JSON found ERROR_VARIABLE problem GET "${out}" ${path})
  if(NOT code EQUAL 0 OR NOT out MATCHES "^[^\n]+\n$" OR problem OR NOT found MATCHES "${pattern}")
    fails_with("${path} should be ${pattern}, is ${found} ${problem}")
  endif()
endmacro()

# The same of a program that shows no progress: nothing on stderr.
macro(gives path pattern)
  reports("${path}" "${pattern}" ${ARGN})
  if(NOT err STREQUAL "")
    fails_with("should be silent on stderr")
  endif()
endmacro()

file(GLOB programs ${CMAKE_CURRENT_LIST_DIR}/../examples/*.cpp)
list(FILTER programs EXCLUDE REGEX "/tiny.cpp$") # which takes no options, and has a test of its own
foreach(source ${programs})
  get_filename_component(program ${source} NAME_WE)
  prints("--help" ${program} --help)
endforeach()

foreach(program embed fill_mask classify tag attention_map generate)
  refuses("folder is required" ${program})
endforeach()
foreach(program embed fill_mask classify tag)
  refuses("nowhere/config.json" ${program} nowhere --text a)
endforeach()
refuses("nowhere/config.json" attention_map nowhere --text a --out map.html)
refuses("nowhere/config.json" generate nowhere --prompt a)

prints("1.000.*a cat\n.*1.000  a dog\n$" embed bert-mlm --text "a cat" --text "a dog")
gives("similarity;1;1" "^(1|0.99999)" embed t5 --text "a cat" --text "a dog" --normalize)
gives("pooling" "^last$" embed gpt2 --text "a cat" --pool last)
refuses("max not in" embed bert-mlm --text a --pool max)

prints("^ 0[.][0-9]+ +[^ ]+ +a[^\n]* sat[.]\n" fill_mask roberta-mlm --text "a [MASK] sat.")
gives("1;position" "^3$" fill_mask bert-mlm --text "a [MASK] [MASK]." --top 2)
refuses("no mask; write it as .MASK." fill_mask bert-mlm --text "a cat")
refuses("classes of texts" fill_mask bert-seqcls --text "[MASK]")

prints("LABEL_0\n.*LABEL_1\n.*LABEL_2\n" classify bert-seqcls --text "a joy.")
gives("0;probabilities;LABEL_2" "^0[.][0-9]+" classify distilbert-seqcls --text a --pair b)
refuses("2 second parts for 1 texts" classify bert-seqcls --text a --pair b --pair c)

prints("^Ada +[BIO-]+[A-Z]* .*\nsat .*\n[.] +" tag bert-tokcls --text "Ada, sat.")
gives("2;word" "^sat$" tag bert-tokcls --text "Ada, sat.")
refuses("an encoder was asked for, found a model of type \"t5\"" tag t5 --text a)

# What stands in expected.json for a source: a greedy call, a beam search that ends early, and one with forced tokens.
function(writes model call)
  file(READ ${DATA}/${model}/expected.json expected)
  string(JSON ids GET "${expected}" generation ${call} input_ids 0)
  string(REGEX REPLACE "[^0-9,]" "" ids "${ids}")
  string(JSON sequences GET "${expected}" generation ${call} sequences)
  call(generate ${model} --ids ${ids} --max-new-tokens 16 --json ${ARGN})
  string(JSON found ERROR_VARIABLE problem GET "${out}" sequences)
  string(JSON same ERROR_VARIABLE problem EQUAL "${found}" "${sequences}")
  if(NOT code EQUAL 0 OR NOT same)
    fails_with("should write ${sequences}")
  endif()
  set(wrong ${wrong} PARENT_SCOPE)
endfunction()
set(beams --num-beams 4 --num-return 4 --early-stopping false)
writes(t5 0 --greedy --eos none)
writes(t5 6 ${beams} --eos none)
writes(t5 17 ${beams} --eos none --no-repeat-ngram 2)
writes(bart 2 --greedy --eos none)
writes(bart 6 ${beams} --eos none)
refuses("an encoder-decoder was asked for|a decoder was asked for" generate bert-mlm --prompt a)
refuses("num_return_sequences: 5 is more than num_beams" generate bart --prompt a --num-beams 4 --num-return 5)
refuses("80 new ones exceed the context window of 64" generate bart --prompt a --max-new-tokens 80)
prints("\n$" generate bart --prompt "a cat" --max-new-tokens 4)

# Every head must be on the page, as the string of its cells: of six tokens or more a side, so longer than any token.
string(REPEAT "[#-~]" 30 cells)
function(draws model heads)
  call(attention_map ${model} --out map.html --json ${ARGN})
  file(READ ${WORK}/map.html page)
  string(REGEX REPLACE "\"${cells}[#-~]*\"," "ONE HEAD" page "${page}")
  string(REGEX MATCHALL "ONE HEAD" drawn "${page}") # the cells themselves may contain what separates lists
  list(LENGTH drawn count)
  if(NOT code EQUAL 0 OR NOT out MATCHES "^{[^\n]+}\n$" OR NOT count EQUAL heads OR page MATCHES "https?://")
    fails_with("should draw ${heads} heads, drew ${count}")
  endif()
  set(wrong ${wrong} PARENT_SCOPE)
endfunction()
draws(bert-mlm 8 --text "a cat")
draws(gpt2 12 --text "a cat")
draws(bart 32 --text "a cat" --target "a dog") # 2 layers of the encoder, 3 of the decoder twice, of 4 heads
refuses("--target" attention_map bert-mlm --text a --target b --out map.html)
refuses("nowhere/map.html" attention_map bert-mlm --text a --out nowhere/map.html)

# Options that would do nothing without another.
refuses("--all-matrices requires --lora-rank" memory gpt2 --all-matrices)
refuses("--base requires --lora-rank" memory gpt2 --base NF4-DQ)
refuses("--number requires --formats" catalog --number 0.3)
refuses("--utilisation requires --train-tokens" compute gpt2 --utilisation 0.5)
refuses("--utilisation requires --devices" scaling --flops 1e20 --utilisation 0.5)
refuses("--device requires --devices" scaling --flops 1e20 --device V100-16GB)
foreach(option --devices --unique-tokens --svg)
  refuses("${option} requires --flops" scaling --parameters 1e9 --inference-tokens 1e12 ${option} 8k)
endforeach()
refuses("--eval-every requires --held-out" train stories.txt --out none --eval-every 5)
refuses("--mask-rate: is for --objective masked, not for causal" train stories.txt --out none --mask-rate 0.3)
refuses("--window requires --text" quantize gpt2 none --dtype int8 --window 8)
refuses("--stride requires --text" quantize gpt2 none --dtype int8 --stride 8)
refuses("--share requires --mix" finetune gpt2 stories.txt --out none --share 0.5)

# Planners, beside arithmetic by hand. LLaMA-2 7B has two tables of 32,000 × 4,096, 32 blocks of
# 4 × 4,096² + 3 × 4,096 × 11,008 + 2 × 4,096, and a norm of 4,096: 6,738,415,616 parameters.
gives("parameters" "^6738415616$" catalog llama-2-7b)
gives("weight_bytes;BF16" "^13476831232([.]0)?$" memory llama-2-7b)
gives("inference;cache_bytes" "^2147483648([.]0)?$" memory llama-2-7b) # 2 × 32 × 4,096 numbers of 2 bytes, 4,096 tokens
gives("forward_flops_per_token_2n" "^13476831232([.]0)?$" compute llama-2-7b)
gives("training_flops_per_token;6N" "^40430493696([.]0)?$" compute llama-2-7b)
# Of a pass over 4,096 tokens: two FLOPs for each weight of a matrix but the token embeddings' and each token, and in
# each block 4 × 4,096² × 4,096 for the scores and the mixing.
gives("forward_flops;total" "^62921270886400([.]0)?$" compute llama-2-7b)
# 3 × 62,921,270,886,400 / 4,096 FLOPs for each of 2e12 tokens, on 1,024 devices at 0.45 of 312e12 a second
gives("training;seconds" "^641094[.]0" compute llama-2-7b --train-tokens 2e12 --devices 1024 --utilisation 0.45)
gives("optima;5;parameters" "^69282032302[.]" scaling --flops 5.76e23) # the root of 5.76e23 / (6 × 20)
gives("time;seconds" "^384615[.]38" scaling --flops 1.2e20 --devices 1 --device A100-80GB --utilisation 1)
refuses("--utilisation must lie between 0 and 1, is 1.5" scaling --flops 1e20 --devices 8 --utilisation 1.5)
refuses("--utilisation must lie between 0 and 1, is 0" compute gpt2 --train-tokens 1e9 --utilisation 0)
refuses("nearest known one is 'gpt2'" compute gpt22)

# From a drawn corpus to a deployed copy, on models that learn next to nothing in a moment.
macro(draws_corpus kind file)
  call(corpus --kind ${kind} --lines 40)
  file(WRITE ${WORK}/${file} "${out}")
endmacro()
draws_corpus(stories stories.txt)
draws_corpus(pairs pairs.ndjson)
draws_corpus(labels labels.jsonl)
set(tiny --layers 1 --width 16 --heads 2 --window 128 --batch 2 --steps 2)
reports("held_out_loss" "^[0-9]" train stories.txt --lines ${tiny} --held-out 0.1 --eval-every 1 --out teller)
reports("held_out;stories.txt;perplexity_after" "^[0-9]" finetune teller stories.txt --steps 2 --window 32 --out tuned)
reports("steps" "^2$" finetune teller stories.txt --steps 2 --window 32 --dtype bf16 --out tuned-bf16)
gives("perplexity" "^[0-9]" evaluate tuned --text stories.txt --window 64)
gives("perplexity_after" "^[0-9]" quantize tuned tuned-int8 --dtype int8 --text stories.txt --window 64)
gives("perplexity" "^[0-9]" evaluate tuned-int8 --text stories.txt --window 64)
refuses("goes with models that write" quantize bert-mlm again --dtype int8 --text stories.txt)
refuses("nowhere.txt" quantize tuned again --dtype int8 --text nowhere.txt)
if(EXISTS ${WORK}/again)
  fails_with("should write nothing")
endif()

file(WRITE ${WORK}/answers.ndjson "{\"prompt\": \"hot\", \"completion\": \" cold\"}\n{\"text\": \"big, small\"}\n")
reports("trained" "^[0-9]" finetune teller answers.ndjson --lora --rank 2 --steps 1 --out adapter)
file(WRITE ${WORK}/half.jsonl "{\"text\": \"whole\"}\n{\"prompt\": \"hot\"}\n")
refuses("half.jsonl: line 2: has a .prompt. and no .completion." finetune teller half.jsonl --out none)

reports("loss" "^[0-9]" train pairs.ndjson --objective pairs ${tiny} --out rewriter)
reports("steps" "^1$" finetune rewriter pairs.ndjson --steps 1 --out rewriter-2)
gives("pairs" "^40$" evaluate rewriter-2 --text pairs.ndjson)
refuses("has no .target." finetune rewriter labels.jsonl --out none)
file(WRITE ${WORK}/moods.jsonl "{\"text\": \"a joy\", \"label\": \"happy\"}\n{\"text\": \"a loss\", \"label\": \"sad\"}\n")
reports("held_out;data;loss_after" "^[0-9]" finetune bert-mlm moods.jsonl --steps 1 --held-out 0.5 --out mood)
refuses("has no .label." finetune bert-mlm pairs.ndjson --out none)
string(REPEAT "b" 64 long)
file(WRITE ${WORK}/entailed.jsonl "{\"text\": \"a\", \"pair\": \"b\", \"label\": \"yes\"}\n")
reports("trained" "^[0-9]" finetune bert-mlm entailed.jsonl --steps 1 --out entailed)
file(WRITE ${WORK}/long.jsonl "{\"text\": \"a\", \"pair\": \"${long}\", \"label\": \"yes\"}\n")
refuses("68 tokens exceed" finetune bert-mlm long.jsonl --steps 1 --out none)
refuses("which only finetune learns from" evaluate entailed --text entailed.jsonl)
refuses("which only finetune learns from" train entailed.jsonl --objective classify ${tiny} --out none)

# Words with tags: a fresh head, a head that is there already, entities found, and what is refused.
file(WRITE ${WORK}/tagged.jsonl
     "{\"tokens\": [\"Ada\", \"sat\"], \"tags\": [\"B-PER\", \"O\"]}\n{\"tokens\": [\"a\", \"cat\"], \"ner_tags\": [\"O\", \"O\"]}\n")
reports("held_out;data;loss_after" "^[0-9]" finetune bert-mlm tagged.jsonl --steps 2 --held-out 0.5 --out tagger)
prints("Ada +(O|B-PER) " tag tagger --text "Ada sat")
reports("steps" "^1$" finetune tagger tagged.jsonl --steps 1 --out tagger-2)
gives("sentences" "^2$" evaluate tagger-2 --text tagged.jsonl)
gives("accuracy_of_the_most_frequent" "^0.75$" evaluate tagger-2 --text tagged.jsonl)
file(WRITE ${WORK}/uneven.jsonl "{\"tokens\": [\"Ada\", \"sat\"], \"tags\": [\"O\"]}\n")
refuses("uneven.jsonl: line 1: has 2 words and 1 tags" finetune bert-mlm uneven.jsonl --out none)
file(WRITE ${WORK}/other.jsonl "{\"tokens\": [\"Ada\"], \"tags\": [\"B-LOC\"]}\n")
refuses("line 1: tag .B-LOC. is none of the model's" finetune tagger other.jsonl --out none)
refuses("line 1: has no .tokens." evaluate tagger-2 --text moods.jsonl)

# Stories that hold together, as drawn, and what a model told.
call(corpus --lines 20 --seed 2)
file(WRITE ${WORK}/told.txt "${out}")
gives("whole" "^1([.]0)?$" corpus --check told.txt)
file(WRITE ${WORK}/told.json "{\"texts\": [\" Anna and Emma.\"]}")
gives("whole" "^0([.]0)?$" corpus --check told.json --prompt "Once upon a time there were")
refuses("have no lines of the sort" corpus --kind labels --item strange)
refuses("--show-wrong requires --check" corpus --show-wrong)

include(${CMAKE_CURRENT_LIST_DIR}/examples_usage.cmake)

if(wrong)
  message(FATAL_ERROR "${wrong} calls went wrong")
endif()
