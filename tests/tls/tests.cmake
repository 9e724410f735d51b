# The HTTP and WebSocket clients against a TLS server made of OpenSSL.
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl)
add_executable(tls_clients ${CMAKE_CURRENT_SOURCE_DIR}/tls/clients.c)
set_target_properties(tls_clients PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(tls_clients PRIVATE gantry_base gantry_core PkgConfig::CMOCKA PkgConfig::SSL PkgConfig::CRYPTO)
add_test(NAME tls/clients COMMAND tls_clients)
set_tests_properties(tls/clients PROPERTIES LABELS unit TIMEOUT 60)
