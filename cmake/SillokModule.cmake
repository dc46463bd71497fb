# How a module and its tests are declared; every module uses these functions and nothing else.

# g++ 12's -Wrestrict fires on std::string's own operator+ (GCC bug 105651); every other warning stands.
# Clang, used for fuzzing, knows another set of warnings than the one kept clean: it shows them and goes on.
set(SILLOK_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND SILLOK_WARNINGS -Wno-restrict)
  # Not with precompiled headers: g++ 12 then takes the standard library's own code for ours.
  if(NOT SILLOK_PCH)
    list(APPEND SILLOK_WARNINGS -Werror)
  endif()
endif()

function(sillok_target_defaults target)
  target_compile_options(${target} PRIVATE ${SILLOK_WARNINGS})
  if(SILLOK_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SILLOK_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${SILLOK_SANITIZE})
  endif()
  # A fuzzer finds its way by the branches that an input takes in the modules, not in the target alone.
  if(SILLOK_FUZZ AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# With SILLOK_PCH the standard headers are parsed once, for base, and every module reuses that. Off by default: ccache cannot serve what was compiled so.
set(SILLOK_PCH_HEADERS
  <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstring> <deque> <filesystem> <fstream> <functional> <future>
  <map> <memory> <mutex> <numeric> <optional> <set> <span> <sstream> <string> <string_view> <thread> <tuple> <unordered_map>
  <unordered_set> <utility> <variant> <vector> <tl/expected.hpp>)
function(sillok_precompile target)
  if(NOT SILLOK_PCH)
    return()
  endif()
  # documents' packages define _LARGEFILE64_SOURCE, which the standard headers look at.
  if(target STREQUAL sillok_base OR target STREQUAL sillok_documents)
    target_precompile_headers(${target} PRIVATE ${SILLOK_PCH_HEADERS})
  else()
    target_precompile_headers(${target} REUSE_FROM sillok_base)
  endif()
endfunction()

# With SILLOK_UNITY four files of a target are compiled as one, since the headers they share cost more than they do: a build from
# nothing takes a third less, one after an edit more. `files` have names in common with others and stay by themselves.
function(sillok_unite target files)
  if(SILLOK_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
    # A name that another of the four files imports is no mistake of this one's, nor is it a header to the compiler.
    target_compile_options(${target} PRIVATE -Wno-shadow -Wno-subobject-linkage)
    set_source_files_properties(${files} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# Code that runs once a request or command, and is mostly other people's templates: -O1 compiles it a fifth faster.
function(sillok_cold target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# sillok_module(NAME SOURCES a.cc b.cc [USES lower modules...] [PACKAGES pkg-config names...] [LIBRARIES targets...])
# Makes the static library sillok_NAME, included by others as "NAME/NAME.h". USES is public and must name only modules
# declared before this one (the architecture's downward rule); PACKAGES and LIBRARIES stay private to the module.
function(sillok_module name)
  cmake_parse_arguments(M "" "" "SOURCES;USES;PACKAGES;LIBRARIES" ${ARGN})
  add_library(sillok_${name} STATIC ${M_SOURCES})
  target_include_directories(sillok_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  foreach(used IN LISTS M_USES)
    if(NOT TARGET sillok_${used})
      message(FATAL_ERROR "module ${name} may not use ${used}: dependencies point downwards only")
    endif()
    target_link_libraries(sillok_${name} PUBLIC sillok_${used})
  endforeach()
  foreach(package IN LISTS M_PACKAGES)
    string(MAKE_C_IDENTIFIER "PKG_${package}" prefix)
    pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${package})
    # A third party's headers are system headers: their warnings are not ours.
    target_link_libraries(sillok_${name} PRIVATE PkgConfig::${prefix})
  endforeach()
  target_link_libraries(sillok_${name} PRIVATE ${M_LIBRARIES} Threads::Threads)
  sillok_target_defaults(sillok_${name})
  sillok_precompile(sillok_${name})
endfunction()

# sillok_test(NAME SOURCES a_test.cc... USES modules...): one GoogleTest program, its cases listed to CTest.
function(sillok_test name)
  cmake_parse_arguments(T "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(${name}_test ${T_SOURCES})
  foreach(used IN LISTS T_USES)
    target_link_libraries(${name}_test PRIVATE sillok_${used})
  endforeach()
  target_link_libraries(${name}_test PRIVATE ${T_LIBRARIES} GTest::gtest_main Threads::Threads)
  target_compile_definitions(${name}_test PRIVATE SILLOK_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                                  SILLOK_PROGRAM="${CMAKE_BINARY_DIR}/sillok")
  sillok_target_defaults(${name}_test)
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
