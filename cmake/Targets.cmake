# netkit_library(NAME SOURCES file... [USES target...] [PRIVATE_USES target...])
# One static library per folder of src. USES names what its headers need, PRIVATE_USES what only
# its .cpp files need; a floor stands only on floors below it (docs/architecture.md).
function(netkit_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC netkit_options ${arg_USES} PRIVATE ${arg_PRIVATE_USES})
endfunction()

# netkit_program(NAME SOURCES file... USES target...): a program in build/bin, installed with the rest.
function(netkit_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE netkit_options ${arg_USES})
  set_property(GLOBAL APPEND PROPERTY NETKIT_PROGRAMS ${name})
endfunction()

# netkit_test(NAME SOURCES file... USES target... [LABELS label...] [TIMEOUT seconds] [DEFINES d...])
# One GoogleTest program; each of its tests is a CTest test with the given labels
# (unit, conformance, live, unpriv, kernel, slow; default: unit).
function(netkit_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;USES;LABELS;DEFINES" ${ARGN})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE netkit_options ${arg_USES} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE ${arg_DEFINES}
    NETKIT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" NETKIT_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_options(${name} PRIVATE -O1)
  list(GET arg_LABELS 0 label)
  gtest_discover_tests(${name}
    DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${label} TIMEOUT ${arg_TIMEOUT})
  # The discovery takes a list of labels apart: several are set when the tests are known.
  list(LENGTH arg_LABELS labels)
  if(labels GREATER 1)
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
    file(WRITE ${script} "if(${name}_TESTS)\n"
      "  set_tests_properties(\${${name}_TESTS} PROPERTIES LABELS \"${arg_LABELS}\")\nendif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
  endif()
endfunction()

if(NETKIT_TESTS)
  include(GoogleTest)
endif()
