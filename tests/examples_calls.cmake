# Calls a program, and says what is wrong with its answer: what all tests of the examples share.
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

# Exit code 1, nothing on stdout and one line on stderr that matches.
macro(refuses pattern)
  call(${ARGN})
  if(NOT code EQUAL 1 OR NOT out STREQUAL "" OR NOT err MATCHES "^[^\n]*${pattern}[^\n]*\n$")
    fails_with("should be refused with one line, ${pattern}")
  endif()
endmacro()
