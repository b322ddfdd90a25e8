#include "broker/core/text_hash.hpp"

#include <cstring>
#include <random>

namespace drawbridge::core {
namespace {

std::uint64_t random_key() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

TextHashKey key_in_use{random_key() | 1, random_key() | 1};

// The high and the low half of a 128-bit product, folded: every bit of both factors moves every
// bit.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t read64(const char* from) {
    std::uint64_t value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// Up to 8 bytes, without reading past them.
std::uint64_t read_tail(const char* from, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, size);
    return value;
}

}  // namespace

void seed_text_hash(std::uint64_t seed) {
    key_in_use.a = fold(seed + 0x9E3779B97F4A7C15u, 0xBF58476D1CE4E5B9u) | 1;
    key_in_use.b = fold(seed + 0x3C6EF372FE94F82Au, 0x94D049BB133111EBu) | 1;
}

void use_text_hash_key(TextHashKey key) { key_in_use = key; }

TextHashKey text_hash_key() { return key_in_use; }

std::uint64_t hash_text(std::string_view text) noexcept { return hash_text(text, key_in_use); }

std::uint64_t hash_text(std::string_view text, TextHashKey key) noexcept {
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t hash = key.a;
    for (; left > 16; left -= 16, at += 16) hash = fold(read64(at) ^ key.b, read64(at + 8) ^ hash);
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (left >= 8) {
        a = read64(at);
        b = read64(at + left - 8);
    } else if (left > 0) {
        a = read_tail(at, left);
    }
    // The length comes last: mixed with bytes of the text, it could be balanced by them whatever
    // the key is.
    return fold(fold(a ^ key.b, b ^ hash), key.a ^ text.size());
}

}  // namespace drawbridge::core
