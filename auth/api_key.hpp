// API keys: "sk_live_" and 43 characters of URL-safe base64, which are 32 random bytes.
//
// The first 8 of the 43 are the key's id: no secret, good for lists, logs and commands. The other
// 35 hold 210 random bits, so one HMAC is a sufficient hash: there is nothing to guess, and nothing
// to slow down.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/secret.hpp"

struct evp_mac_ctx_st;  // EVP_MAC_CTX

namespace drawbridge::auth {

constexpr std::string_view api_key_prefix = "sk_live_";
constexpr std::size_t key_id_size = 8;
constexpr std::size_t api_key_size = api_key_prefix.size() + 43;

std::string make_api_key();

// The id of something that looks like a key; nothing if it does not.
std::optional<std::string_view> key_id_of(std::string_view api_key);

using KeyHash = std::array<std::uint8_t, 32>;

// Takes the same time whether they are equal or where they differ.
bool equal(const KeyHash& a, const KeyHash& b);

// HMAC-SHA-256 under a key derived from the secret: the database alone is of no use to a thief.
// Threads: the owner's only.
class KeyHasher {
public:
    explicit KeyHasher(const Secret& secret);
    ~KeyHasher();
    KeyHasher(const KeyHasher&) = delete;
    KeyHasher& operator=(const KeyHasher&) = delete;

    KeyHash hash(std::string_view api_key) const;

private:
    evp_mac_ctx_st*
        keyed_;  // owned; copied for each hash, which saves fetching and keying it again
};

}  // namespace drawbridge::auth
