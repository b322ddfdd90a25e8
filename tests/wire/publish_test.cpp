// PUBLISH on the wire, by the numbered statements of section 3.3 of MQTT 5.0 and 3.1.1.
// Method: hand-written bytes in, view or violation out; view in, hand-written bytes out.
#include <catch2/catch.hpp>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "tests/support/body.hpp"
#include "tests/support/verdict.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;
using drawbridge::test::Body;
using drawbridge::test::verdict;

namespace {

std::string v3(std::uint8_t flags, const Body& body) {
    return verdict(decode_publish(flags, body, Version::v3_1_1));
}

std::string v5(std::uint8_t flags, const Body& body) {
    return verdict(decode_publish(flags, body, Version::v5));
}

std::string written(const PublishView& publish, Version version) {
    Buffer out;
    encode(publish, version, out);
    return std::string(as_text(out.bytes()));
}

std::string text(const Body& body) { return std::string(as_text(body)); }

}  // namespace

TEST_CASE("a PUBLISH says topic, payload, QoS, RETAIN and DUP", "[wire][publish]") {
    const Body body = Body().text("a/b").u16(0x1234).plain("hello");
    const Result<PublishView> publish = decode_publish(0b1101, body, Version::v3_1_1);
    REQUIRE(publish.has_value());
    CHECK(publish->topic == "a/b");
    CHECK(as_text(publish->payload) == "hello");
    CHECK(publish->packet_id == 0x1234);
    CHECK(publish->qos == 2);
    CHECK(publish->retain);
    CHECK(publish->dup);
    CHECK(publish->properties.empty());
    CHECK(written(*publish, Version::v3_1_1) == "\x3D\x0C" + text(body));
}

TEST_CASE("a PUBLISH of 5.0 has a property list between identifier and payload",
          "[wire][publish][v5]") {
    const Body body = Body().text("a").u16(7).list({0x01, 1}).plain("hello");
    const Result<PublishView> publish = decode_publish(0b0010, body, Version::v5);
    REQUIRE(publish.has_value());
    CHECK(publish->packet_id == 7);
    CHECK(publish->properties.number(PropertyId::payload_format_indicator) == 1);
    CHECK(as_text(publish->payload) == "hello");
    CHECK(written(*publish, Version::v5) == "\x32\x0D" + text(body));
}

TEST_CASE("MQTT5-2.2.1-2, MQTT311-2.3.1-5: a PUBLISH with QoS 0 has no packet identifier",
          "[wire][publish]") {
    const Body body = Body().text("a").u16(7);
    CHECK(as_text(decode_publish(0, body, Version::v3_1_1)->payload) ==
          std::string_view("\0\7", 2));
    CHECK(decode_publish(0, body, Version::v3_1_1)->packet_id == 0);
    PublishView publish;
    publish.topic = "a";
    publish.packet_id = 7;
    CHECK(written(publish, Version::v3_1_1) == std::string("\x30\x03\0\1a", 5));
    CHECK(written(publish, Version::v5) == std::string("\x30\x04\0\1a\0", 6));
}

TEST_CASE("MQTT5-2.2.1-3, MQTT311-2.3.1-1: the packet identifier of a PUBLISH is not 0",
          "[wire][publish]") {
    CHECK(v3(0b0010, Body().text("a").u16(0)) == "protocol error MQTT-2.3.1-1");
    CHECK(v3(0b0010, Body().text("a").u16(1)) == "ok");
    CHECK(v5(0b0100, Body().text("a").u16(0).u8(0)) == "protocol error MQTT-2.2.1-3");
    CHECK(v5(0b0100, Body().text("a").u16(1).u8(0)) == "ok");
}

TEST_CASE("MQTT5-3.3.1-2, MQTT311-3.3.1-2: DUP is 0 with QoS 0", "[wire][publish]") {
    CHECK(v3(0b1000, Body().text("a")) == "malformed packet MQTT-3.3.1-2");
    CHECK(v3(0b1010, Body().text("a").u16(1)) == "ok");
    CHECK(v5(0b1000, Body().text("a").u8(0)) == "malformed packet MQTT-3.3.1-2");
    CHECK(v5(0b0000, Body().text("a").u8(0)) == "ok");
}

TEST_CASE("MQTT5-3.3.1-4, MQTT311-3.3.1-4: QoS is not 3", "[wire][publish]") {
    CHECK(v3(0b0110, Body().text("a").u16(1)) == "malformed packet MQTT-3.3.1-4");
    CHECK(v3(0b0100, Body().text("a").u16(1)) == "ok");
    CHECK(v5(0b0110, Body().text("a").u16(1).u8(0)) == "malformed packet MQTT-3.3.1-4");
}

TEST_CASE("MQTT5-3.3.2-1, MQTT311-3.3.2-1: the topic name is the first field, a string",
          "[wire][publish]") {
    CHECK(v3(0, {}) == "malformed packet MQTT-2.1.4");
    CHECK(v3(0, {0, 2, 'a'}) == "malformed packet MQTT-2.1.4");
    CHECK(v3(0, Body().text("a\xED\xA0\x80")) == "malformed packet MQTT-1.5.3-1");
    CHECK(v5(0, Body().text("a\xED\xA0\x80").u8(0)) == "malformed packet MQTT-1.5.4-1");
    CHECK(v5(0, Body().text("a\xED\x9F\xBF").u8(0)) == "ok");
}

TEST_CASE("MQTT5-4.7.3-2, MQTT311-4.7.3-2: a topic name does not hold U+0000", "[wire][publish]") {
    CHECK(v3(0, {0, 3, 'a', 0, 'b'}) == "malformed packet MQTT-1.5.3-2");
    CHECK(v5(0, {0, 3, 'a', 0, 'b', 0}) == "malformed packet MQTT-1.5.4-2");
    CHECK(v5(0, {0, 3, 'a', 1, 'b', 0}) == "ok");
}

TEST_CASE("MQTT5-3.3.2-2, MQTT311-3.3.2-2: a topic name holds no wildcard", "[wire][publish]") {
    for (const char* wild : {"+", "#", "a/#", "a/+/b", "a+", "a#b", "long/enough/for/a/word/+"}) {
        CHECK(v3(0, Body().text(wild)) == "topic name invalid MQTT-3.3.2-2");
        CHECK(v5(0, Body().text(wild).u8(0)) == "topic name invalid MQTT-3.3.2-2");
    }
    CHECK(v3(0, Body().text("a/b")) == "ok");
    CHECK(v5(0, Body().text("long/enough/for/a/word/*").u8(0)) == "ok");
}

TEST_CASE("MQTT5-4.7.3-1, MQTT311-4.7.3-1: a topic name has at least one character",
          "[wire][publish]") {
    CHECK(v3(0, {0, 0}) == "protocol error MQTT-4.7.3-1");
    CHECK(v3(0, {0, 1, '/'}) == "ok");
    CHECK(v5(0, {0, 0, 0}) == "protocol error MQTT-4.7.3-1");
    CHECK(v5(0, {0, 1, '/', 0}) == "ok");
}

TEST_CASE("MQTT5-3.3.2.3.4: an alias may stand for the topic name", "[wire][publish][v5]") {
    CHECK(v5(0, Body{0, 0}.list({0x23, 0, 5})) == "ok");
    CHECK(v5(0, Body{0, 0}.list({0x01, 1})) == "protocol error MQTT-4.7.3-1");
    CHECK(v5(0, Body{0, 0}.list({0x23, 0, 0})) == "topic alias invalid MQTT-3.3.2-8");
}

TEST_CASE("a subscription identifier is a matter of direction, not of form",
          "[wire][publish][v5]") {
    CHECK(v5(0, Body().text("a").list({0x0B, 5, 0x0B, 6})) == "ok");
}

TEST_CASE("MQTT5-1.5.4-3, MQTT311-1.5.3-3: U+FEFF stays in a topic name", "[wire][publish]") {
    CHECK(decode_publish(0, Body().text("\xEF\xBB\xBF/a"), Version::v3_1_1)->topic ==
          "\xEF\xBB\xBF/a");
}

TEST_CASE("MQTT5-4.7.3-3, MQTT311-4.7.3-3: a topic name may have 65535 bytes", "[wire][publish]") {
    const std::string topic(65'535, 't');
    PublishView publish;
    publish.topic = topic;
    const std::string bytes = written(publish, Version::v3_1_1);
    CHECK(bytes.size() == 65'535 + 2 + 4);
    CHECK(decode_publish(0, as_bytes(bytes).subspan(4), Version::v3_1_1)->topic == topic);
}
