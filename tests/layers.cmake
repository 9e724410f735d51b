# cmake -DROOT=<source tree> -P layers.cmake
#
# Who may include whom (design.md section 2). Every #include of every source is looked up in the two tables
# below; what stands in neither is an error, so a new library has to be given an owner here.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)

# Folder -> what its files may include, as path prefixes. The longest folder that fits counts.
set(folders runner/service runner base actions sandbox bridge tests)
set(allow_base base)
set(allow_actions base actions)
set(allow_sandbox base sandbox)
set(allow_runner base actions sandbox runner/channel runner/cli runner/listener runner/worker runner/service/service.h)
set(allow_runner_service base actions runner/service)
set(allow_bridge base bridge)
set(allow_tests base actions sandbox runner bridge tests)

# Third-party header -> the files that may include it. cmocka.h is for tests alone.
set(libraries
    "^jansson\\.h$"           "^(base/json\\.[ch]|(actions|runner|bridge)/.*\\.c)$"
    "^curl/"                  "^base/http_[a-z_]*(\\.c|_priv\\.h)$"
    "^microhttpd\\.h$"        "^base/http_[a-z_]*(\\.c|_priv\\.h)$"
    "^libwebsockets\\.h$"     "^base/ws_[a-z_]*(\\.c|_priv\\.h)$"
    "^yaml\\.h$"              "^base/yaml\\.c$"
    "^openssl/"               "^base/(crypto|rsa)[a-z_]*\\.c$"
    "^pcre2\\.h$"             "^(actions|runner/worker)/"
    "^seccomp\\.h$"           "^(sandbox/program|runner/worker)/"
    "^sqlite3\\.h$"           "^(runner/service|bridge)/"
    "^libpq-fe\\.h$"          "^(runner/service|bridge)/"
    "^archive(_entry)?\\.h$"  "^base/libarchive\\.h$"
    "^dlfcn\\.h$"             "^base/dl\\.c$"
    "^cmocka\\.h$"            "^$")
# The C library and the kernel.
set(system "^((sys|linux|asm|net|netinet|arpa)/[a-z0-9_]+\\.h|(assert|ctype|dirent|endian|errno|fcntl|fenv|float|getopt|grp|ifaddrs|inttypes|libgen|limits|locale|malloc|math|netdb|poll|pthread|pty|pwd|sched|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|syslog|termios|time|ucontext|unistd|utime|wchar|execinfo|elf|byteswap|fnmatch|glob|regex|search|uchar|err|utmp|semaphore)\\.h)$")

function(report source text)
    message(SEND_ERROR "${source}: ${text}")
endfunction()

function(check_own source target)
    foreach(f ${folders})
        if(source MATCHES "^${f}/")
            set(folder ${f})
            break()
        endif()
    endforeach()
    string(REPLACE "/" "_" key ${folder})
    if(NOT target MATCHES "/")
        report(${source} "includes \"${target}\" without its folder")
        return()
    endif()
    foreach(allowed ${allow_${key}})
        if(target STREQUAL allowed OR target MATCHES "^${allowed}[./]")
            return()
        endif()
    endforeach()
    report(${source} "must not include \"${target}\": ${folder}/ may include ${allow_${key}}")
endfunction()

function(check_system source target)
    if(target MATCHES "${system}")
        return()
    endif()
    list(LENGTH libraries n)
    math(EXPR last "${n} - 1")
    foreach(i RANGE 0 ${last} 2)
        math(EXPR j "${i} + 1")
        list(GET libraries ${i} header)
        list(GET libraries ${j} owners)
        if(target MATCHES "${header}")
            if(NOT source MATCHES "${owners}" AND NOT source MATCHES "^tests/")
                report(${source} "must not include <${target}>: use its wrapper")
            endif()
            return()
        endif()
    endforeach()
    report(${source} "includes <${target}>, which has no owner in tests/layers.cmake")
endfunction()

set(n 0)
foreach(source ${SOURCES})
    file(STRINGS ${ROOT}/${source} lines REGEX "^[ \t]*#[ \t]*include[ \t]")
    foreach(line ${lines})
        math(EXPR n "${n} + 1")
        if(line MATCHES "include[ \t]+\"([^\"]+)\"")
            check_own(${source} "${CMAKE_MATCH_1}")
        elseif(line MATCHES "include[ \t]+<([^>]+)>")
            check_system(${source} "${CMAKE_MATCH_1}")
        else()
            report(${source} "has an include that cannot be read: ${line}")
        endif()
    endforeach()
endforeach()
message(STATUS "${n} includes checked")
