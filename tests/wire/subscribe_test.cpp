// SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK on the wire, by sections 3.8 to 3.11.
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

std::string subscribe(const Body& body, Version version) {
    return verdict(decode_subscribe(0b0010, body, version));
}

std::string unsubscribe(const Body& body, Version version) {
    return verdict(decode_unsubscribe(0b0010, body, version));
}

// One filter "a" with these options.
std::string options_3(unsigned byte) {
    return subscribe(Body{0, 1}.text("a").u8(byte), Version::v3_1_1);
}

std::string options_5(unsigned byte, std::string_view filter = "a") {
    return subscribe(Body{0, 1, 0}.text(filter).u8(byte), Version::v5);
}

std::string text(const Body& body) { return std::string(as_text(body)); }

}  // namespace

TEST_CASE("a SUBSCRIBE is walked filter by filter", "[wire][subscribe]") {
    const Body body = Body{0, 9}.text("a/#").u8(1).text("b").u8(2);
    const Result<SubscribeView> view = decode_subscribe(0b0010, body, Version::v3_1_1);
    REQUIRE(view.has_value());
    CHECK(view->packet_id == 9);

    SubscribeEntries entries(*view, Version::v3_1_1);
    SubscriptionRequest requests[2];
    REQUIRE(entries.next(requests[0]));
    CHECK(requests[0].filter == "a/#");
    CHECK(requests[0].options.qos == 1);
    REQUIRE(entries.next(requests[1]));
    CHECK(requests[1].filter == "b");
    CHECK(requests[1].options.qos == 2);
    SubscriptionRequest none;
    CHECK_FALSE(entries.next(none));

    Buffer out;
    encode_subscribe(9, requests, {}, Version::v3_1_1, out);
    CHECK(as_text(out.bytes()) == "\x82\x0C" + text(body));
}

TEST_CASE("a SUBSCRIBE of 5.0 has properties and options", "[wire][subscribe][v5]") {
    const Body body = Body{0, 9}.list({0x0B, 7}).text("a").u8(0b0010'1110);
    const Result<SubscribeView> view = decode_subscribe(0b0010, body, Version::v5);
    REQUIRE(view.has_value());
    CHECK(view->properties.number(PropertyId::subscription_identifier) == 7);
    SubscriptionRequest request;
    SubscribeEntries entries(*view, Version::v5);
    REQUIRE(entries.next(request));
    CHECK(request.options.qos == 2);
    CHECK(request.options.no_local);
    CHECK(request.options.retain_as_published);
    CHECK(request.options.retain_handling == RetainHandling::do_not_send);

    Buffer out;
    encode_subscribe(9, std::span(&request, 1), view->properties, Version::v5, out);
    CHECK(as_text(out.bytes()) == "\x82\x09" + text(body));
    out.clear();
    encode_subscribe(9, std::span(&request, 1), {}, Version::v3_1_1, out);
    CHECK(as_text(out.bytes()) == text({0x82, 6, 0, 9, 0, 1, 'a', 2}));
}

TEST_CASE("MQTT5-3.8.1-1, MQTT311-3.8.1-1: the flags of a SUBSCRIBE are 0010",
          "[wire][subscribe]") {
    for (std::uint8_t flags = 0; flags < 16; ++flags) {
        const std::string expected = flags == 2 ? "ok" : "malformed packet MQTT-3.8.1-1";
        const Body v3 = Body{0, 1}.text("a").u8(0);
        const Body v5 = Body{0, 1, 0}.text("a").u8(0);
        CHECK(verdict(decode_subscribe(flags, v3, Version::v3_1_1)) == expected);
        CHECK(verdict(decode_subscribe(flags, v5, Version::v5)) == expected);
    }
}

TEST_CASE(
    "MQTT5-2.2.1-3, MQTT311-2.3.1-1: the packet identifier of SUBSCRIBE and UNSUBSCRIBE is "
    "not 0",
    "[wire][subscribe]") {
    const Body v3 = Body{0, 0}.text("a").u8(0);
    CHECK(subscribe(v3, Version::v3_1_1) == "protocol error MQTT-2.3.1-1");
    CHECK(subscribe(Body{0, 0, 0}.text("a").u8(0), Version::v5) == "protocol error MQTT-2.2.1-3");
    CHECK(unsubscribe(Body{0, 0}.text("a"), Version::v3_1_1) == "protocol error MQTT-2.3.1-1");
    CHECK(unsubscribe(Body{0, 0, 0}.text("a"), Version::v5) == "protocol error MQTT-2.2.1-3");
    CHECK(unsubscribe(Body{1, 0, 0}.text("a"), Version::v5) == "ok");
}

TEST_CASE("MQTT5-3.8.3-1, MQTT311-3.8.3-1: a filter is a string", "[wire][subscribe]") {
    const Body v3 = Body{0, 1}.text("a").u8(0).text("\xC0").u8(0);
    CHECK(subscribe(v3, Version::v3_1_1) == "malformed packet MQTT-1.5.3-1");
    CHECK(subscribe(Body{0, 1, 0}.text("\xC0").u8(0), Version::v5) ==
          "malformed packet MQTT-1.5.4-1");
    CHECK(subscribe(Body{0, 1}.text("a").u8(0).text("\xC3\xA9").u8(0), Version::v3_1_1) == "ok");
    CHECK(subscribe(Body{0, 1}.text("a").u8(0).text("b"), Version::v3_1_1) ==
          "malformed packet MQTT-2.1.4");
}

TEST_CASE("MQTT5-4.7.3-1, MQTT311-4.7.3-1: a filter has at least one character",
          "[wire][subscribe]") {
    CHECK(subscribe(Body{0, 1}.text("").u8(0), Version::v3_1_1) == "protocol error MQTT-4.7.3-1");
    CHECK(subscribe(Body{0, 1}.text("/").u8(0), Version::v3_1_1) == "ok");
    CHECK(unsubscribe(Body{0, 1}.text(""), Version::v3_1_1) == "protocol error MQTT-4.7.3-1");
    CHECK(unsubscribe(Body{0, 1}.text("/"), Version::v3_1_1) == "ok");
}

TEST_CASE("MQTT5-4.7.3-2, MQTT311-4.7.3-2: a filter does not hold U+0000", "[wire][subscribe]") {
    const std::string_view filter("a\0b", 3);
    CHECK(subscribe(Body{0, 1}.text(filter).u8(0), Version::v3_1_1) ==
          "malformed packet MQTT-1.5.3-2");
    CHECK(subscribe(Body{0, 1, 0}.text(filter).u8(0), Version::v5) ==
          "malformed packet MQTT-1.5.4-2");
    CHECK(unsubscribe(Body{0, 1, 0}.text(filter), Version::v5) == "malformed packet MQTT-1.5.4-2");
    CHECK(subscribe(Body{0, 1, 0}.text("a\1b").u8(0), Version::v5) == "ok");
}

TEST_CASE("MQTT5-4.7.3-3, MQTT311-4.7.3-3: a filter may have 65535 bytes", "[wire][subscribe]") {
    const std::string filter(65'535, 'f');
    const Body body = Body{0, 1}.text(filter).u8(0);
    const Result<SubscribeView> view = decode_subscribe(0b0010, body, Version::v3_1_1);
    REQUIRE(view.has_value());
    SubscribeEntries entries(*view, Version::v3_1_1);
    SubscriptionRequest request;
    REQUIRE(entries.next(request));
    CHECK(request.filter == filter);
}

TEST_CASE("a filter with a misplaced wildcard is for SUBACK to refuse", "[wire][subscribe]") {
    CHECK(subscribe(Body{0, 1}.text("a#").u8(0), Version::v3_1_1) == "ok");
}

TEST_CASE("MQTT5-3.8.3-2, MQTT311-3.8.3-3: a SUBSCRIBE has at least one filter",
          "[wire][subscribe]") {
    CHECK(subscribe({0, 1}, Version::v3_1_1) == "protocol error MQTT-3.8.3-3");
    CHECK(subscribe({0, 1, 0}, Version::v5) == "protocol error MQTT-3.8.3-2");
    CHECK(subscribe(Body{0, 1, 0}.text("a").u8(0), Version::v5) == "ok");
}

TEST_CASE("MQTT5-3.8.3-4: a shared subscription does not say No Local", "[wire][subscribe][v5]") {
    CHECK(options_5(0b0000'0100, "$share/g/a") == "protocol error MQTT-3.8.3-4");
    CHECK(options_5(0b0000'0000, "$share/g/a") == "ok");
    CHECK(options_5(0b0000'0100, "$shared/g/a") == "ok");
}

TEST_CASE("MQTT5-3.8.3-5: the reserved option bits are 0", "[wire][subscribe][v5]") {
    CHECK(options_5(0b0100'0000) == "malformed packet MQTT-3.8.3-5");
    CHECK(options_5(0b1000'0000) == "malformed packet MQTT-3.8.3-5");
    CHECK(options_5(0b0010'1110) == "ok");
}

TEST_CASE("MQTT5-3.8.3-5: neither the QoS nor the Retain Handling of a filter is 3",
          "[wire][subscribe][v5]") {
    CHECK(options_5(0b0000'0011) == "protocol error MQTT-3.8.3.1");
    CHECK(options_5(0b0011'0000) == "protocol error MQTT-3.8.3.1");
    CHECK(options_5(0b0010'0010) == "ok");
}

TEST_CASE("MQTT311-3.8.3-4: a filter's QoS byte is 0, 1 or 2", "[wire][subscribe]") {
    for (unsigned byte = 0; byte < 256; ++byte)
        CHECK(options_3(byte) == (byte <= 2 ? "ok" : "malformed packet MQTT-3.8.3-4"));
}

TEST_CASE("MQTT5-3.8.2.1.2: a SUBSCRIBE has one subscription identifier at most",
          "[wire][subscribe][v5]") {
    CHECK(subscribe(Body{0, 1}.list({0x0B, 1}).text("a").u8(0), Version::v5) == "ok");
    CHECK(subscribe(Body{0, 1}.list({0x0B, 1, 0x0B, 2}).text("a").u8(0), Version::v5) ==
          "protocol error MQTT-2.2.2.2");
}

TEST_CASE("MQTT5-3.9.3-2, MQTT311-3.9.3-2: a SUBACK carries listed codes only", "[wire][suback]") {
    const auto suback = [](const Body& body, Version version) {
        return verdict(decode_suback(0, body, version));
    };
    int listed_3 = 0;
    int listed_5 = 0;
    for (int code = 0; code < 256; ++code) {
        listed_3 += suback({0, 1, code}, Version::v3_1_1) == "ok";
        listed_5 += suback({0, 1, 0, code}, Version::v5) == "ok";
    }
    CHECK(listed_3 == 4);
    CHECK(listed_5 == 12);
    CHECK(suback({0, 1, 0, 0x87}, Version::v3_1_1) == "protocol error MQTT-3.9.3-2");
    CHECK(suback({0, 1, 0, 1, 0x87}, Version::v5) == "ok");
    CHECK(suback({0, 1}, Version::v3_1_1) == "protocol error MQTT-3.8.4-5");
    CHECK(suback({0, 1, 0}, Version::v5) == "protocol error MQTT-3.8.4-6");
    CHECK(suback({0, 0, 0}, Version::v3_1_1) == "protocol error MQTT-2.3.1-1");
}

TEST_CASE("MQTT5-3.9.3-1, MQTT311-3.9.3-1: a SUBACK keeps the order of its codes",
          "[wire][suback]") {
    const Body body{0, 9, 2, 0x80, 0};
    const Result<SubackView> view = decode_suback(0, body, Version::v3_1_1);
    REQUIRE(view.has_value());
    CHECK(view->packet_id == 9);
    CHECK(as_text(view->codes) == std::string_view("\2\x80\0", 3));
    Buffer out;
    encode_suback(*view, Version::v3_1_1, out);
    encode_suback(*view, Version::v5, out);
    CHECK(as_text(out.bytes()) == text({0x90, 5, 0, 9, 2, 0x80, 0, 0x90, 6, 0, 9, 0, 2, 0x80, 0}));
}

TEST_CASE("an UNSUBSCRIBE is walked filter by filter", "[wire][unsubscribe]") {
    const Body body = Body{0, 9}.text("a/#").text("b");
    const Result<UnsubscribeView> view = decode_unsubscribe(0b0010, body, Version::v3_1_1);
    REQUIRE(view.has_value());
    CHECK(view->packet_id == 9);
    UnsubscribeEntries entries(*view);
    std::string_view filters[2];
    REQUIRE(entries.next(filters[0]));
    REQUIRE(entries.next(filters[1]));
    CHECK(filters[0] == "a/#");
    CHECK(filters[1] == "b");
    std::string_view none;
    CHECK_FALSE(entries.next(none));
    Buffer out;
    encode_unsubscribe(9, filters, {}, Version::v3_1_1, out);
    CHECK(as_text(out.bytes()) == "\xA2\x0A" + text(body));
}

TEST_CASE("MQTT5-3.10.1-1, MQTT311-3.10.1-1: the flags of an UNSUBSCRIBE are 0010",
          "[wire][unsubscribe]") {
    for (std::uint8_t flags = 0; flags < 16; ++flags) {
        const std::string expected = flags == 2 ? "ok" : "malformed packet MQTT-3.10.1-1";
        CHECK(verdict(decode_unsubscribe(flags, Body{0, 1}.text("a"), Version::v3_1_1)) ==
              expected);
        CHECK(verdict(decode_unsubscribe(flags, Body{0, 1, 0}.text("a"), Version::v5)) == expected);
    }
}

TEST_CASE("MQTT5-3.10.3-1, MQTT311-3.10.3-1: a filter to be removed is a string",
          "[wire][unsubscribe]") {
    CHECK(unsubscribe(Body{0, 1}.text("\xC0"), Version::v3_1_1) == "malformed packet MQTT-1.5.3-1");
    CHECK(unsubscribe(Body{0, 1, 0}.text("\xC0"), Version::v5) == "malformed packet MQTT-1.5.4-1");
}

TEST_CASE("MQTT5-3.10.3-2, MQTT311-3.10.3-2: an UNSUBSCRIBE has at least one filter",
          "[wire][unsubscribe]") {
    CHECK(unsubscribe({0, 1}, Version::v3_1_1) == "protocol error MQTT-3.10.3-2");
    CHECK(unsubscribe({0, 1, 0}, Version::v5) == "protocol error MQTT-3.10.3-2");
}

TEST_CASE("MQTT5-3.11.3-1, MQTT5-3.11.3-2: an UNSUBACK of 5.0 carries listed codes",
          "[wire][unsuback][v5]") {
    const auto unsuback = [](const Body& body) {
        return verdict(decode_unsuback(0, body, Version::v5));
    };
    int listed = 0;
    for (int code = 0; code < 256; ++code) listed += unsuback({0, 1, 0, code}) == "ok";
    CHECK(listed == 7);
    CHECK(unsuback({0, 1, 0, 0x11, 0x01}) == "protocol error MQTT-3.11.3-2");
    CHECK(unsuback({0, 1, 0, 0x11, 0x00}) == "ok");
    CHECK(unsuback({0, 1, 0}) == "protocol error MQTT-3.11.3-1");
}

TEST_CASE("an UNSUBACK of 3.1.1 has no payload", "[wire][unsuback]") {
    CHECK(verdict(decode_unsuback(0, Body{0, 1}, Version::v3_1_1)) == "ok");
    CHECK(verdict(decode_unsuback(0, Body{0, 1, 0}, Version::v3_1_1)) ==
          "malformed packet MQTT-2.1.4");
    const std::uint8_t codes[] = {0, 0x11};
    Buffer out;
    encode_unsuback({9, {}, codes}, Version::v3_1_1, out);
    encode_unsuback({9, {}, codes}, Version::v5, out);
    CHECK(as_text(out.bytes()) == text({0xB0, 2, 0, 9, 0xB0, 5, 0, 9, 0, 0, 0x11}));
}

TEST_CASE("MQTT5-2.1.3-1, MQTT311-2.2.2-2: the flags of SUBACK and UNSUBACK are 0",
          "[wire][suback][unsuback]") {
    for (std::uint8_t flags = 1; flags < 16; ++flags) {
        CHECK(verdict(decode_suback(flags, Body{0, 1, 0}, Version::v3_1_1)) ==
              "malformed packet MQTT-2.2.2-2");
        CHECK(verdict(decode_unsuback(flags, Body{0, 1, 0, 0}, Version::v5)) ==
              "malformed packet MQTT-2.1.3-1");
    }
}
