// PskVault: keeps PSKs under the secret, because a PSK must be known in full, and a hash will not
// do.
//
// AES-256-GCM under a key derived from the secret. What is sealed names its device (as associated
// data): a row that somebody copies to another device does not open there.
// Threads: any. Sealed: a byte that says how (1), 12 random bytes of nonce, the PSK encrypted, and
// 16 bytes of tag.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "auth/secret.hpp"
#include "broker/base/bytes.hpp"

namespace drawbridge::auth {

constexpr std::size_t psk_seal_bytes = 1 + 12 + 16;  // more than the PSK has

class PskVault {
public:
    explicit PskVault(const Secret& secret);
    ~PskVault();  // wipes
    PskVault(const PskVault&) = delete;
    PskVault& operator=(const PskVault&) = delete;

    std::vector<std::uint8_t> seal(std::string_view device_id, Bytes psk) const;
    // Nothing if it was not sealed so: by another secret, for another device, or changed since.
    std::optional<std::vector<std::uint8_t>> open(std::string_view device_id, Bytes sealed) const;

private:
    DerivedKey key_;
};

}  // namespace drawbridge::auth
