# The attacker that test_probes.c puts into a job: no sanitizer in it, nothing but libc.
add_executable(probe probes/probe.c)
target_compile_options(probe PRIVATE -fno-sanitize=all ${GANTRY_NO_COVERAGE})
target_link_options(probe PRIVATE -fno-sanitize=all)
set_target_properties(probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(unit_sandbox_test_probes probe)
target_compile_definitions(unit_sandbox_test_probes PRIVATE GANTRY_PROBE="${CMAKE_BINARY_DIR}/tests/probe")
