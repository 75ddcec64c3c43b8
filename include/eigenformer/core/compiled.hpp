// The two forms of the library. Header-only, a program compiles what it uses. In the compiled form, whose CMake
// targets define EIGENFORMER_COMPILED, what is costly was compiled once, by the few sources in cmake/compiled.
//
// A face declares what users name, and includes its room, which defines it, at its end in the header-only form:
//
//   Json read(const std::string& path);          // face
//   #ifndef EIGENFORMER_COMPILED
//   #include <eigenformer/hub/read.inl.hpp>      // EIGENFORMER_ROOM Json read(const std::string& path) { … }
//   #endif
//
// Templates are compiled once for float and double; with another scalar a program compiles them itself, as in the
// header-only form.
//
//   EIGENFORMER_ONCE(model, void encode<float>(View<float> x));   // `model`: by cmake/compiled/model.cpp
#pragma once

#include <eigenformer/version.hpp>

#ifdef EIGENFORMER_COMPILED

#define EIGENFORMER_ROOM
#define EIGENFORMER_ONCE(source, ...) EIGENFORMER_ONCE_##source template __VA_ARGS__

// Each source defines its own as empty, and so instantiates what others declare.
#ifndef EIGENFORMER_ONCE_core
#define EIGENFORMER_ONCE_core extern
#endif
#ifndef EIGENFORMER_ONCE_model
#define EIGENFORMER_ONCE_model extern
#endif
#ifndef EIGENFORMER_ONCE_generate
#define EIGENFORMER_ONCE_generate extern
#endif
#ifndef EIGENFORMER_ONCE_train
#define EIGENFORMER_ONCE_train extern
#endif
#ifndef EIGENFORMER_ONCE_load
#define EIGENFORMER_ONCE_load extern
#endif
#ifndef EIGENFORMER_ONCE_save
#define EIGENFORMER_ONCE_save extern
#endif

#else

#define EIGENFORMER_ROOM inline
#define EIGENFORMER_ONCE(source, ...) static_assert(true)

#endif
