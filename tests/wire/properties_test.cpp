// Properties, by section 2.2.2 of MQTT 5.0.
// Method: hand-written lists against check_properties; the table of the standard is written down
// here a second time, in the test's own way, and compared with every id in every packet.
#include "broker/wire/properties.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/read_properties.hpp"
#include "tests/support/body.hpp"
#include "tests/support/packet_samples.hpp"
#include "tests/support/verdict.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;
using drawbridge::test::Body;
using drawbridge::test::verdict;

namespace {

std::string check(Bytes list, PacketType packet) {
    return verdict(check_properties(list, only(packet)));
}

std::string check_will(Bytes list) { return verdict(check_properties(list, will_properties)); }

// Type n's letter stands at n: will, CONNECT, connacK, Publish, puback (1), pubrec (2), pubrel (3),
// pubcomp (4), Subscribe, suback (a), Unsubscribe, unsuback (b), two pings without, Disconnect,
// auth.
constexpr std::string_view letters = "wckp1234saub--dA";

struct StandardRow {
    int id;
    std::string_view packets;
    Body value;
    bool repeats = false;
};

// Section 2.2.2.2, table 2-4.
std::vector<StandardRow> standard_table() {
    const Body text = Body().text("t");
    return {
        {0x01, "pw", {1}},
        {0x02, "pw", {0, 0, 0, 9}},
        {0x03, "pw", text},
        {0x08, "pw", text},
        {0x09, "pw", text},
        {0x0B, "ps", {0x80, 0x01}},
        {0x11, "ckd", {0, 0, 0, 9}},
        {0x12, "k", text},
        {0x13, "k", {0, 9}},
        {0x15, "ckA", text},
        {0x16, "ckA", text},
        {0x17, "c", {1}},
        {0x18, "w", {0, 0, 0, 9}},
        {0x19, "c", {1}},
        {0x1A, "k", text},
        {0x1C, "kd", text},
        {0x1F, "k1234abdA", text},
        {0x21, "ck", {0, 9}},
        {0x22, "ck", {0, 9}},
        {0x23, "p", {0, 9}},
        {0x24, "k", {1}},
        {0x25, "k", {1}},
        {0x26, "wckp1234saubdA", Body().text("n").text("v"), true},
        {0x27, "ck", {0, 0, 0, 9}},
        {0x28, "k", {1}},
        {0x29, "k", {1}},
        {0x2A, "k", {1}},
    };
}

Body property(int id, const Body& value) {
    Body bytes{id};
    for (const std::uint8_t byte : Bytes(value)) bytes.u8(byte);
    return bytes;
}

Body joined(const Body& a, const Body& b) {
    Body bytes = a;
    for (const std::uint8_t byte : Bytes(b)) bytes.u8(byte);
    return bytes;
}

}  // namespace

TEST_CASE("MQTT5-2.2.2.2: a property stands only in the packets of the table",
          "[wire][properties]") {
    int rows = 0;
    for (const StandardRow& row : standard_table()) {
        ++rows;
        for (unsigned type = 0; type < letters.size(); ++type) {
            // Authentication data needs its method beside it, which the next test looks at.
            Body list = property(row.id, row.value);
            const bool is_data = row.id == 0x16;
            const bool allowed = row.packets.find(letters[type]) != std::string_view::npos;
            if (is_data && allowed) list = joined(list, property(0x15, Body().text("m")));
            INFO("property " << row.id << " in " << letters[type]);
            const auto packet = static_cast<PacketSet>(1u << type);
            CHECK(verdict(check_properties(list, packet)) ==
                  (allowed ? "ok" : "malformed packet MQTT-2.2.2.2"));
        }
    }
    CHECK(rows == 27);
}

TEST_CASE("MQTT5-2.2.2.2: a property that may stand once does not stand twice",
          "[wire][properties]") {
    for (const StandardRow& row : standard_table()) {
        for (unsigned type = 0; type < letters.size(); ++type) {
            if (row.packets.find(letters[type]) == std::string_view::npos) continue;
            Body list = joined(property(row.id, row.value), property(row.id, row.value));
            if (row.id == 0x16) list = joined(list, property(0x15, Body().text("m")));
            const bool several_ids = row.id == 0x0B && letters[type] == 'p';
            INFO("property " << row.id << " in " << letters[type]);
            const auto packet = static_cast<PacketSet>(1u << type);
            CHECK(verdict(check_properties(list, packet)) ==
                  (row.repeats || several_ids ? "ok" : "protocol error MQTT-2.2.2.2"));
        }
    }
}

TEST_CASE("MQTT5-2.2.2.2: an unknown property is malformed, in any packet", "[wire][properties]") {
    const auto table = standard_table();
    for (int id = 0; id < 256; ++id) {
        const bool known = std::any_of(table.begin(), table.end(),
                                       [id](const StandardRow& row) { return row.id == id; });
        if (known) continue;
        for (unsigned type = 0; type < letters.size(); ++type)
            CHECK(verdict(
                      check_properties(Body{id, 0, 0, 0, 0}, static_cast<PacketSet>(1u << type))) ==
                  "malformed packet MQTT-2.2.2.2");
    }
}

TEST_CASE("MQTT5-3.1.2.11: a value outside its range is a protocol error", "[wire][properties]") {
    const PacketType connect = PacketType::connect;
    const PacketType connack = PacketType::connack;
    CHECK(check(Body{0x21, 0, 0}, connect) == "protocol error MQTT-3.1.2.11.3");
    CHECK(check(Body{0x21, 0, 1}, connect) == "ok");
    CHECK(check(Body{0x27, 0, 0, 0, 0}, connect) == "protocol error MQTT-3.1.2.11.4");
    CHECK(check(Body{0x27, 0, 0, 0, 1}, connect) == "ok");
    CHECK(check(Body{0x22, 0, 0}, connect) == "ok");
    CHECK(check(Body{0x19, 2}, connect) == "protocol error MQTT-3.1.2.11.6");
    CHECK(check(Body{0x19, 0}, connect) == "ok");
    CHECK(check(Body{0x17, 2}, connect) == "protocol error MQTT-3.1.2.11.7");
    CHECK(check(Body{0x17, 0}, connect) == "ok");
    CHECK(check(Body{0x24, 2}, connack) == "protocol error MQTT-3.2.2.3.4");
    CHECK(check(Body{0x24, 0}, connack) == "ok");
    CHECK(check(Body{0x25, 2}, connack) == "protocol error MQTT-3.2.2.3.5");
    CHECK(check(Body{0x28, 2}, connack) == "protocol error MQTT-3.2.2.3.11");
    CHECK(check(Body{0x29, 2}, connack) == "protocol error MQTT-3.2.2.3.12");
    CHECK(check(Body{0x2A, 2}, connack) == "protocol error MQTT-3.2.2.3.13");
    CHECK(check(Body{0x2A, 0}, connack) == "ok");
    CHECK(check(Body{0x01, 2}, PacketType::publish) == "protocol error MQTT-3.3.2.3.2");
    CHECK(check(Body{0x01, 0}, PacketType::publish) == "ok");
    CHECK(check_will(Body{0x01, 2}) == "protocol error MQTT-3.3.2.3.2");
}

TEST_CASE("MQTT5-3.8.2.1.2: a subscription identifier is not 0 and has no more than four bytes",
          "[wire][properties]") {
    const PacketType subscribe = PacketType::subscribe;
    CHECK(check(Body{0x0B, 0}, subscribe) == "protocol error MQTT-3.8.2.1.2");
    CHECK(check(Body{0x0B, 1}, subscribe) == "ok");
    CHECK(check(Body{0x0B, 0xFF, 0xFF, 0xFF, 0x7F}, subscribe) == "ok");
    CHECK(check(Body{0x0B, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, subscribe) ==
          "malformed packet MQTT-1.5.5");
}

TEST_CASE("MQTT5-3.3.2-8: a topic alias is not 0", "[wire][properties]") {
    CHECK(check(Body{0x23, 0, 0}, PacketType::publish) == "topic alias invalid MQTT-3.3.2-8");
    CHECK(check(Body{0x23, 0, 1}, PacketType::publish) == "ok");
}

TEST_CASE("MQTT5-3.3.2-13, MQTT5-3.3.2-14: a response topic is a topic name",
          "[wire][properties]") {
    const auto response = [](std::string_view topic) {
        return check(Body{0x08}.text(topic), PacketType::publish);
    };
    CHECK(response("a/b") == "ok");
    CHECK(response("a/+") == "protocol error MQTT-3.3.2-14");
    CHECK(response("#") == "protocol error MQTT-3.3.2-14");
    CHECK(response("") == "protocol error MQTT-3.3.2-14");  // nor empty (MQTT5-4.7.3-1)
    CHECK(response("/") == "ok");
    CHECK(response("a\xFF") == "malformed packet MQTT-1.5.4-1");
    CHECK(check_will(Body{0x08}.text("a/+")) == "protocol error MQTT-3.3.2-14");
}

TEST_CASE("MQTT5-3.3.2-19: a content type is a string", "[wire][properties]") {
    CHECK(check(Body{0x03}.text("text/plain"), PacketType::publish) == "ok");
    CHECK(check(Body{0x03}.text("text\x80"), PacketType::publish) ==
          "malformed packet MQTT-1.5.4-1");
}

TEST_CASE("MQTT5-1.5.7-1: both halves of a string pair are strings", "[wire][properties]") {
    const auto user = [](std::string_view name, std::string_view value) {
        return check(Body{0x26}.text(name).text(value), PacketType::publish);
    };
    CHECK(user("n", "v") == "ok");
    CHECK(user("", "") == "ok");
    CHECK(user("\xC0", "v") == "malformed packet MQTT-1.5.4-1");
    CHECK(user("n", "\xC0") == "malformed packet MQTT-1.5.4-1");
    CHECK(user("n", std::string_view("\0", 1)) == "malformed packet MQTT-1.5.4-2");
}

TEST_CASE("binary data is not held to the rules for strings", "[wire][properties]") {
    CHECK(check(Body{0x09, 0, 2, 0x00, 0xFF}, PacketType::publish) == "ok");
}

TEST_CASE("MQTT5-3.1.2.11: authentication data comes with a method", "[wire][properties]") {
    for (const PacketType packet : {PacketType::connect, PacketType::connack, PacketType::auth}) {
        CHECK(check(Body{0x16, 0, 1, 'd'}, packet) == "protocol error MQTT-3.1.2.11.10");
        CHECK(check(Body{0x16, 0, 1, 'd', 0x15, 0, 1, 'm'}, packet) == "ok");
        CHECK(check(Body{0x15, 0, 1, 'm'}, packet) == "ok");
    }
}

TEST_CASE("MQTT5-2.2.2-1: a list without properties is one zero byte", "[wire][properties]") {
    CHECK(decode_publish(0, Body{0, 1, 't', 0}, Version::v5)->properties.empty());
    CHECK(decode_publish(0, Body{0, 1, 't'}, Version::v5).has_error());

    PublishView publish;
    publish.topic = "t";
    SubackView suback;
    suback.packet_id = 9;
    const Body granted{0};
    suback.codes = granted;
    Buffer out;
    encode(ConnackView{}, Version::v5, out);
    encode(publish, Version::v5, out);
    encode_suback(suback, Version::v5, out);
    encode_unsuback(suback, Version::v5, out);
    CHECK(as_text(out.bytes()) == as_text(Body{0x20, 3, 0, 0, 0,       //
                                               0x30, 4, 0, 1, 't', 0,  //
                                               0x90, 4, 0, 9, 0,   0,  //
                                               0xB0, 4, 0, 9, 0,   0}));
}

TEST_CASE("a property list ends where its length says", "[wire][properties]") {
    const auto publish = [](const Body& rest) {
        Body body{0, 1, 't'};
        return verdict(decode_publish(0, joined(body, rest), Version::v5));
    };
    CHECK(publish({2, 0x01, 1}) == "ok");
    CHECK(publish({2, 0x01, 1, 'p', 'a', 'y'}) == "ok");
    CHECK(publish({3, 0x01, 1}) == "malformed packet MQTT-2.1.4");
    CHECK(publish({1, 0x01, 1}) == "malformed packet MQTT-2.1.4");
    CHECK(publish({0x80, 0x00}) == "malformed packet MQTT-1.5.5-1");
}

TEST_CASE("what a writer wrote is read back, in order", "[wire][properties]") {
    PropertyWriter writer;
    writer.number(PropertyId::payload_format_indicator, 1)
        .number(PropertyId::topic_alias, 0xABCD)
        .number(PropertyId::message_expiry_interval, 0x01020304)
        .number(PropertyId::subscription_identifier, 268'435'455)
        .text(PropertyId::content_type, "text/plain")
        .user("b", "1")
        .text(PropertyId::correlation_data, std::string_view("\0\1", 2))
        .user("a", "2");
    const PropertyList list = writer.list();
    CHECK(check(list.bytes(), PacketType::publish) == "ok");

    CHECK(list.number(PropertyId::payload_format_indicator) == 1);
    CHECK(list.number(PropertyId::topic_alias) == 0xABCD);
    CHECK(list.number(PropertyId::message_expiry_interval) == 0x01020304);
    CHECK(list.number(PropertyId::subscription_identifier) == 268'435'455);
    CHECK(list.text(PropertyId::content_type) == "text/plain");
    CHECK(list.text(PropertyId::correlation_data) == std::string_view("\0\1", 2));
    CHECK(list.has(PropertyId::user_property));
    CHECK_FALSE(list.has(PropertyId::response_topic));
    CHECK_FALSE(list.number(PropertyId::receive_maximum).has_value());
    CHECK_FALSE(list.text(PropertyId::response_topic).has_value());

    std::string users;
    PropertyWriter copied;
    for (const Property& property : list) {
        if (property.id == PropertyId::user_property)
            users.append(property.text).append("=").append(property.value).append(" ");
        copied.raw(property.raw);
    }
    CHECK(users == "b=1 a=2 ");
    CHECK(as_text(copied.list().bytes()) == as_text(list.bytes()));

    writer.clear();
    CHECK(writer.list().empty());
}

TEST_CASE("an empty list has nothing to walk", "[wire][properties]") {
    const PropertyList list;
    CHECK(list.empty());
    CHECK_FALSE(list.begin() != list.end());
    CHECK_FALSE(list.has(PropertyId::user_property));
}
