# Micro-benchmarks: bench_<what>.c, one program each. Not run as tests: numbers depend on the machine.
file(GLOB benches CONFIGURE_DEPENDS bench/bench_*.c)
foreach(src ${benches})
    get_filename_component(name ${src} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${src})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
    target_link_libraries(${name} PRIVATE gantry_actions gantry_base gantry_core)
endforeach()
