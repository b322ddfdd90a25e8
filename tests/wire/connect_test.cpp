// CONNECT and CONNACK on the wire, by sections 3.1 and 3.2 of MQTT 5.0 and 3.1.1.
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

// Up to and including the keep alive of 60 s; in 5.0 also an empty property list.
Body opening(unsigned level, unsigned flags) {
    Body body = Body().text(level == 3 ? "MQIsdp" : "MQTT").u8(level).u8(flags).u16(60);
    if (level == 5) body.u8(0);
    return body;
}

std::string connect(const Body& body) { return verdict(decode_connect(0, body)); }

std::string connack(const Body& body, Version version) {
    return verdict(decode_connack(0, body, version));
}

std::string text(const Body& body) { return std::string(as_text(body)); }

constexpr unsigned clean = 0x02, will = 0x04, will_qos_1 = 0x08, will_qos_2 = 0x10,
                   will_retain = 0x20, password = 0x40, username = 0x80;

}  // namespace

TEST_CASE("MQTT5-3.1.3-1, MQTT311-3.1.3-1: the fields of a CONNECT stand in their order",
          "[wire][connect]") {
    Body body = opening(4, username | password | will_retain | will_qos_2 | will | clean);
    body.text("id").text("w/t").text("bye").text("ann").text("pw");
    const Result<ConnectView> view = decode_connect(0, body);
    REQUIRE(view.has_value());
    CHECK(view->version == Version::v3_1_1);
    CHECK(view->clean_start);
    CHECK(view->keep_alive_s == 60);
    CHECK(view->client_id == "id");
    REQUIRE(view->will.has_value());
    CHECK(view->will->topic == "w/t");
    CHECK(as_text(view->will->payload) == "bye");
    CHECK(view->will->qos == 2);
    CHECK(view->will->retain);
    CHECK(view->username == "ann");
    CHECK(as_text(*view->password) == "pw");
    Buffer out;
    encode(*view, out);
    CHECK(as_text(out.bytes()) == "\x10\x21" + text(body));
}

TEST_CASE("a CONNECT of 5.0 has properties of its own and of its will", "[wire][connect][v5]") {
    Body body = Body().text("MQTT").u8(5).u8(will).u16(0).list({0x21, 0, 9}).text("id");
    body.list({0x18, 0, 0, 0, 5}).text("w").text("");
    const Result<ConnectView> view = decode_connect(0, body);
    REQUIRE(view.has_value());
    CHECK(view->version == Version::v5);
    CHECK_FALSE(view->clean_start);
    CHECK(view->properties.number(PropertyId::receive_maximum) == 9);
    REQUIRE(view->will.has_value());
    CHECK(view->will->properties.number(PropertyId::will_delay_interval) == 5);
    CHECK(view->will->payload.empty());
    CHECK_FALSE(view->username);
    CHECK_FALSE(view->password);
    Buffer out;
    encode(*view, out);
    CHECK(as_text(out.bytes()) == "\x10\x1D" + text(body));
}

TEST_CASE("MQTT5-3.1.2-1, MQTT311-3.1.2-1: the protocol name is known", "[wire][connect]") {
    const std::string unknown = "unsupported protocol version MQTT-3.1.2-1";
    CHECK(connect(Body().text("MQTT").u8(4).u8(clean).u16(0).text("i")) == "ok");
    CHECK(connect(Body().text("mqtt").u8(4).u8(clean).u16(0).text("i")) == unknown);
    CHECK(connect(Body().text("MQTT ").u8(4).u8(clean).u16(0).text("i")) == unknown);
    CHECK(connect(Body().text("").u8(4).u8(clean).u16(0).text("i")) == unknown);
    CHECK(connect(Body().text("MQTT")) == "malformed packet MQTT-2.1.4");
}

TEST_CASE("MQTT5-3.1.2-2, MQTT311-3.1.2-2: the protocol version is known", "[wire][connect]") {
    const std::string unknown = "unsupported protocol version MQTT-3.1.2-2";
    CHECK(connect(opening(5, clean).text("i")) == "ok");
    CHECK(connect(opening(4, clean).text("i")) == "ok");
    CHECK(connect(opening(3, clean).text("i")) == "ok");
    for (const unsigned level : {0u, 3u, 6u, 0x84u, 0xFFu})
        CHECK(connect(Body().text("MQTT").u8(level).u8(clean).u16(0).text("i")) == unknown);
    CHECK(connect(Body().text("MQIsdp").u8(4).u8(clean).u16(0).text("i")) == unknown);
    // Whatever a later version may have behind its level is not looked at.
    CHECK(connect(Body().text("MQTT").u8(6)) == unknown);
}

TEST_CASE("MQTT31: a CONNECT is that of 3.1.1 under another name", "[wire][connect]") {
    const Body body = opening(3, clean | username).text("id").text("ann");
    const Result<ConnectView> view = decode_connect(0, body);
    REQUIRE(view.has_value());
    CHECK(view->version == Version::v3_1);
    CHECK(view->client_id == "id");
    CHECK(view->username == "ann");
    Buffer out;
    encode(*view, out);
    CHECK(as_text(out.bytes()) == "\x10\x15" + text(body));
}

TEST_CASE("MQTT5-2.1.3-1, MQTT311-2.2.2-2: the flags of a CONNECT's first byte are 0",
          "[wire][connect]") {
    for (std::uint8_t flags = 1; flags < 16; ++flags) {
        CHECK(verdict(decode_connect(flags, opening(4, clean).text("i"))) ==
              "malformed packet MQTT-2.2.2-2");
        CHECK(verdict(decode_connect(flags, opening(5, clean).text("i"))) ==
              "malformed packet MQTT-2.1.3-1");
    }
    CHECK(verdict(decode_connect(0, opening(5, clean).text("i"))) == "ok");
}

TEST_CASE("MQTT5-3.1.2-3, MQTT311-3.1.2-3: the reserved connect flag is 0", "[wire][connect]") {
    for (const unsigned level : {3u, 4u, 5u}) {
        CHECK(connect(opening(level, clean | 1).text("i")) == "malformed packet MQTT-3.1.2-3");
        CHECK(connect(opening(level, clean).text("i")) == "ok");
    }
}

TEST_CASE("MQTT311-3.1.2-11: without a will there is no will topic, nor a will payload",
          "[wire][connect]") {
    for (const unsigned level : {3u, 4u, 5u}) {
        CHECK(connect(opening(level, clean).text("i").text("w").text("")) ==
              "malformed packet MQTT-2.1.4");
        CHECK(connect(opening(level, clean).text("i")) == "ok");
    }
}

TEST_CASE("MQTT5-3.1.2-11, MQTT311-3.1.2-11, MQTT311-3.1.2-13: without a will its QoS is 0",
          "[wire][connect]") {
    for (const unsigned qos : {will_qos_1, will_qos_2}) {
        CHECK(connect(opening(4, qos).text("i")) == "malformed packet MQTT-3.1.2-13");
        CHECK(connect(opening(5, qos).text("i")) == "malformed packet MQTT-3.1.2-11");
        CHECK(connect(opening(4, will | qos).text("i").text("w").text("")) == "ok");
        CHECK(connect(opening(5, will | qos).text("i").u8(0).text("w").text("")) == "ok");
    }
}

TEST_CASE("MQTT5-3.1.2-12, MQTT311-3.1.2-14: the QoS of a will is not 3", "[wire][connect]") {
    const unsigned qos_3 = will | will_qos_1 | will_qos_2;
    CHECK(connect(opening(4, qos_3).text("i").text("w").text("")) ==
          "malformed packet MQTT-3.1.2-14");
    CHECK(connect(opening(5, qos_3).text("i").u8(0).text("w").text("")) ==
          "malformed packet MQTT-3.1.2-12");
}

TEST_CASE("MQTT5-3.1.2-13, MQTT311-3.1.2-11, MQTT311-3.1.2-15: without a will its RETAIN is 0",
          "[wire][connect]") {
    CHECK(connect(opening(4, will_retain).text("i")) == "malformed packet MQTT-3.1.2-15");
    CHECK(connect(opening(5, will_retain).text("i")) == "malformed packet MQTT-3.1.2-13");
    CHECK(connect(opening(4, will | will_retain).text("i").text("w").text("")) == "ok");
    CHECK(connect(opening(5, will | will_retain).text("i").u8(0).text("w").text("")) == "ok");
}

TEST_CASE("MQTT5-3.1.2-9, MQTT311-3.1.2-9: a will has properties (5.0), topic and payload",
          "[wire][connect]") {
    const std::string short_of = "malformed packet MQTT-2.1.4";
    CHECK(connect(opening(4, will).text("i")) == short_of);
    CHECK(connect(opening(4, will).text("i").text("w")) == short_of);
    CHECK(connect(opening(4, will).text("i").text("w").text("")) == "ok");
    CHECK(connect(opening(5, will).text("i").text("w").text("")) != "ok");
    CHECK(connect(opening(5, will).text("i").u8(0).text("w").text("")) == "ok");
}

TEST_CASE(
    "MQTT5-3.1.2-16, MQTT5-3.1.2-17, MQTT311-3.1.2-18, MQTT311-3.1.2-19: "
    "a user name is there if its flag says so",
    "[wire][connect]") {
    CHECK(connect(opening(4, username).text("i")) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(4, username).text("i").text("ann")) == "ok");
    CHECK(connect(opening(5, username).text("i")) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(5, username).text("i").text("ann")) == "ok");
    CHECK(connect(opening(4, 0).text("i").text("ann")) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(5, 0).text("i").text("ann")) == "malformed packet MQTT-2.1.4");
}

TEST_CASE(
    "MQTT5-3.1.2-18, MQTT5-3.1.2-19, MQTT311-3.1.2-20, MQTT311-3.1.2-21: "
    "a password is there if its flag says so",
    "[wire][connect]") {
    const unsigned both = username | password;
    CHECK(connect(opening(4, both).text("i").text("ann")) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(4, both).text("i").text("ann").text("pw")) == "ok");
    CHECK(connect(opening(5, both).text("i").text("ann")) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(5, both).text("i").text("ann").text("pw")) == "ok");
    CHECK(connect(opening(5, 0).text("i").text("pw")) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(4, username).text("i").text("ann").text("pw")) ==
          "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(4, both).text("i").text("ann").text(std::string_view("\0\xFF", 2))) ==
          "ok");
}

TEST_CASE("MQTT311-3.1.2-22: a password comes with a user name, which 5.0 does not ask for",
          "[wire][connect]") {
    CHECK(connect(opening(4, password).text("i").text("pw")) == "malformed packet MQTT-3.1.2-22");
    CHECK(connect(opening(3, password).text("i").text("pw")) == "malformed packet MQTT-3.1.2-22");
    CHECK(connect(opening(5, password).text("i").text("pw")) == "ok");
}

TEST_CASE("MQTT5-3.1.3-3, MQTT311-3.1.3-3: the client id is there, though it may be empty",
          "[wire][connect]") {
    CHECK(connect(opening(4, clean)) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(4, clean).text("")) == "ok");
    CHECK(connect(opening(5, clean)) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(5, clean).text("")) == "ok");
}

TEST_CASE("MQTT5-3.1.3-4, MQTT311-3.1.3-4: the client id is a string", "[wire][connect]") {
    CHECK(connect(opening(4, clean).text("\xC3")) == "malformed packet MQTT-1.5.3-1");
    CHECK(connect(opening(5, clean).text("\xC3")) == "malformed packet MQTT-1.5.4-1");
    CHECK(connect(opening(5, clean).text("\xC3\xA9")) == "ok");
}

TEST_CASE("MQTT5-3.1.3-11, MQTT311-3.1.3-10: the will topic is a string", "[wire][connect]") {
    CHECK(connect(opening(4, will).text("i").text("\xC3").text("")) ==
          "malformed packet MQTT-1.5.3-1");
    CHECK(connect(opening(5, will).text("i").u8(0).text("\xC3").text("")) ==
          "malformed packet MQTT-1.5.4-1");
}

TEST_CASE("MQTT5-3.1.3-12, MQTT311-3.1.3-11: the user name is a string", "[wire][connect]") {
    CHECK(connect(opening(4, username).text("i").text("\xC3")) == "malformed packet MQTT-1.5.3-1");
    CHECK(connect(opening(5, username).text("i").text("\xC3")) == "malformed packet MQTT-1.5.4-1");
}

TEST_CASE("MQTT5-4.7.0-1, MQTT311-4.7.1-1: a will topic holds no wildcard", "[wire][connect]") {
    CHECK(connect(opening(4, will).text("i").text("w/+").text("")) ==
          "topic name invalid MQTT-4.7.1-1");
    CHECK(connect(opening(5, will).text("i").u8(0).text("#").text("")) ==
          "topic name invalid MQTT-4.7.0-1");
    CHECK(connect(opening(4, will).text("i").text("").text("")) ==
          "topic name invalid MQTT-4.7.3-1");
    CHECK(connect(opening(4, will).text("i").text("w").text("")) == "ok");
}

TEST_CASE("MQTT5-3.1.4-1, MQTT311-3.1.4-1: nothing follows the last field of a CONNECT",
          "[wire][connect]") {
    CHECK(connect(opening(4, clean).text("i").u8(0)) == "malformed packet MQTT-2.1.4");
    CHECK(connect(opening(5, clean).text("i").u8(0)) == "malformed packet MQTT-2.1.4");
}

TEST_CASE("a CONNACK says whether there is a session, and a code", "[wire][connack]") {
    const Result<ConnackView> v3 = decode_connack(0, Body{1, 0}, Version::v3_1_1);
    REQUIRE(v3.has_value());
    CHECK(v3->session_present);
    CHECK(v3->code == 0);
    const Body refused{0, 0x87, 2, 0x25, 0};
    const Result<ConnackView> v5 = decode_connack(0, refused, Version::v5);
    REQUIRE(v5.has_value());
    CHECK_FALSE(v5->session_present);
    CHECK(v5->code == 0x87);
    CHECK(v5->properties.number(PropertyId::retain_available) == 0);

    Buffer out;
    encode(*v3, Version::v3_1_1, out);
    encode(*v5, Version::v5, out);
    encode(ConnackView{}, Version::v5, out);
    CHECK(as_text(out.bytes()) == text({0x20, 2, 1, 0, 0x20, 5, 0, 0x87, 2, 0x25, 0,  //
                                        0x20, 3, 0, 0, 0}));
}

TEST_CASE("MQTT31: a CONNACK does not say whether there is a session", "[wire][connack]") {
    ConnackView connack_view;
    connack_view.session_present = true;
    Buffer out;
    encode(connack_view, Version::v3_1, out);
    encode(connack_view, Version::v3_1_1, out);
    CHECK(as_text(out.bytes()) == text({0x20, 2, 0, 0, 0x20, 2, 1, 0}));
}

TEST_CASE("MQTT5-3.2.2-1: bits 7 to 1 of the acknowledge flags are 0", "[wire][connack]") {
    for (int bit = 1; bit < 8; ++bit) {
        CHECK(connack({1 << bit, 0}, Version::v3_1_1) == "malformed packet MQTT-3.2.2-1");
        CHECK(connack({1 << bit, 0, 0}, Version::v5) == "malformed packet MQTT-3.2.2-1");
    }
    CHECK(connack({1, 0, 0}, Version::v5) == "ok");
}

TEST_CASE("MQTT5-3.2.2-6, MQTT311-3.2.2-4: a refusal has no session present", "[wire][connack]") {
    CHECK(connack({1, 5}, Version::v3_1_1) == "protocol error MQTT-3.2.2-4");
    CHECK(connack({0, 5}, Version::v3_1_1) == "ok");
    CHECK(connack({1, 0x87, 0}, Version::v5) == "protocol error MQTT-3.2.2-6");
    CHECK(connack({0, 0x87, 0}, Version::v5) == "ok");
}

TEST_CASE("MQTT5-3.2.2-8, MQTT311-3.2.2-6: the code of a CONNACK is a listed one",
          "[wire][connack]") {
    CHECK(connack({0, 6}, Version::v3_1_1) == "protocol error MQTT-3.2.2-6");
    CHECK(connack({0, 0x8E, 0}, Version::v5) == "protocol error MQTT-3.2.2-8");
    CHECK(connack({0, 0x01, 0}, Version::v5) == "protocol error MQTT-3.2.2-8");
    int listed = 0;
    for (int code = 0; code < 256; ++code) listed += connack({0, code, 0}, Version::v5) == "ok";
    CHECK(listed == 22);  // section 3.2.2.2, table 3-1
}

TEST_CASE("MQTT311-3.2.2-6: a reason has a return code from 1 to 5, or none", "[wire][connack]") {
    CHECK(connack_code_311(Reason::success) == 0);
    CHECK(connack_code_311(Reason::unsupported_protocol_version) == 1);
    CHECK(connack_code_311(Reason::client_identifier_not_valid) == 2);
    CHECK(connack_code_311(Reason::server_unavailable) == 3);
    CHECK(connack_code_311(Reason::server_busy) == 3);
    CHECK(connack_code_311(Reason::quota_exceeded) == 3);
    CHECK(connack_code_311(Reason::bad_user_name_or_password) == 4);
    CHECK(connack_code_311(Reason::not_authorized) == 5);
    CHECK(connack_code_311(Reason::banned) == 5);
    for (const Reason reason :
         {Reason::malformed_packet, Reason::protocol_error, Reason::topic_name_invalid,
          Reason::packet_too_large, Reason::unspecified_error, Reason::qos_not_supported})
        CHECK_FALSE(connack_code_311(reason).has_value());
    for (int code = 1; code < 256; ++code) {
        const auto refusal = connack_code_311(static_cast<Reason>(code));
        CHECK((!refusal || (*refusal >= 1 && *refusal <= 5)));
    }
}
