# Checks of the source text, as tests.
foreach(check layers banned format)
    add_test(NAME checks/${check}
        COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/tests/${check}.cmake)
    set_tests_properties(checks/${check} PROPERTIES LABELS checks TIMEOUT 60)
endforeach()
# And that they find what they look for.
file(WRITE ${CMAKE_BINARY_DIR}/bad/base/x.c
    "/* no head */\n#include \"runner/channel.h\"\n#include \"x.h\"\n#include <curl/curl.h>\n#include <zzz.h>\n"
    "char *f(char *p) { return strcpy(p, \"\"); } // later\n")
foreach(check layers banned)
    add_test(NAME checks/${check}-finds
        COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_BINARY_DIR}/bad -P ${CMAKE_SOURCE_DIR}/tests/${check}.cmake)
    set_tests_properties(checks/${check}-finds PROPERTIES LABELS checks)
endforeach()
set_tests_properties(checks/layers-finds PROPERTIES PASS_REGULAR_EXPRESSION
    "must not include \"runner/channel.h\".*without its.folder.*use its wrapper.*no owner")
set_tests_properties(checks/banned-finds PROPERTIES PASS_REGULAR_EXPRESSION
    "SPDX line.*strcpy\\(\\) is banned.*temporary code")
set_tests_properties(checks/format PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED:")
add_custom_target(format
    COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DFIX=ON -P ${CMAKE_SOURCE_DIR}/tests/format.cmake
    COMMENT "clang-format -i")

# clang-tidy over every source: minutes, so a test only where it is asked for. Needs clang's own warnings:
# configure with clang.
option(GANTRY_TIDY "add the clang-tidy run as a test" OFF)
set(tidy run-clang-tidy -p ${CMAKE_BINARY_DIR} -quiet "${CMAKE_SOURCE_DIR}/(base|actions|sandbox|runner)/.*[.]c")
add_custom_target(tidy COMMAND ${tidy} VERBATIM COMMENT "clang-tidy")
if(GANTRY_TIDY)
    add_test(NAME tidy/sources COMMAND ${tidy})
    set_tests_properties(tidy/sources PROPERTIES LABELS tidy TIMEOUT 1500)
endif()

# The units of base and actions under valgrind: minutes, so only where it is asked for.
option(GANTRY_VALGRIND "add the valgrind run of the unit tests; needs a build without sanitizers" OFF)
if(GANTRY_VALGRIND)
    add_test(NAME valgrind/units COMMAND ${CMAKE_SOURCE_DIR}/tests/valgrind.sh ${CMAKE_BINARY_DIR})
    set_tests_properties(valgrind/units PROPERTIES LABELS valgrind TIMEOUT 1800)
endif()
