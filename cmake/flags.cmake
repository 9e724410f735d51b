# Warning, sanitizer and hardening flags. Each flag is probed, so that an older or newer
# compiler simply goes without the ones it does not know.
include(CheckCCompilerFlag)

# A folder's library may be empty for a while; CMake wants one source in each.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/empty.c CONTENT "typedef int gantry_empty_t;\n")
function(gantry_static name)
    if(NOT ARGN)
        set(ARGN ${CMAKE_BINARY_DIR}/empty.c)
    endif()
    add_library(${name} STATIC ${ARGN})
endfunction()

function(gantry_flag flag)
    string(MAKE_C_IDENTIFIER "has${flag}" var)
    check_c_compiler_flag("${flag}" ${var})
    if(${var})
        add_compile_options("${flag}")
    endif()
endfunction()

add_compile_definitions(_GNU_SOURCE GANTRY_VERSION="${PROJECT_VERSION}")
if(GANTRY_TESTS)
    add_compile_definitions(GANTRY_SEAMS=1)
endif()
include_directories(BEFORE ${CMAKE_SOURCE_DIR})

foreach(flag -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
        -Wpointer-arith -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations
        -Wold-style-definition -Wredundant-decls -Wnested-externs -Wundef -Wvla -Walloca -Wformat=2
        -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Wfloat-equal -Wenum-conversion)
    gantry_flag(${flag})
endforeach()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    foreach(flag -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wformat-signedness
            -Wformat-overflow=2 -Wformat-truncation=1 -Walloc-zero -Wrestrict -Warith-conversion -Wtrampolines
            -Wdouble-promotion) # clang reports the C library's NAN and INFINITY, too
        gantry_flag(${flag})
    endforeach()
    if(GANTRY_SANITIZE OR GANTRY_COVERAGE)
        # The sanitizers' own branches make this one report paths that do not exist.
        add_compile_options(-Wno-null-dereference -Wno-maybe-uninitialized)
    endif()
else()
    foreach(flag -Wcomma -Wconditional-uninitialized -Wshorten-64-to-32 -Wassign-enum -Wextra-semi-stmt
            -Wmissing-variable-declarations -Wunreachable-code-aggressive)
        gantry_flag(${flag})
    endforeach()
    # Reports the macros of seccomp.h; gcc's does not.
    add_compile_options(-Wno-missing-field-initializers)
endif()
if(GANTRY_WERROR)
    add_compile_options(-Werror)
endif()

add_compile_options(-fno-common -fvisibility=hidden)
add_link_options(-Wl,--as-needed)

if(GANTRY_HARDEN)
    add_compile_options(-g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    foreach(flag -fstack-protector-strong -fstack-clash-protection -fno-delete-null-pointer-checks
            -fno-strict-overflow -fcf-protection=full -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3
            -ffunction-sections -fdata-sections)
        gantry_flag(${flag})
    endforeach()
    include(CheckPIESupported)
    check_pie_supported()
    add_compile_options(-fPIE)
    add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--gc-sections)
endif()

if(GANTRY_SANITIZE)
    add_compile_options(-fsanitize=${GANTRY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${GANTRY_SANITIZE})
    if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        # A variable that nothing was put into is nonsense in every run, not what the stack happens to hold (gcc's
        # builds keep the latter, hardened ones have zeros).
        gantry_flag(-ftrivial-auto-var-init=pattern)
    endif()
endif()
if(GANTRY_FUZZ)
    # Unoptimised, the instrumentation of each comparison and store costs several times the work itself.
    add_compile_options(-fsanitize=fuzzer-no-link -O1)
endif()
if(GANTRY_COVERAGE)
    add_compile_options(-fprofile-arcs -ftest-coverage -O0)
    add_link_options(--coverage)
    set(GANTRY_NO_COVERAGE -fno-profile-arcs -fno-test-coverage)
endif()
