# Flags, ccache and mold: what every target gets.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
                    $<$<COMPILE_LANGUAGE:CXX>:-Werror> -fno-omit-frame-pointer -fdiagnostics-color=auto
                    -ffunction-sections -fdata-sections -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12 in optimised coroutines and std::string (GCC bugs 105562, 105329, 101361).
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
                      -Wno-array-bounds -Wno-dangling-pointer -Wno-mismatched-new-delete)
endif()

add_link_options(-Wl,--gc-sections)
find_program(MOLD_PROGRAM NAMES mold ld.mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  find_program(LLD_PROGRAM NAMES ld.lld ld.lld-14)
  if(LLD_PROGRAM)
    add_link_options(-fuse-ld=lld)
  endif()
endif()

if(CUMULET_SANITIZE)
  add_compile_options(-fsanitize=${CUMULET_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CUMULET_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Its data before a function's code cannot be placed for coroutines (clang 14: "difference across sections").
    add_compile_options(-fno-sanitize=function)
  endif()
endif()
# Less inlining, for all but the rooms where every request spends its time (base, net, storage, the wire's codecs): it
# compiles in three quarters of the time.
set(CUMULET_INLINE_LESS)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CUMULET_INLINE_LESS -mllvm -inline-threshold=50)
endif()

# cumulet_precompile(TARGET): the first target makes the precompiled header, the others use it.
if(CUMULET_PRECOMPILE)
  set(CMAKE_PCH_INSTANTIATE_TEMPLATES ON)
  if(CCACHE_PROGRAM)
    # What ccache asks for before it caches a file that was compiled with a precompiled header.
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  endif()
endif()
function(cumulet_precompile target)
  if(NOT CUMULET_PRECOMPILE)
    return()
  endif()
  get_property(maker GLOBAL PROPERTY CUMULET_PRECOMPILED_BY)
  if(maker)
    target_precompile_headers(${target} REUSE_FROM ${maker})
  else()
    target_precompile_headers(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${CMAKE_SOURCE_DIR}/cmake/precompiled.h>)
    set_property(GLOBAL PROPERTY CUMULET_PRECOMPILED_BY ${target})
  endif()
endfunction()

if(CUMULET_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# cumulet_compile_together(TARGET FOLDER SOURCES): about four files of a library are compiled as one, which parses what
# they include once. A file's group follows from its name, so that a new file meets few others and moves none. Names in
# anonymous namespaces must differ within a group; presets without CUMULET_TOGETHER show that every file stands alone.
function(cumulet_compile_together target folder sources)
  # Left alone: what is generated, and CloudFormation's types, which each include another service's shapes.
  list(FILTER sources INCLUDE REGEX "^${folder}/")
  list(FILTER sources EXCLUDE REGEX "/types_[^/]*$")
  list(LENGTH sources files)
  if(NOT CUMULET_TOGETHER OR files LESS 4)
    return()
  endif()
  set(groups 2)
  math(EXPR enough "${files} / 6")
  while(groups LESS enough)
    math(EXPR groups "${groups} * 2")
  endwhile()
  foreach(source ${sources})
    file(RELATIVE_PATH name ${folder} ${source})
    string(MD5 hash ${name})
    string(SUBSTRING ${hash} 0 4 start)
    math(EXPR group "0x${start} % ${groups}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP group${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
