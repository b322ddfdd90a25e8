// Every packet, whole and damaged.
// Method: a valid packet of every type and version (tests/support/packet_samples.hpp), then every
// prefix and every change of one byte of it, on the heap in the exact size: what is decoded then
// must survive a round trip, and the address sanitizer sees every read past the end.
#include <catch2/catch.hpp>

#include "tests/support/any_packet.hpp"
#include "tests/support/exact_bytes.hpp"
#include "tests/support/packet_samples.hpp"
#include "tests/support/verdict.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;
using drawbridge::test::AnyPacket;
using drawbridge::test::decode_any;
using drawbridge::test::encode_any;
using drawbridge::test::ExactBytes;
using drawbridge::test::packet_samples;
using drawbridge::test::PacketSample;
using drawbridge::test::survives_round_trip;
using drawbridge::test::verdict;

namespace {

constexpr std::size_t packet_bytes_max = 1000;

// Cuts and decodes what is there, byte ranges exact. False if a decoded packet is not what its own
// encoding says.
bool is_sound(Bytes input, Version version) {
    Frame frame;
    const ExactBytes exact(input);
    if (cut_frame(exact.bytes(), packet_bytes_max, frame) != Cut::complete) return true;
    const ExactBytes body(frame.body);
    frame.body = body.bytes();
    const Result<AnyPacket> packet = decode_any(frame, version);
    return !packet || survives_round_trip(*packet, version);
}

}  // namespace

TEST_CASE("every packet is decoded from what the encoder wrote, and encoded to the same bytes",
          "[wire]") {
    for (const PacketSample& sample : packet_samples()) {
        INFO(sample.name);
        Frame frame;
        REQUIRE(cut_frame(sample.bytes, packet_bytes_max, frame) == Cut::complete);
        CHECK(frame.size == sample.bytes.size());
        const Result<AnyPacket> packet = decode_any(frame, sample.version);
        REQUIRE(verdict(packet) == "ok");
        CHECK(survives_round_trip(*packet, sample.version));
        Buffer out;
        encode_any(*packet, sample.version, out);
        CHECK(as_text(out.bytes()) == as_text(sample.bytes));
    }
}

TEST_CASE(
    "MQTT5-2.1.3-1, MQTT311-2.2.2-1, MQTT311-2.2.2-2: reserved flags are written as listed, and "
    "any "
    "others are malformed",
    "[wire]") {
    for (const PacketSample& sample : packet_samples()) {
        INFO(sample.name);
        Frame frame;
        REQUIRE(cut_frame(sample.bytes, packet_bytes_max, frame) == Cut::complete);
        if (frame.type == PacketType::publish) continue;  // its flags mean something
        const bool two = frame.type == PacketType::pubrel || frame.type == PacketType::subscribe ||
                         frame.type == PacketType::unsubscribe;
        const std::uint8_t listed = two ? 0b0010 : 0;
        CHECK(frame.flags == listed);
        for (std::uint8_t flags = 0; flags < 16; ++flags) {
            frame.flags = flags;
            const Result<AnyPacket> packet = decode_any(frame, sample.version);
            CHECK(packet.has_value() == (flags == listed));
            if (!packet) CHECK(packet.error().reason == Reason::malformed_packet);
        }
    }
}

TEST_CASE("a packet cut at any byte is waited for", "[wire]") {
    for (const PacketSample& sample : packet_samples()) {
        INFO(sample.name);
        for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
            const ExactBytes prefix(Bytes(sample.bytes).first(size));
            Frame frame;
            CHECK(cut_frame(prefix.bytes(), packet_bytes_max, frame) == Cut::incomplete);
        }
    }
}

TEST_CASE("a body that ends too early is refused or decoded, never read past", "[wire]") {
    for (const PacketSample& sample : packet_samples()) {
        INFO(sample.name);
        Frame whole;
        REQUIRE(cut_frame(sample.bytes, packet_bytes_max, whole) == Cut::complete);
        for (std::size_t size = 0; size < whole.body.size(); ++size) {
            const ExactBytes prefix(whole.body.first(size));
            Frame frame = whole;
            frame.body = prefix.bytes();
            const Result<AnyPacket> packet = decode_any(frame, sample.version);
            if (packet) CHECK(survives_round_trip(*packet, sample.version));
        }
    }
}

TEST_CASE("a body with a byte too many is refused, unless it ends in a payload or codes",
          "[wire]") {
    for (const PacketSample& sample : packet_samples()) {
        INFO(sample.name);
        Frame frame;
        REQUIRE(cut_frame(sample.bytes, packet_bytes_max, frame) == Cut::complete);
        std::vector<std::uint8_t> longer(frame.body.begin(), frame.body.end());
        longer.push_back(0);
        frame.body = longer;
        const bool has_room = frame.type == PacketType::publish ||
                              frame.type == PacketType::suback ||
                              (frame.type == PacketType::unsuback && sample.version == Version::v5);
        // A zero behind an acknowledgement without reason is one; a zero behind one is an empty
        // list.
        const bool is_short =
            sample.version == Version::v5 && (sample.name.find("_bare") != std::string::npos ||
                                              sample.name.find("_failed") != std::string::npos ||
                                              sample.name.find("_reason") != std::string::npos);
        const bool may_grow = is_short && frame.type != PacketType::connect &&
                              frame.type != PacketType::connack && frame.type != PacketType::auth;
        CHECK((verdict(decode_any(frame, sample.version)) == "ok") == (has_room || may_grow));
    }
}

TEST_CASE("a packet with any one byte changed is refused or decoded, never read past", "[wire]") {
    for (const PacketSample& sample : packet_samples()) {
        std::vector<std::uint8_t> damaged = sample.bytes;
        for (std::size_t at = 0; at < damaged.size(); ++at) {
            for (unsigned change = 1; change < 256; ++change) {
                damaged[at] = static_cast<std::uint8_t>(sample.bytes[at] ^ change);
                if (!is_sound(damaged, sample.version))
                    FAIL(sample.name << ": byte " << at << " is " << int{damaged[at]});
            }
            damaged[at] = sample.bytes[at];
        }
    }
}

TEST_CASE("a packet decoded in another version is refused or decoded, never read past", "[wire]") {
    for (const PacketSample& sample : packet_samples())
        for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
            INFO(sample.name);
            CHECK(is_sound(sample.bytes, version));
        }
}
