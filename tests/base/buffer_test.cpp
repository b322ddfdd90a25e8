// Buffer: bytes appended at the end, in blocks that come from a pool and go back to it.
// Method: compared with a plain string; a block is recognised by its address.
#include "broker/base/buffer.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace drawbridge;

namespace {

constexpr std::size_t block_sizes[] = {256, 1024, 4096, 16'384, 65'536};

std::string text_of(const Buffer& buffer) { return std::string(as_text(buffer.bytes())); }

std::string numbered_text(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
    return text;
}

}  // namespace

TEST_CASE("an empty Buffer holds no memory", "[base][buffer]") {
    Buffer buffer;
    CHECK(buffer.empty());
    CHECK(buffer.data() == nullptr);
    buffer.append({});
    CHECK(buffer.data() == nullptr);
    buffer.append(as_bytes("something"));
    CHECK(buffer.data() != nullptr);
    buffer.clear();
    CHECK(buffer.empty());
    CHECK(buffer.data() == nullptr);
    buffer.clear();
    CHECK(buffer.data() == nullptr);
}

TEST_CASE("a Buffer keeps its bytes while it grows from block to block", "[base][buffer]") {
    for (const std::size_t step : {1u, 7u, 255u, 256u, 257u, 5000u}) {
        INFO("step " << step);
        const std::string all = numbered_text(150'000);
        Buffer buffer;
        for (std::size_t at = 0; at < all.size(); at += step)
            buffer.append(as_bytes(std::string_view(all).substr(at, step)));
        CHECK(buffer.size() == all.size());
        CHECK(text_of(buffer) == all);
    }
}

TEST_CASE("a Buffer can be filled to the last byte of a block, and one byte further",
          "[base][buffer]") {
    for (const std::size_t block : block_sizes) {
        INFO("block " << block);
        Buffer buffer;
        const std::string all = numbered_text(block);
        buffer.append(as_bytes(all));
        const std::uint8_t* const full = buffer.data();
        CHECK(text_of(buffer) == all);
        buffer.append(as_bytes("!"));
        CHECK(buffer.data() != full);
        CHECK(text_of(buffer) == all + "!");
    }
}

TEST_CASE("grow() returns where the new bytes begin", "[base][buffer]") {
    Buffer buffer;
    buffer.append(as_bytes("ab"));
    std::uint8_t* const begin = buffer.grow(2);
    CHECK(begin == buffer.data() + 2);
    begin[0] = 'c';
    begin[1] = 'd';
    CHECK(text_of(buffer) == "abcd");
}

TEST_CASE("shrink_to() cuts the end off, and what is appended then comes behind the rest",
          "[base][buffer]") {
    Buffer buffer;
    buffer.append(as_bytes("abcdef"));
    buffer.shrink_to(2);
    CHECK(text_of(buffer) == "ab");
    buffer.append(as_bytes("xy"));
    CHECK(text_of(buffer) == "abxy");
    buffer.shrink_to(0);
    CHECK(buffer.empty());
}

TEST_CASE("a block that was let go is the next one to be used", "[base][buffer]") {
    for (const std::size_t block : block_sizes) {
        INFO("block " << block);
        Buffer first;
        first.grow(block);
        const std::uint8_t* const data = first.data();
        first.clear();
        Buffer second;
        second.grow(block);
        CHECK(second.data() == data);
        Buffer third;
        third.grow(block);
        CHECK(third.data() != data);
    }
}

TEST_CASE("what is too large for the pool is written and let go like the rest", "[base][buffer]") {
    const std::string all = numbered_text(3'000'000);
    Buffer buffer;
    buffer.append(as_bytes(all));
    CHECK(text_of(buffer) == all);
    buffer.clear();
    CHECK(buffer.data() == nullptr);
}

TEST_CASE("many blocks at once: each has its own bytes", "[base][buffer]") {
    bool right = true;
    std::thread([&] {                         // whose pool ends with it
        std::vector<Buffer> buffers(20'000);  // of 256 bytes: more than a pool keeps
        for (int round = 0; round < 2; ++round) {
            for (std::size_t i = 0; i < buffers.size(); ++i)
                buffers[i].append(as_bytes(std::to_string(i)));
            for (std::size_t i = 0; i < buffers.size(); ++i)
                right &= as_text(buffers[i].bytes()) == std::to_string(i);
            for (Buffer& buffer : buffers) buffer.clear();
        }
    })
        .join();
    CHECK(right);
}

TEST_CASE("moving a Buffer moves its block and leaves an empty one", "[base][buffer]") {
    Buffer source;
    source.append(as_bytes("content"));
    const std::uint8_t* const data = source.data();
    Buffer target(std::move(source));
    CHECK(target.data() == data);
    CHECK(source.data() == nullptr);
    CHECK(source.empty());

    Buffer other;
    other.append(as_bytes("let go"));
    other = std::move(target);
    CHECK(other.data() == data);
    CHECK(text_of(other) == "content");
    CHECK(target.data() == nullptr);

    Buffer& itself = other;
    other = std::move(itself);
    CHECK(text_of(other) == "content");
}

TEST_CASE("a Buffer goes from thread to thread; its block ends in the pool of who lets it go",
          "[base][buffer]") {
    Buffer buffer;
    std::thread([&] { buffer.append(as_bytes("from another thread")); }).join();
    CHECK(text_of(buffer) == "from another thread");
    const std::uint8_t* const data = buffer.data();
    buffer.clear();
    buffer.append(as_bytes("again"));
    CHECK(buffer.data() == data);

    std::thread([moved = std::move(buffer)]() mutable {
        moved.append(as_bytes(numbered_text(1000)));
        moved.clear();
    }).join();
    CHECK(buffer.data() == nullptr);
}
