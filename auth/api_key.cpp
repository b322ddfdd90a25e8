#include "auth/api_key.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

#include "broker/base/assert.hpp"

namespace drawbridge::auth {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// RFC 4648, section 5, without padding.
std::string base64url(const std::array<std::uint8_t, 32>& bytes) {
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t byte : bytes) {
        bits = (bits << 8) | byte;
        for (count += 8; count >= 6; count -= 6) text += alphabet[(bits >> (count - 6)) & 63];
    }
    if (count > 0) text += alphabet[(bits << (6 - count)) & 63];
    return text;
}

}  // namespace

std::string make_api_key() {
    std::string key(api_key_prefix);
    do {  // an id that begins with '-' would read as an option on the command line
        std::array<std::uint8_t, 32> bytes;
        ASSERT(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
        key.replace(api_key_prefix.size(), std::string::npos, base64url(bytes));
    } while (key[api_key_prefix.size()] == '-');
    return key;
}

std::optional<std::string_view> key_id_of(std::string_view api_key) {
    if (api_key.size() != api_key_size || !api_key.starts_with(api_key_prefix)) return std::nullopt;
    const std::string_view random = api_key.substr(api_key_prefix.size());
    if (random.find_first_not_of(alphabet) != std::string_view::npos) return std::nullopt;
    return random.substr(0, key_id_size);
}

bool equal(const KeyHash& a, const KeyHash& b) {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

KeyHasher::KeyHasher(const Secret& secret) {
    const DerivedKey key = secret.derive("hash of API keys, version 1");
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    ASSERT(mac != nullptr);
    keyed_ = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    ASSERT(keyed_ != nullptr);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    ASSERT(EVP_MAC_init(keyed_, key.data(), key.size(), parameters) == 1);
}

KeyHasher::~KeyHasher() { EVP_MAC_CTX_free(keyed_); }

KeyHash KeyHasher::hash(std::string_view api_key) const {
    EVP_MAC_CTX* mac = EVP_MAC_CTX_dup(keyed_);
    ASSERT(mac != nullptr);
    KeyHash hash;
    std::size_t size = 0;
    const auto* text = reinterpret_cast<const unsigned char*>(api_key.data());
    ASSERT(EVP_MAC_update(mac, text, api_key.size()) == 1);
    ASSERT(EVP_MAC_final(mac, hash.data(), &size, hash.size()) == 1);
    ASSERT(size == hash.size());
    EVP_MAC_CTX_free(mac);
    return hash;
}

}  // namespace drawbridge::auth
