# cmake -DROOT=<source tree> [-DFIX=ON] -P format.cmake
#
# Every source is as clang-format writes it. Another major version than the pinned one formats differently, so
# the check is left out with a message then; CI has the pinned one.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
set(pinned 14)

find_program(CLANG_FORMAT NAMES clang-format-${pinned} clang-format)
if(NOT CLANG_FORMAT)
    message("SKIPPED: clang-format is not installed")
    return()
endif()
execute_process(COMMAND ${CLANG_FORMAT} --version OUTPUT_VARIABLE version)
if(NOT version MATCHES "version ${pinned}\\.")
    message("SKIPPED: clang-format ${pinned} is wanted, found: ${version}")
    return()
endif()
if(FIX)
    set(mode -i)
else()
    set(mode --dry-run -Werror)
endif()
execute_process(COMMAND ${CLANG_FORMAT} ${mode} ${SOURCES} WORKING_DIRECTORY ${ROOT} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "some sources are not formatted; run: cmake --build <build> --target format")
endif()
