#include "auth/psk.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "auth/api_key.hpp"
#include "broker/base/assert.hpp"

namespace drawbridge::auth {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::string_view psk_id_prefix = "psk-";
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

template <std::size_t size>
std::array<std::uint8_t, size> random_bytes() {
    std::array<std::uint8_t, size> bytes;
    ASSERT(RAND_priv_bytes(bytes.data(), static_cast<int>(size)) == 1);
    return bytes;
}

// -1: no digit.
int value_of(char digit) {
    if ('0' <= digit && digit <= '9') return digit - '0';
    if ('a' <= digit && digit <= 'f') return digit - 'a' + 10;
    if ('A' <= digit && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

}  // namespace

std::vector<std::uint8_t> make_psk() {
    auto bytes = random_bytes<psk_bytes_made>();
    while (bytes[0] == 0) bytes = random_bytes<psk_bytes_made>();
    return {bytes.begin(), bytes.end()};
}

std::string to_hex(Bytes bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

bool is_psk_text(std::string_view text) {
    if (text.size() % 2 != 0 || text.size() < 2 * psk_bytes_min || text.size() > 2 * psk_bytes_max)
        return false;
    return std::all_of(text.begin(), text.end(), [](char digit) { return value_of(digit) >= 0; });
}

std::optional<std::vector<std::uint8_t>> psk_of_hex(std::string_view text) {
    if (!is_psk_text(text)) return std::nullopt;
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(value_of(text[i]) << 4 | value_of(text[i + 1])));
    return bytes;
}

std::string make_psk_id() {
    std::string id(psk_id_prefix);
    for (const std::uint8_t byte : random_bytes<key_id_size - psk_id_prefix.size()>())
        id += alphabet[byte & 63];
    return id;
}

bool is_psk_id(std::string_view key_id) {
    return key_id.size() == key_id_size && key_id.starts_with(psk_id_prefix);
}

}  // namespace drawbridge::auth
