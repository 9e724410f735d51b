# Gantry beside the official TypeScript packages. What they need is installed by tests/differential/prepare.
function(gantry_differential name)
    add_test(NAME differential/${name} COMMAND /usr/bin/python3 ${ARGN}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/differential)
    set_tests_properties(differential/${name} PROPERTIES LABELS differential TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()

gantry_differential(sides sides.py)
gantry_differential(corpus workflows.py --bin $<TARGET_FILE_DIR:gantry> corpus)
gantry_differential(expr-table expr.py --bin $<TARGET_FILE_DIR:gantry> table)
gantry_differential(expr-generated expr.py --bin $<TARGET_FILE_DIR:gantry> generated)
gantry_differential(workflow-table workflows.py --bin $<TARGET_FILE_DIR:gantry> table)
gantry_differential(manifest-table workflows.py --bin $<TARGET_FILE_DIR:gantry> manifests)
gantry_differential(workflow-generated workflows.py --bin $<TARGET_FILE_DIR:gantry> generated 500)
