// Registry: a data directory with a secret and devices, for tests of who may connect.
#pragma once

#include <string>
#include <utility>

#include "auth/api_key.hpp"
#include "auth/device_store.hpp"
#include "auth/psk.hpp"
#include "auth/psk_store.hpp"
#include "auth/psk_vault.hpp"
#include "auth/secret.hpp"
#include "broker/core/authenticator.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {

class Registry {
    test::TemporaryDirectory directory_;

public:
    static constexpr WallTime today{std::chrono::hours(24 * 365 * 56)};

    const std::filesystem::path file = directory_.path() / "drawbridge.db";
    const Secret secret = Secret::open(directory_.path() / "secret.key", Secret::IfMissing::create);
    DeviceStore store{file};

    // Returns the text of a new key.
    std::string add_key(const std::string& device_id, std::optional<WallTime> expires_at = {}) {
        const std::string text = make_api_key();
        StoredKey key;
        key.key_id = std::string(*key_id_of(text));
        key.hash = KeyHasher(secret).hash(text);
        key.created_at = today;
        key.expires_at = expires_at;
        store.add_key(device_id, key);
        return text;
    }

    std::string add(const std::string& device_id, const std::string& profile = "core") {
        store.add({device_id, "acme", profile, ""}, today);
        return add_key(device_id);
    }

    // Gives the device this PSK; returns its psk_id.
    std::string set_psk(const std::string& device_id, const std::string& hex) {
        const auto psk = psk_of_hex(hex).value();
        return PskStore(store.database())
            .set(device_id, PskVault(secret).seal(device_id, psk), today);
    }

    static core::Credentials credentials(const std::string& device_id, const std::string& key) {
        return {.client_id = device_id,
                .username = device_id,
                .password = key,
                .address = "192.0.2.7:50123"};
    }
};

}  // namespace drawbridge::auth
