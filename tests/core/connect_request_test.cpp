// ConnectRequest: a CONNECT on its way to its home shard, and the refusals that need no session.
#include "broker/core/connect_request.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "broker/wire/encode.hpp"
#include "broker/wire/framer.hpp"
#include "tests/support/body.hpp"
#include "tests/support/exact_bytes.hpp"
#include "tests/support/verdict.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using drawbridge::test::Body;
using drawbridge::test::ExactBytes;
using drawbridge::test::verdict;
using wire::ConnectView;
using wire::PropertyId;
using wire::Version;

namespace {

// Reads a request whose bytes are gone when it is used.
Result<std::unique_ptr<ConnectRequest>> request_for(const ConnectView& connect,
                                                    std::size_t cut = 0) {
    Buffer packet;
    wire::encode(connect, packet);
    wire::Frame frame;
    REQUIRE(wire::cut_frame(packet.bytes(), packet.size(), frame) == wire::Cut::complete);
    const ExactBytes body(frame.body.first(frame.body.size() - cut));
    return ConnectRequest::read(frame.flags, body.bytes());
}

std::string refusal(Version version, Reason reason) {
    Buffer out;
    append_refusal(version, reason, out);
    return std::string(as_text(out.bytes()));
}

ConnectView connect_of(Version version, std::string_view client_id, bool clean_start) {
    ConnectView connect;
    connect.version = version;
    connect.client_id = client_id;
    connect.clean_start = clean_start;
    return connect;
}

}  // namespace

TEST_CASE("a request holds what CONNECT said, after the packet is gone", "[core][connect]") {
    wire::PropertyWriter properties;
    properties.number(PropertyId::session_expiry_interval, 60).user("name", "value");
    ConnectView connect = connect_of(Version::v5, "a client id", false);
    connect.keep_alive_s = 30;
    connect.username = "user";
    connect.password = as_bytes("secret");
    connect.properties = properties.list();
    connect.will.emplace();
    connect.will->topic = "will/topic";
    connect.will->payload = as_bytes("gone");
    const auto request = request_for(connect);
    REQUIRE(verdict(request) == "ok");

    const std::unique_ptr<ConnectRequest>& kept = *request;
    CHECK(kept->client_id == "a client id");
    CHECK_FALSE(kept->client_id_assigned);
    CHECK(kept->identity == nullptr);
    CHECK(kept->view().client_id == "a client id");
    CHECK(kept->view().keep_alive_s == 30);
    CHECK_FALSE(kept->view().clean_start);
    CHECK(kept->view().username == "user");
    CHECK(as_text(*kept->view().password) == "secret");
    CHECK(kept->view().properties.number(PropertyId::session_expiry_interval) == 60u);
    REQUIRE(kept->view().will.has_value());
    CHECK(kept->view().will->topic == "will/topic");
    CHECK(as_text(kept->view().will->payload) == "gone");
}

TEST_CASE("a CONNECT that breaks a rule is no request", "[core][connect]") {
    const ConnectView connect = connect_of(Version::v3_1_1, "client", true);
    CHECK(request_for(connect).has_value());
    CHECK(request_for(connect, 1).has_error());
    CHECK(ConnectRequest::read(0, {}).has_error());
}

TEST_CASE("credentials are what the stranger has shown, and what it has not is missing",
          "[core][connect]") {
    ConnectView connect = connect_of(Version::v5, "client", true);
    {
        const auto request = request_for(connect);
        const Credentials bare = (*request)->credentials("192.0.2.7:50123");
        CHECK(bare.client_id == "client");
        CHECK(bare.address == "192.0.2.7:50123");
        CHECK_FALSE(bare.username.has_value());
        CHECK_FALSE(bare.password.has_value());
    }
    connect.username = "";
    connect.password = as_bytes(std::string_view("\0x", 2));
    const auto request = request_for(connect);
    const Credentials shown = (*request)->credentials("");
    CHECK(shown.username == "");
    CHECK(shown.password == std::string("\0x", 2));
}

TEST_CASE("credentials name the client id that was assigned", "[core][connect]") {
    const auto request = request_for(connect_of(Version::v5, "", true));
    (*request)->client_id = "auto-1";
    CHECK((*request)->credentials("").client_id == "auto-1");
}

TEST_CASE("MQTT311-3.1.3-8: an empty client id needs CleanSession 1, and is none in 3.1",
          "[core][connect]") {
    CHECK(refuse_early(connect_of(Version::v3_1_1, "", false)) ==
          Reason::client_identifier_not_valid);
    CHECK(refuse_early(connect_of(Version::v3_1_1, "", true)) == Reason::success);
    CHECK(refuse_early(connect_of(Version::v3_1_1, "a", false)) == Reason::success);
    CHECK(refuse_early(connect_of(Version::v3_1, "", false)) ==
          Reason::client_identifier_not_valid);
}

TEST_CASE("MQTT5-3.1.3-6: in 5.0 a client id may be empty with either Clean Start",
          "[core][connect][v5]") {
    CHECK(refuse_early(connect_of(Version::v5, "", false)) == Reason::success);
    CHECK(refuse_early(connect_of(Version::v5, "", true)) == Reason::success);
}

TEST_CASE("MQTT5-4.12.0-1: an authentication method is refused", "[core][connect][v5]") {
    wire::PropertyWriter properties;
    properties.text(PropertyId::authentication_method, "SCRAM-SHA-256");
    ConnectView connect = connect_of(Version::v5, "a", true);
    CHECK(refuse_early(connect) == Reason::success);
    connect.properties = properties.list();
    CHECK(refuse_early(connect) == Reason::bad_authentication_method);
}

TEST_CASE(
    "MQTT5-3.2.2-6, MQTT5-3.2.2-8, MQTT311-3.2.2-4, MQTT311-3.2.2-6: a refusal is a CONNACK "
    "without "
    "Session Present, in the words of the version",
    "[core][connect]") {
    const std::pair<Reason, char> codes[] = {
        {Reason::unsupported_protocol_version, 1},
        {Reason::client_identifier_not_valid, 2},
        {Reason::server_unavailable, 3},
        {Reason::server_busy, 3},
        {Reason::quota_exceeded, 3},
        {Reason::bad_user_name_or_password, 4},
        {Reason::bad_authentication_method, 4},
        {Reason::not_authorized, 5},
        {Reason::banned, 5},
    };
    for (const auto& [reason, code] : codes) {
        INFO(to_text(reason));
        CHECK(refusal(Version::v3_1_1, reason) == std::string("\x20\x02\0", 3) + code);
        CHECK(refusal(Version::v3_1, reason) == std::string("\x20\x02\0", 3) + code);
        CHECK(refusal(Version::v5, reason) ==
              std::string("\x20\x03\0", 3) + static_cast<char>(reason) + '\0');
    }
}

TEST_CASE("MQTT311-3.2.2-6: where none of the codes of 3.1.1 fits there is no CONNACK",
          "[core][connect]") {
    CHECK(refusal(Version::v3_1_1, Reason::unspecified_error).empty());
    CHECK(refusal(Version::v3_1, Reason::unspecified_error).empty());
    CHECK_FALSE(refusal(Version::v5, Reason::unspecified_error).empty());
}

namespace {

// The version in which a CONNECT of these bytes is answered; REQUIREs that it breaks a rule.
std::optional<Version> answer_to(const Body& body, std::uint8_t flags = 0) {
    const auto request = ConnectRequest::read(flags, body);
    REQUIRE(request.has_error());
    return answerable(body, request.error());
}

// Up to the client id, which is not UTF-8.
Body malformed(std::string_view name, unsigned level) {
    Body body = Body().text(name).u8(level).u8(2).u16(0);
    if (level == 5) body.u8(0);
    return body.text("\xC3");
}

Body sound(std::string_view name, unsigned level) {
    return Body().text(name).u8(level).u8(2).u16(0).text("id");
}

}  // namespace

TEST_CASE("MQTT311-3.1.4-1, MQTT5-3.1.4-1: a malformed CONNECT gets a CONNACK in 5.0 only",
          "[core][connect]") {
    CHECK(answer_to(malformed("MQTT", 5)) == Version::v5);
    CHECK(answer_to(malformed("MQTT", 4)) == std::nullopt);
    CHECK(answer_to(malformed("MQIsdp", 3)) == std::nullopt);
    CHECK(answer_to(sound("MQTT", 4), 1) == std::nullopt);
    CHECK(answer_to(Body().text("MQTT")) == std::nullopt);
    CHECK(answer_to(Body()) == std::nullopt);
}

TEST_CASE("MQTT311-3.1.2-2, MQTT5-3.1.2-2: a version that is not known is told so",
          "[core][connect]") {
    for (const unsigned level : {0u, 3u}) CHECK(answer_to(sound("MQTT", level)) == Version::v3_1_1);
    for (const unsigned level : {6u, 255u}) CHECK(answer_to(sound("MQTT", level)) == Version::v5);
}

TEST_CASE("MQTT31: a version that is not known is told so in the words of 3.1", "[core][connect]") {
    for (const unsigned level : {2u, 4u, 5u, 255u})
        CHECK(answer_to(sound("MQIsdp", level)) == Version::v3_1_1);
}

TEST_CASE("MQTT5-3.1.2-1, MQTT311-3.1.2-1: who speaks another protocol gets no CONNACK",
          "[core][connect]") {
    for (const unsigned level : {3u, 4u, 5u}) {
        CHECK(answer_to(sound("HTTP", level)) == std::nullopt);
        CHECK(answer_to(sound("mqtt", level)) == std::nullopt);
        CHECK(answer_to(sound("MQ\xC3\x28", level)) == std::nullopt);
    }
}

TEST_CASE("a refusal comes behind what is in the output already", "[core][connect]") {
    Buffer out;
    out.append(as_bytes("before"));
    append_refusal(Version::v3_1_1, Reason::not_authorized, out);
    CHECK(as_text(out.bytes()) == std::string("before\x20\x02\0\x05", 10));
}
