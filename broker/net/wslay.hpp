// wslay, the library that cuts and makes WebSocket frames, taken in when the first WebSocket
// listener opens.
//
// Debian ships it as a shared library alone. Linked the usual way, no broker would start on a
// machine without it; so, only one with a WebSocket listener asks for it:
// docs/decisions/wslay-at-run-time.md.
#pragma once

#include <wslay/wslay.h>

namespace drawbridge::net {

// The functions that we use, of wslay's lower interface, which keeps no messages.
struct Wslay {
    decltype(&wslay_frame_context_init) context_init;
    decltype(&wslay_frame_context_free) context_free;
    decltype(&wslay_frame_recv) receive;
    decltype(&wslay_frame_send) send;
};

// Threads: any. The first call throws std::runtime_error if the library is not there: one sentence
// with the package that has it.
const Wslay& wslay();

}  // namespace drawbridge::net
