# Micro-benchmarks: bench_<what>.c, one program each. Not run as tests: numbers depend on the machine.
file(GLOB benches CONFIGURE_DEPENDS bench/bench_*.c)
foreach(src ${benches})
    get_filename_component(name ${src} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${src})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
    target_link_libraries(${name} PRIVATE gantry_actions gantry_base gantry_core)
endforeach()
if(TARGET bench_sandbox) # its own worker, and the filters for bubblewrap
    target_sources(bench_sandbox PRIVATE ${CMAKE_SOURCE_DIR}/sandbox/program/seccomp_profile.c)
    target_compile_definitions(bench_sandbox PRIVATE GANTRY_BIN="${CMAKE_BINARY_DIR}/bin"
        BENCH_WORKER="${CMAKE_BINARY_DIR}/bench/sandbox_worker")
    add_executable(sandbox_worker EXCLUDE_FROM_ALL bench/sandbox_worker.c)
    set_target_properties(sandbox_worker PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
    target_link_libraries(sandbox_worker PRIVATE gantry_core)
    target_link_libraries(bench_sandbox PRIVATE gantry_sandbox PkgConfig::CMOCKA PkgConfig::SECCOMP)
    add_dependencies(bench_sandbox gantry-sandbox sandbox_worker)
endif()
if(TARGET bench_log) # the worker's own objects
    target_link_libraries(bench_log PRIVATE gantry-worker_lib)
endif()
