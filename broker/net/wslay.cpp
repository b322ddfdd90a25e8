#include "broker/net/wslay.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <stdexcept>

namespace drawbridge::net {
namespace {

constexpr const char* file = "libwslay.so.1";  // the number changes with the interface

[[noreturn]] void give_up() {
    throw std::runtime_error(fmt::format(
        "a listener for WebSocket needs the library {} (package libwslay1): {}", file, dlerror()));
}

template <class Function>
void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) give_up();
}

Wslay load() {
    void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);  // never closed
    if (library == nullptr) give_up();
    Wslay found{};
    find(library, "wslay_frame_context_init", found.context_init);
    find(library, "wslay_frame_context_free", found.context_free);
    find(library, "wslay_frame_recv", found.receive);
    find(library, "wslay_frame_send", found.send);
    return found;
}

}  // namespace

const Wslay& wslay() {
    static const Wslay loaded = load();
    return loaded;
}

}  // namespace drawbridge::net
