// PINGREQ, PINGRESP, DISCONNECT and AUTH on the wire, by sections 3.12 to 3.15.
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

std::string disconnect(const Body& body, Version version) {
    return verdict(decode_disconnect(0, body, version));
}

std::string auth(const Body& body) { return verdict(decode_auth(0, body, Version::v5)); }

std::string text(const Body& body) { return std::string(as_text(body)); }

}  // namespace

TEST_CASE("a ping has two bytes, both ways", "[wire][ping]") {
    Buffer out;
    encode_pingreq(out);
    encode_pingresp(out);
    CHECK(as_text(out.bytes()) == text({0xC0, 0, 0xD0, 0}));
    CHECK(verdict(decode_ping(0, {})) == "ok");
    CHECK(verdict(decode_ping(0, Body{0})) == "malformed packet MQTT-2.1.4");
    CHECK(verdict(decode_ping(1, {})) == "malformed packet MQTT-2.1.3-1");
}

TEST_CASE("a DISCONNECT of 3.1.1 has two bytes, whatever the reason", "[wire][disconnect]") {
    CHECK(disconnect({}, Version::v3_1_1) == "ok");
    CHECK(disconnect({0}, Version::v3_1_1) == "malformed packet MQTT-2.1.4");
    Buffer out;
    encode(DisconnectView{Reason::server_busy, {}}, Version::v3_1_1, out);
    CHECK(as_text(out.bytes()) == text({0xE0, 0}));
}

TEST_CASE("a DISCONNECT of 5.0 leaves out what says nothing", "[wire][disconnect][v5]") {
    PropertyWriter expiry;
    expiry.number(PropertyId::session_expiry_interval, 9);
    Buffer out;
    encode(DisconnectView{}, Version::v5, out);
    encode(DisconnectView{Reason::server_busy, {}}, Version::v5, out);
    encode(DisconnectView{Reason::success, expiry.list()}, Version::v5, out);
    CHECK(as_text(out.bytes()) == text({0xE0, 0, 0xE0, 1, 0x89, 0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9}));

    CHECK(decode_disconnect(0, {}, Version::v5)->reason == Reason::success);
    CHECK(decode_disconnect(0, Body{4}, Version::v5)->reason == Reason::disconnect_with_will);
    const Body with_expiry{0, 5, 0x11, 0, 0, 0, 9};
    CHECK(decode_disconnect(0, with_expiry, Version::v5)
              ->properties.number(PropertyId::session_expiry_interval) == 9);
    CHECK(disconnect({0, 0}, Version::v5) == "ok");
    CHECK(disconnect({0, 0, 0}, Version::v5) == "malformed packet MQTT-2.1.4");
}

TEST_CASE("MQTT5-3.14.1-1, MQTT311-3.14.1-1: the flags of a DISCONNECT are 0",
          "[wire][disconnect]") {
    for (std::uint8_t flags = 1; flags < 16; ++flags)
        for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5})
            CHECK(verdict(decode_disconnect(flags, {}, version)) ==
                  "malformed packet MQTT-3.14.1-1");
    CHECK(disconnect({}, Version::v5) == "ok");
}

TEST_CASE("MQTT5-3.14.2-1: a DISCONNECT carries a listed code", "[wire][disconnect][v5]") {
    CHECK(disconnect({0x8B}, Version::v5) == "ok");
    CHECK(disconnect({0x01}, Version::v5) == "protocol error MQTT-3.14.2-1");
    CHECK(disconnect({0x91}, Version::v5) == "protocol error MQTT-3.14.2-1");
    int listed = 0;
    for (int code = 0; code < 256; ++code) listed += disconnect({code}, Version::v5) == "ok";
    CHECK(listed == 30);  // section 3.14.2.1 has 29; section 2.4 adds 0x8C
}

TEST_CASE("MQTT311-2.2.1: type 15 is forbidden before 5.0", "[wire][auth]") {
    CHECK(verdict(decode_auth(0, {}, Version::v3_1_1)) == "malformed packet MQTT-2.2.1");
    CHECK(verdict(decode_auth(0, {}, Version::v3_1)) == "malformed packet MQTT-2.2.1");
    CHECK(verdict(decode_auth(0, {}, Version::v5)) == "ok");
}

TEST_CASE("MQTT5-3.15.1-1: the flags of an AUTH are 0", "[wire][auth][v5]") {
    for (std::uint8_t flags = 1; flags < 16; ++flags)
        CHECK(verdict(decode_auth(flags, {}, Version::v5)) == "malformed packet MQTT-3.15.1-1");
}

TEST_CASE("MQTT5-3.15.2-1: an AUTH carries 0x00, 0x18 or 0x19", "[wire][auth][v5]") {
    for (int code = 0; code < 256; ++code) {
        const bool listed = code == 0x00 || code == 0x18 || code == 0x19;
        CHECK(auth({code, 4, 0x15, 0, 1, 'm'}) == (listed ? "ok" : "protocol error MQTT-3.15.2-1"));
    }
}

TEST_CASE("MQTT5-4.12.0-5: an AUTH names its method, unless it is empty", "[wire][auth][v5]") {
    CHECK(auth({}) == "ok");
    CHECK(auth({0x18}) == "malformed packet MQTT-2.1.4");
    CHECK(auth({0x18, 0}) == "protocol error MQTT-4.12.0-5");
    CHECK(auth({0x18, 4, 0x15, 0, 1, 'm'}) == "ok");
    CHECK(auth({0x18, 4, 0x16, 0, 1, 'd'}) == "protocol error MQTT-3.1.2.11.10");
    CHECK(auth({0x18, 4, 0x15, 0, 1, 0xFF}) == "malformed packet MQTT-1.5.4-1");
}

TEST_CASE("an AUTH is written in full or not at all", "[wire][auth][v5]") {
    PropertyWriter method;
    method.text(PropertyId::authentication_method, "m");
    Buffer out;
    encode(AuthView{}, out);
    encode(AuthView{Reason::re_authenticate, method.list()}, out);
    CHECK(as_text(out.bytes()) == text({0xF0, 0, 0xF0, 6, 0x19, 4, 0x15, 0, 1, 'm'}));
}
