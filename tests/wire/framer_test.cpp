// Fixed headers, by section 2.1 of MQTT 5.0 (2.2 of 3.1.1).
// Method: hand-written bytes in, frame or refusal out.
#include "broker/wire/framer.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/support/body.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;
using drawbridge::test::Body;

namespace {

constexpr std::size_t no_limit = 300'000'000;

Cut cut(const Body& bytes, std::size_t packet_bytes_max = no_limit) {
    Frame frame;
    return cut_frame(bytes, packet_bytes_max, frame);
}

}  // namespace

TEST_CASE("a frame is the first packet of the input, whatever follows it", "[wire][framer]") {
    const Body bytes{0x3B, 2, 'x', 'y', 0xC0, 0};
    const Bytes input = bytes;
    Frame frame;
    REQUIRE(cut_frame(input, no_limit, frame) == Cut::complete);
    CHECK(frame.type == PacketType::publish);
    CHECK(frame.flags == 0b1011);
    CHECK(frame.size == 4);
    CHECK(frame.body.data() == input.data() + 2);
    CHECK(frame.body.size() == 2);

    REQUIRE(cut_frame(input.subspan(frame.size), no_limit, frame) == Cut::complete);
    CHECK(frame.type == PacketType::pingreq);
    CHECK(frame.flags == 0);
    CHECK(frame.size == 2);
    CHECK(frame.body.empty());
}

TEST_CASE("a packet that has not arrived whole is waited for", "[wire][framer]") {
    const Body bytes{0x30, 0x85, 0x00, 'a', 'b', 'c', 'd', 'e'};
    const Bytes whole = bytes;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        Frame frame;
        CHECK(cut_frame(whole.first(size), no_limit, frame) == Cut::incomplete);
        CHECK(frame.size == (size < 3 ? 0 : 8));
    }
    CHECK(cut(bytes) == Cut::complete);
}

TEST_CASE("MQTT5-2.1.4, MQTT311-2.2.3: a remaining length has at most four bytes",
          "[wire][framer]") {
    Frame frame;
    const Body largest{0x30, 0xFF, 0xFF, 0xFF, 0x7F};
    CHECK(cut_frame(largest, no_limit, frame) == Cut::incomplete);
    CHECK(frame.size == 268'435'455 + 5);
    CHECK(cut({0x30, 0xFF, 0xFF, 0xFF}) == Cut::incomplete);
    CHECK(cut({0x30, 0xFF, 0xFF, 0xFF, 0x80}) == Cut::malformed);
    CHECK(cut({0x30, 0x80, 0x80, 0x80, 0x80, 0x00}) == Cut::malformed);
    CHECK(cut({0x30, 0x80, 0x80, 0x80, 0x00}) == Cut::complete);
}

TEST_CASE("a packet of type 0 is malformed, before its length is known", "[wire][framer]") {
    CHECK(cut({0x00}) == Cut::malformed);
    CHECK(cut({0x0F, 0}) == Cut::malformed);
    CHECK(cut({0x10, 0}) == Cut::complete);
}

TEST_CASE("a packet above the limit is refused before its body has arrived", "[wire][framer]") {
    CHECK(cut({0x30, 8, 1, 2, 3, 4, 5, 6, 7, 8}, 10) == Cut::complete);
    CHECK(cut({0x30, 8}, 10) == Cut::incomplete);
    Frame frame;
    const Body header{0x30, 9};
    CHECK(cut_frame(header, 10, frame) == Cut::too_large);
    CHECK(frame.size == 11);
}
