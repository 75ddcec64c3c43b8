cmake_minimum_required(VERSION 3.22)
# The programs for encoders and encoder-decoders, as a user calls them: results where the reference data has them, one JSON
# value and nothing else with --json, and exit code 1 with one line on stderr for a user's mistake.
# Run with: cmake -D PROGRAMS=<folder> -D DATA=<tests/data> -D WORK=<scratch folder> -P examples.cmake
file(REMOVE_RECURSE ${WORK})
foreach(model bert-mlm bert-seqcls bert-tokcls roberta-mlm distilbert-seqcls t5 bart gpt2)
  file(GLOB files ${DATA}/${model}/*config.json ${DATA}/${model}/model.safetensors)
  file(COPY ${files} ${DATA}/letters/tokenizer.json DESTINATION ${WORK}/${model})
endforeach()
set(wrong 0)

function(fails_with why)
  message("${line}: ${why}\n  exit code ${code}\n  stdout: ${out}\n  stderr: ${err}")
  math(EXPR wrong "${wrong} + 1")
  set(wrong ${wrong} PARENT_SCOPE)
endfunction()

macro(call program) # sets code, out and err
  set(line "${program} ${ARGN}")
  execute_process(COMMAND ${PROGRAMS}/${program} ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE code
                  OUTPUT_VARIABLE out ERROR_VARIABLE err INPUT_FILE /dev/null)
endmacro()

# Prints something that matches.
macro(prints pattern)
  call(${ARGN})
  if(NOT code EQUAL 0 OR NOT out MATCHES "${pattern}")
    fails_with("should print ${pattern}")
  endif()
endmacro()

# With --json: one value on one line and nothing else, and what stands at `path` in it (names with ; between) matches.
macro(gives path pattern)
  call(${ARGN} --json)
  string(JSON found ERROR_VARIABLE problem GET "${out}" ${path})
  if(NOT code EQUAL 0 OR NOT out MATCHES "^[^\n]+\n$" OR NOT err STREQUAL "" OR problem
     OR NOT found MATCHES "${pattern}")
    fails_with("${path} should be ${pattern}, is ${found} ${problem}")
  endif()
endmacro()

# Exit code 1, nothing on stdout and one line on stderr that matches.
macro(refuses pattern)
  call(${ARGN})
  if(NOT code EQUAL 1 OR NOT out STREQUAL "" OR NOT err MATCHES "^[^\n]*${pattern}[^\n]*\n$")
    fails_with("should be refused with one line, ${pattern}")
  endif()
endmacro()

foreach(program embed fill_mask classify tag attention_map generate)
  prints("folder" ${program} --help)
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
refuses("no text" embed bert-mlm)
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

if(wrong)
  message(FATAL_ERROR "${wrong} calls went wrong")
endif()
