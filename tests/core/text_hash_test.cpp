// TextHash: the hash of topics, filters and ids.
#include "broker/core/text_hash.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using drawbridge::test::ExactBytes;

TEST_CASE("equal texts have equal hashes wherever they lie, and no byte past them is read",
          "[core][hash]") {
    for (std::size_t size = 0; size < 100; ++size) {
        const std::string text(size, 'x');
        const ExactBytes copy(as_bytes(text));
        CHECK(hash_text(text) == hash_text(as_text(copy.bytes())));
    }
}

TEST_CASE("every byte of a text and its length count", "[core][hash]") {
    for (std::size_t size = 1; size < 70; ++size) {
        std::set<std::uint64_t> hashes;
        std::string text(size, '\0');
        hashes.insert(hash_text(text));
        hashes.insert(hash_text(std::string_view(text).substr(1)));
        for (std::size_t i = 0; i < size; ++i) {
            text[i] = 1;
            hashes.insert(hash_text(text));
            text[i] = 0;
        }
        CHECK(hashes.size() == size + 2);
    }
}

TEST_CASE("names that differ in a number only spread evenly", "[core][hash]") {
    std::vector<int> shards(4);
    for (int i = 0; i < 40'000; ++i) ++shards[hash_text("device-" + std::to_string(i)) % 4];
    for (const int names : shards) {
        CHECK(names > 9'500);
        CHECK(names < 10'500);
    }
}
