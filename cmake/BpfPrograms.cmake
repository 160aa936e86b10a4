# netkit_bpf(NAME SOURCE file.c [COMPILER clang-19] [CPU v3] [DIRECTORY dir] [OUTPUT name] [FLAGS ...])
# Compiles one C file to a BPF object DIRECTORY/OUTPUT.o (default: build/bpf, NAME) as a target
# bpf_NAME, and sets NETKIT_BPF_NAME_OBJECT to its path in the calling scope.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch
  OUTPUT_VARIABLE NETKIT_MULTIARCH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT NETKIT_MULTIARCH)
  set(NETKIT_MULTIARCH x86_64-linux-gnu)
endif()
find_program(NETKIT_BPF_CLANG NAMES clang-19 clang-16 clang-15 clang-14 clang)

function(netkit_bpf name)
  cmake_parse_arguments(arg "" "SOURCE;COMPILER;CPU;DIRECTORY;OUTPUT" "FLAGS;DEPENDS" ${ARGN})
  if(NOT arg_COMPILER)
    set(arg_COMPILER ${NETKIT_BPF_CLANG})
  endif()
  if(NOT arg_CPU)
    set(arg_CPU v3)
  endif()
  if(NOT arg_DIRECTORY)
    set(arg_DIRECTORY ${CMAKE_BINARY_DIR}/bpf)
  endif()
  if(NOT arg_OUTPUT)
    set(arg_OUTPUT ${name})
  endif()
  get_filename_component(source ${arg_SOURCE} ABSOLUTE)
  set(object ${arg_DIRECTORY}/${arg_OUTPUT}.o)
  file(MAKE_DIRECTORY ${arg_DIRECTORY})
  add_custom_command(OUTPUT ${object}
    COMMAND ${arg_COMPILER} -target bpf -mcpu=${arg_CPU} -O2 -g -Wall
      -I${CMAKE_SOURCE_DIR}/bpf -I/usr/include/${NETKIT_MULTIARCH} ${arg_FLAGS}
      -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} ${arg_DEPENDS}
    DEPFILE ${object}.d
    COMMENT "BPF ${name}.o" VERBATIM)
  add_custom_target(bpf_${name} ALL DEPENDS ${object})
  set(NETKIT_BPF_${name}_OBJECT ${object} PARENT_SCOPE)
endfunction()
