# `cmake --install`: programs, the library with its headers, what find_package(netkit) and pkg-config need, and
# the example programs in BPF.
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/netkit)
configure_package_config_file(cmake/netkitConfig.cmake.in netkitConfig.cmake INSTALL_DESTINATION ${package})
# Before 1.0 the interface may change with the second number.
write_basic_package_version_file(netkitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# Relative, so that the tree may be installed under any prefix and moved.
file(RELATIVE_PATH NETKIT_PC_TO_PREFIX
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/netkit.pc.in netkit.pc @ONLY)

install(TARGETS netkit_api EXPORT netkitTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT netkitTargets NAMESPACE netkit:: DESTINATION ${package})
install(FILES ${CMAKE_BINARY_DIR}/netkitConfig.cmake ${CMAKE_BINARY_DIR}/netkitConfigVersion.cmake
  DESTINATION ${package})
install(FILES ${CMAKE_BINARY_DIR}/netkit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY include/netkit TYPE INCLUDE)
get_property(programs GLOBAL PROPERTY NETKIT_PROGRAMS)
install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_BINARY_DIR}/bpf/pod_policy.bpf.o ${CMAKE_BINARY_DIR}/bpf/drop_all.bpf.o
  DESTINATION ${CMAKE_INSTALL_DATADIR}/netkit/bpf)
install(FILES examples/two-pods.yaml examples/tcp-exchange.pcap DESTINATION ${CMAKE_INSTALL_DATADIR}/netkit/examples)
