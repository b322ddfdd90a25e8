// Output: bytes of its own and shared payloads, in order, read away in pieces of any size.
// Method: compared with a plain byte string at every possible cut, and with seeded random
// operations.
#include "broker/core/output.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace drawbridge;
using namespace drawbridge::core;

namespace {

MessagePtr message_with(std::string_view payload) {
    MessageView view;
    view.topic = "topic";
    view.payload = as_bytes(payload);
    return Message::copy_of(view);
}

void append(Output& output, std::string_view text) { output.bytes().append(as_bytes(text)); }

// What peek() shows in at most `pieces` pieces, put together.
std::string shown(const Output& output, std::size_t pieces) {
    std::vector<Bytes> room(pieces);
    const std::size_t filled = output.peek(room);
    std::string text;
    for (std::size_t i = 0; i < filled; ++i) text += as_text(room[i]);
    return text;
}

// Everything in it, with the pieces checked for being few enough and never empty.
std::string all_of(const Output& output) {
    std::array<Bytes, 64> room;
    const std::size_t filled = output.peek(room);
    std::string text;
    for (std::size_t i = 0; i < filled; ++i) {
        REQUIRE_FALSE(room[i].empty());
        text += as_text(room[i]);
    }
    return text;
}

const std::string mixed_content = "heAAAAAAAbcBBBBBCCCdefghi";

// Own bytes first, in the middle and last; two payloads side by side.
void fill(Output& output) {
    append(output, "he");
    output.append_payload(message_with("AAAAAAA"));
    append(output, "b");
    append(output, "c");
    output.append_payload(message_with("BBBBB"));
    output.append_payload(message_with("CCC"));
    append(output, "defghi");
}

}  // namespace

TEST_CASE("an empty Output holds nothing", "[core][output]") {
    Output output;
    CHECK(output.empty());
    CHECK(all_of(output).empty());
    output.take(0);
    CHECK(output.bytes().data() == nullptr);
}

TEST_CASE("what is in an Output comes out in order, cut anywhere, once and then again",
          "[core][output]") {
    for (std::size_t first = 0; first <= mixed_content.size(); ++first) {
        for (std::size_t second = 0; first + second <= mixed_content.size(); ++second) {
            INFO("cut after " << first << " and " << second << " more");
            Output output;
            fill(output);
            REQUIRE(output.size() == mixed_content.size());
            output.take(first);
            CHECK(all_of(output) == mixed_content.substr(first));
            output.take(second);
            CHECK(all_of(output) == mixed_content.substr(first + second));
            CHECK(output.size() == mixed_content.size() - first - second);
            CHECK(output.empty() == (first + second == mixed_content.size()));
        }
    }
}

TEST_CASE("peek() fills as many pieces as there is room for, from the beginning",
          "[core][output]") {
    for (std::size_t cut = 0; cut < mixed_content.size(); ++cut) {
        Output output;
        fill(output);
        output.take(cut);
        for (std::size_t pieces = 1; pieces <= 8; ++pieces) {
            INFO("cut after " << cut << ", " << pieces << " pieces");
            const std::string text = shown(output, pieces);
            CHECK_FALSE(text.empty());
            CHECK(mixed_content.substr(cut).starts_with(text));
            CHECK(shown(output, pieces + 1).starts_with(text));
        }
        CHECK(shown(output, 8) == mixed_content.substr(cut));
        CHECK(shown(output, 0).empty());
    }
}

TEST_CASE("a payload is shared, not copied", "[core][output]") {
    const MessagePtr message = message_with("PAYLOAD");
    Output output;
    append(output, "head");
    output.append_payload(message);
    std::array<Bytes, 2> pieces;
    REQUIRE(output.peek(pieces) == 2);
    CHECK(pieces[1].data() == message->view().payload.data());
    output.take(6);
    REQUIRE(output.peek(pieces) == 1);
    CHECK(pieces[0].data() == message->view().payload.data() + 2);
}

TEST_CASE("what is appended while the rest is under way comes behind it", "[core][output]") {
    Output output;
    fill(output);
    output.take(5);
    append(output, "more");
    output.append_payload(message_with("PPP"));
    append(output, "end");
    CHECK(all_of(output) == mixed_content.substr(5) + "morePPPend");
}

TEST_CASE("an Output that has been read gives its memory back", "[core][output]") {
    Output output;
    fill(output);
    output.take(output.size());
    CHECK(output.empty());
    CHECK(output.bytes().data() == nullptr);
    fill(output);
    output.clear();
    CHECK(output.empty());
    CHECK(output.bytes().data() == nullptr);
    CHECK(all_of(output).empty());
    append(output, "used again");
    CHECK(all_of(output) == "used again");
}

TEST_CASE("an Output does what a plain byte string does", "[core][output]") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Output output;
    std::string expected;
    char next = 'a';
    bool right = true;
    for (int step = 0; step < 4'000 && right; ++step) {
        const std::string text(1 + random() % 9'000, next);
        next = next == 'z' ? 'a' : static_cast<char>(next + 1);
        switch (random() % 5) {
            case 0:
                output.append_payload(message_with(text));
                expected += text;
                break;
            case 1:
            case 2:
                append(output, text);
                expected += text;
                break;
            default: {
                const std::size_t size = std::min<std::size_t>(random() % 20'000, expected.size());
                output.take(size);
                expected.erase(0, size);
            }
        }
        right &= output.size() == expected.size();
        right &= shown(output, 4'096) == expected;
    }
    CHECK(right);
}

TEST_CASE("a reader that is always a little behind leaves no read bytes behind", "[core][output]") {
    Output output;
    append(output, "0123456789");
    const std::string text(1'000, 'x');
    std::size_t most = 0;
    for (int i = 0; i < 10'000; ++i) {
        append(output, text);
        output.take(text.size());
        most = std::max(most, output.bytes().size());
    }
    CHECK(output.size() == 10);
    CHECK(most < 64u << 10);
}

TEST_CASE("a reader that always stops inside a shared payload leaves no read bytes behind",
          "[core][output]") {
    const std::string head(100, 'h');
    const MessagePtr message = message_with(std::string(10'000, 'p'));
    Output output;
    append(output, head);
    output.append_payload(message);
    output.take(5'000);
    std::size_t most = 0;
    for (int i = 0; i < 10'000; ++i) {
        append(output, head);
        output.append_payload(message);
        output.take(10'100);
        most = std::max(most, output.bytes().size());
    }
    CHECK(output.size() == 5'100);
    CHECK(most < 64u << 10);
    CHECK(all_of(output) == std::string(5'100, 'p'));
}
