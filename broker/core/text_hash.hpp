// TextHash: the hash of topics, filters and ids, and the way from a client id to its home shard.
//
// Keyed with a number drawn at start, so that a stranger cannot choose names that all fall into one
// bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace drawbridge::core {

struct TextHashKey {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
};

std::uint64_t hash_text(std::string_view text) noexcept;
// With the key of another life of the broker.
std::uint64_t hash_text(std::string_view text, TextHashKey key) noexcept;

// The key in use.
TextHashKey text_hash_key();

// Goes on with the key of another life, so that names hash as they did. Before any broker is made.
void use_text_hash_key(TextHashKey key);

// Replaces the random key, so that a simulation runs the same way twice. Before any broker is made.
void seed_text_hash(std::uint64_t seed);

// Lets maps with string keys be asked with a string_view.
struct TextHash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view text) const noexcept { return hash_text(text); }
};

}  // namespace drawbridge::core
