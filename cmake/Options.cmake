# Language level, warnings, optimisation and sanitizers: the same for every target of ours.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(netkit_options INTERFACE)
target_compile_options(netkit_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns falsely about std::string with optimisation.
  target_compile_options(netkit_options INTERFACE -Wno-restrict)
endif()
if(NETKIT_WERROR)
  target_compile_options(netkit_options INTERFACE -Werror)
endif()
if(NETKIT_SANITIZE)
  target_compile_options(netkit_options INTERFACE
    -fsanitize=${NETKIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(netkit_options INTERFACE -fsanitize=${NETKIT_SANITIZE})
  target_compile_definitions(netkit_options INTERFACE NETKIT_SANITIZED=1)
  if(NETKIT_SANITIZE MATCHES "thread")
    target_compile_definitions(netkit_options INTERFACE NETKIT_TSAN=1)
  endif()
endif()
if(NETKIT_FUZZ)
  # The libraries, too, tell the fuzzer which of their branches an input takes.
  target_compile_options(netkit_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(netkit_options INTERFACE
  ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
