# The linter on whole files: mutants of the corpus, and limits. Needs python3.
find_program(LINT_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
add_test(NAME lint/mutants COMMAND ${LINT_PYTHON} ${CMAKE_SOURCE_DIR}/tests/lint/mutate.py run
    ${CMAKE_SOURCE_DIR}/tests/data/corpus --gantry $<TARGET_FILE:gantry>)
set(lint_memory)
if(GANTRY_SANITIZE) # shadow memory is address space
    set(lint_memory --no-memory)
endif()
add_test(NAME lint/limits COMMAND ${LINT_PYTHON} ${CMAKE_SOURCE_DIR}/tests/lint/limits.py ${lint_memory}
    --gantry $<TARGET_FILE:gantry> ${CMAKE_SOURCE_DIR}/tests/data/corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/lint
    ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/workflow ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/yaml
    ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/manifest)
add_test(NAME lint/cli COMMAND ${LINT_PYTHON} ${CMAKE_SOURCE_DIR}/tests/lint/cli.py --gantry $<TARGET_FILE:gantry>)
set_tests_properties(lint/mutants lint/limits lint/cli PROPERTIES LABELS lint TIMEOUT 300)
