# Tests that measure memory: their own build of base, without sanitizers. A library, so that a test takes
# only what it uses.
file(GLOB memory_base CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/*.c)
add_library(memory_base STATIC EXCLUDE_FROM_ALL ${memory_base})
target_compile_options(memory_base PRIVATE -fno-sanitize=all -O1)
target_link_libraries(memory_base PUBLIC PkgConfig::JANSSON PRIVATE PkgConfig::MHD
    PkgConfig::LWS PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads)
target_include_directories(memory_base SYSTEM PRIVATE ${CURL_INCLUDE_DIRS})
target_compile_definitions(memory_base PRIVATE GANTRY_SONAME_CURL="${SONAME_CURL}"
    GANTRY_SONAME_ARCHIVE="${SONAME_ARCHIVE}")

add_executable(memory_http_server ${CMAKE_CURRENT_SOURCE_DIR}/memory/http_server.c)
set_target_properties(memory_http_server PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_compile_options(memory_http_server PRIVATE -fno-sanitize=all -O1)
target_link_options(memory_http_server PRIVATE -fno-sanitize=all)
target_link_libraries(memory_http_server PRIVATE memory_base PkgConfig::CMOCKA)
add_test(NAME memory/http_server COMMAND memory_http_server)
set_tests_properties(memory/http_server PROPERTIES LABELS unit TIMEOUT 60 RUN_SERIAL ON)
