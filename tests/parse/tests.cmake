# `gantry parse` as a program. Needs python3 and git.
add_test(NAME parse/calls COMMAND ${LINT_PYTHON} ${CMAKE_SOURCE_DIR}/tests/parse/calls.py --gantry $<TARGET_FILE:gantry>
    --cases ${CMAKE_SOURCE_DIR}/tests/data/cases)
set_tests_properties(parse/calls PROPERTIES LABELS lint TIMEOUT 300)
