// A callback that is called while the call that takes it lasts: unlike std::function it owns nothing and never
// allocates, and a loop that takes it needs no template.
#pragma once

#include <eigenformer/version.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

template <class Signature> class FunctionRef;

/// Refers to something callable, which must outlive it.
template <class Result, class... Arguments> class FunctionRef<Result(Arguments...)> {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, FunctionRef> &&
           std::is_invocable_r_v<Result, F&, Arguments...>) FunctionRef(F&& f)
  noexcept  // NOLINT: implicit, as with std::function
      : object_(address(f)), call_([](void* object, Arguments... arguments) -> Result {
          auto* const callee = reinterpret_cast<std::remove_reference_t<F>*>(object);
          return (*callee)(std::forward<Arguments>(arguments)...);
        }) {}

  Result operator()(Arguments... arguments) const {
    return call_(object_, std::forward<Arguments>(arguments)...);
  }

 private:
  template <class F> static void* address(F& f) {
    if constexpr (std::is_function_v<F>)
      return reinterpret_cast<void*>(&f);
    else
      return const_cast<void*>(static_cast<const volatile void*>(std::addressof(f)));
  }

  void* object_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
