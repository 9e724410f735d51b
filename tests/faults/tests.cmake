# Every fault still applies; whether the tests notice them takes minutes: tests/faults/run.sh.
add_test(NAME checks/faults COMMAND ${CMAKE_SOURCE_DIR}/tests/faults/run.sh --check)
set_tests_properties(checks/faults PROPERTIES LABELS checks TIMEOUT 120)
