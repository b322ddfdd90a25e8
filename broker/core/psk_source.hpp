// PskSource: the port through which a TLS handshake learns the pre-shared key of an identity.
// Implemented in auth/.
//
// Synchronous: the handshake waits for the answer (docs/decisions/psk-lookup.md).
// Threads: any, also at the same time.
#pragma once

#include <string.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::core {

// What the peer has to prove.
struct Psk {
    Psk() = default;
    Psk(Psk&&) = default;
    Psk& operator=(Psk&&) = default;
    ~Psk() {
        if (!key.empty()) ::explicit_bzero(key.data(), key.size());
    }

    std::vector<std::uint8_t> key;
    std::string key_id;   // of this very PSK; another one once it has been set anew
    std::string why_not;  // "": it is real. Else a stand-in that nobody knows, and why, for the log
};

class PskSource {
public:
    virtual ~PskSource() = default;

    // For an identity without a PSK that may be used: a stand-in, the same each time, so that the
    // peer cannot tell it from a wrong key. Nothing for what cannot be an identity at all.
    virtual std::optional<Psk> find(std::string_view identity) = 0;

    // Is it still the PSK of this identity, and may it be used?
    virtual bool in_force(std::string_view identity, std::string_view key_id) = 0;
};

}  // namespace drawbridge::core
