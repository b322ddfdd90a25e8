// HeldAnswers: what a client must not be sent before it is true: acknowledgements of what is not
// safe yet, and of QoS 2 the steps that its client relies on.
//
// Sent in the order in which they were held. Threads: the client's.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <cstdint>

#include "broker/base/buffer.hpp"
#include "broker/base/ring.hpp"

namespace drawbridge::core {

class Client;

// What an answer waits for, of the round in which it was made.
enum class Until : std::uint8_t {
    now = 0,
    settled = 1,    // what was published is safe with all who get it: on disk, or acknowledged
    committed = 2,  // what this shard has to keep is on disk
    both = 3,
};

inline Until operator|(Until a, Until b) {
    return static_cast<Until>(static_cast<int>(a) | static_cast<int>(b));
}
inline bool has(Until until, Until part) {
    return (static_cast<int>(until) & static_cast<int>(part)) != 0;
}

struct HeldAnswer {
    std::uint64_t round = 0;  // of the keeper
    std::uint32_t bytes = 0;  // of HeldAnswers::encoded; 0: a PUBLISH, which is encoded when sent
    std::uint16_t packet_id = 0;  // of that PUBLISH
    Until until = Until::now;
};

struct HeldAnswers
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit HeldAnswers(Client& of) : client(of) {}

    Client& client;
    Ring<HeldAnswer> answers;
    Buffer encoded;
    std::size_t sent = 0;  // of encoded
};

}  // namespace drawbridge::core
