# Sets SOURCES to every C file of the project, relative to ROOT. For the scripts that check sources.
set(SOURCES)
foreach(folder base actions sandbox runner bridge tests)
    file(GLOB_RECURSE found RELATIVE ${ROOT} ${ROOT}/${folder}/*.c ${ROOT}/${folder}/*.h)
    list(APPEND SOURCES ${found})
endforeach()
if(NOT SOURCES)
    message(FATAL_ERROR "no sources below '${ROOT}'")
endif()
