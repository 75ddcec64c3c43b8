include(CMakeFindDependencyMacro)
find_dependency(eigenformer COMPONENTS hub)
include(${CMAKE_CURRENT_LIST_DIR}/host-targets.cmake)
