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

# Minutes each, so no tests of ctest's but stages of packaging/bootstrap.
add_custom_target(tidy COMMAND ${CMAKE_SOURCE_DIR}/tests/tidy.py ${CMAKE_BINARY_DIR} VERBATIM USES_TERMINAL COMMENT "clang-tidy")
get_property(valgrind_units DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
list(FILTER valgrind_units INCLUDE REGEX "^unit_(base|actions)_")
add_custom_target(valgrind_units DEPENDS ${valgrind_units})
add_custom_target(valgrind COMMAND ${CMAKE_SOURCE_DIR}/tests/valgrind.sh ${CMAKE_BINARY_DIR} DEPENDS valgrind_units
    USES_TERMINAL COMMENT "valgrind")
