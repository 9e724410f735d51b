# cmake -DROOT=<source tree> -P banned.cmake
#
# Calls that Gantry does not use (unbounded, locale-dependent, not thread-safe, or with a better function of
# our own), temporary comments, missing heads and overlong files. An exception carries /* allow: reason */ on
# its line.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)

set(words strcpy strcat strncpy strncat sprintf vsprintf gets strtok strtok_r atoi atol atoll atof strtol strtoul
    strtoll strtoull sscanf gmtime gmtime_r localtime localtime_r ctime asctime strerror strerror_r system popen
    mktemp tmpnam basename dirname alloca rand srand random signal setenv putenv sleep usleep vfork)
set(max_lines 1000)

string(JOIN "|" any ${words})
foreach(source ${SOURCES})
    file(READ ${ROOT}/${source} text)
    if(NOT text MATCHES "^/\\* SPDX-License-Identifier: Apache-2\\.0\n")
        message(SEND_ERROR "${source}:1: does not begin with the SPDX line")
    endif()
    # Characters that mean something in a CMake list.
    string(REGEX REPLACE "[][;]" "?" text "${text}")
    string(REGEX REPLACE "[^\n]+" "" newlines "${text}")
    string(LENGTH "${newlines}" lines)
    if(lines GREATER max_lines)
        message(SEND_ERROR "${source}: has ${lines} lines, ${max_lines} is the limit; split it")
    endif()
    # Cheap tests first: most files have nothing.
    if(NOT text MATCHES "(^|[^A-Za-z0-9_.>])(${any})[ \t]*\\(" AND NOT text MATCHES "(^|\n|[ \t?{}])//")
        continue()
    endif()
    string(REPLACE "\n" ";" list "${text}")
    set(number 0)
    foreach(line IN LISTS list)
        math(EXPR number "${number} + 1")
        if(line MATCHES "/\\* allow: [^*]+")
            continue()
        endif()
        # Prose: a comment's own lines, and what stands in string literals.
        if(line MATCHES "^[ \t]*(/\\*|\\* )")
            continue()
        endif()
        string(REGEX REPLACE "\\\\\\\\|\\\\\"" "" line "${line}")
        string(REGEX REPLACE "\"[^\"]*\"" "\"\"" line "${line}")
        string(REGEX REPLACE "/\\*.*$" "" line "${line}")
        if(line MATCHES "(^|[^A-Za-z0-9_.>])(${any})[ \t]*\\(")
            message(SEND_ERROR "${source}:${number}: ${CMAKE_MATCH_2}() is banned; see tests/banned.cmake")
        endif()
        if(line MATCHES "(^|[ \t?{}])//")
            message(SEND_ERROR "${source}:${number}: // marks temporary code; remove it or write /* */")
        endif()
    endforeach()
endforeach()
