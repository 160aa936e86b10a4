# netkit_bench(NAME SOURCES file... USES target...)
# One Google Benchmark program, build/bench/NAME; `make bench` runs all of them.
function(netkit_bench name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE netkit_options ${arg_USES} benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()
