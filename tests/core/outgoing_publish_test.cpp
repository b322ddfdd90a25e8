// OutgoingPublish: one message on its way to its receivers, in the form that each of them needs.
// Method: what was appended is decoded again with wire::decode_publish.
#include "broker/core/outgoing_publish.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "broker/base/limits.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/framer.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using wire::PropertyId;
using wire::PublishMarks;
using wire::Version;

namespace {

const TimePoint now{seconds(1'000)};

std::string sent(const Output& output) {
    std::array<Bytes, 16> pieces;
    std::string text;
    for (std::size_t left = output.peek(pieces), i = 0; i < left; ++i) text += as_text(pieces[i]);
    return text;
}

// Decodes the one PUBLISH in output. The view points into packet.
wire::PublishView decoded(const Output& output, Version version, std::string& packet) {
    packet = sent(output);
    wire::Frame frame;
    REQUIRE(wire::cut_frame(as_bytes(packet), packet.size(), frame) == wire::Cut::complete);
    REQUIRE(frame.size == packet.size());
    REQUIRE(frame.type == wire::PacketType::publish);
    const auto publish = wire::decode_publish(frame.flags, frame.body, version);
    REQUIRE(publish.has_value());
    return *publish;
}

std::vector<std::uint32_t> subscription_ids_in(const wire::PublishView& publish) {
    std::vector<std::uint32_t> ids;
    for (const wire::Property& property : publish.properties)
        if (property.id == PropertyId::subscription_identifier) ids.push_back(property.number);
    return ids;
}

std::optional<std::uint32_t> expiry_sent(TimePoint expires_at, TimePoint when) {
    MessageView message;
    message.topic = "t";
    message.expires_at = expires_at;
    OutgoingPublish publish(message, when, 1);
    Output output;
    publish.append_to(output, Version::v5, {}, {});
    std::string packet;
    return decoded(output, Version::v5, packet)
        .properties.number(PropertyId::message_expiry_interval);
}

}  // namespace

TEST_CASE("each form of a PUBLISH says the same message", "[core][publish]") {
    const std::size_t receivers = GENERATE(1u, 2u);
    const std::size_t payload_bytes = GENERATE(0u, 5u, 200u, 8'191u, 8'192u, 100'000u);
    INFO(receivers << " receivers, " << payload_bytes << " bytes");
    const std::string payload(payload_bytes, 'p');
    wire::PropertyWriter properties;
    properties.user("name", "value").number(PropertyId::payload_format_indicator, 1);
    MessageView message;
    message.topic = "sport/tennis";
    message.payload = as_bytes(payload);
    message.properties = properties.list().bytes();
    OutgoingPublish publish(message, now, receivers);

    const std::uint32_t some_ids[] = {1, 268'435'455, 300};
    for (int round = 0; round < 2; ++round) {  // the second time from the remembered form
        for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
            for (std::uint8_t qos = 0; qos <= 2; ++qos) {
                for (const bool with_ids : {false, true}) {
                    if (with_ids && version != Version::v5) continue;
                    const std::span<const std::uint32_t> ids =
                        with_ids ? some_ids : std::span<const std::uint32_t>{};
                    PublishMarks marks;
                    marks.qos = qos;
                    marks.packet_id = qos > 0 ? static_cast<std::uint16_t>(0x1234 + round) : 0;
                    marks.retain = round == 1;
                    marks.dup = qos > 0 && round == 0;
                    Output output;
                    publish.append_to(output, version, marks, ids);
                    CHECK(output.size() == publish.packet_bytes(version, marks, ids));

                    std::string packet;
                    const wire::PublishView got = decoded(output, version, packet);
                    CHECK(got.topic == message.topic);
                    CHECK(as_text(got.payload) == payload);
                    CHECK(got.qos == qos);
                    CHECK(got.packet_id == marks.packet_id);
                    CHECK(got.retain == marks.retain);
                    CHECK(got.dup == marks.dup);
                    CHECK(got.properties.empty() == (version != Version::v5));
                    if (version != Version::v5) continue;
                    CHECK(as_text(got.properties.bytes())
                              .starts_with(as_text(properties.list().bytes())));
                    CHECK(subscription_ids_in(got) ==
                          std::vector<std::uint32_t>(ids.begin(), ids.end()));
                }
            }
        }
    }
}

TEST_CASE("packets to several receivers do not touch each other's marks", "[core][publish]") {
    MessageView message;
    message.topic = "t";
    OutgoingPublish publish(message, now, 100);
    std::vector<Output> outputs(100);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        PublishMarks marks;
        marks.qos = static_cast<std::uint8_t>(i % 3);
        marks.packet_id = marks.qos > 0 ? static_cast<std::uint16_t>(i + 1) : 0;
        publish.append_to(outputs[i], Version::v3_1_1, marks, {});
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        std::string packet;
        const wire::PublishView got = decoded(outputs[i], Version::v3_1_1, packet);
        CHECK(got.qos == i % 3);
        CHECK(got.packet_id == (i % 3 > 0 ? i + 1 : 0));
    }
}

TEST_CASE("MQTT5-3.3.2-6: the expiry sent is what is left of it, rounded up",
          "[core][publish][v5]") {
    CHECK(expiry_sent(now + seconds(60), now) == 60u);
    CHECK(expiry_sent(now + seconds(60), now + seconds(1)) == 59u);
    CHECK(expiry_sent(now + seconds(60), now + milliseconds(1)) == 60u);
    CHECK(expiry_sent(now + seconds(60), now + milliseconds(1'001)) == 59u);
    CHECK(expiry_sent(now + seconds(60), now + milliseconds(59'999)) == 1u);
    CHECK(expiry_sent(now + seconds(60), now + seconds(60)) == 0u);
    CHECK(expiry_sent(now + seconds(60), now + seconds(61)) == 0u);
    CHECK(expiry_sent(now + seconds(UINT32_MAX), now) == UINT32_MAX);
    CHECK_FALSE(expiry_sent(TimePoint::max(), now).has_value());
}

TEST_CASE("MQTT5-3.3.2-6: the expiry sent is not longer than the one received",
          "[core][publish][v5]") {
    const milliseconds earlier(3);  // the shard that sends began its turn so long before
    CHECK(expiry_sent(now + seconds(60), now - earlier) == 60u);
    CHECK(expiry_sent(now + seconds(1), now - earlier) == 1u);
    CHECK(expiry_sent(now + seconds(UINT32_MAX), now - earlier) == UINT32_MAX);
}

TEST_CASE("the expiry stands in every packet of 5.0 and in none of 3.1.1", "[core][publish][v5]") {
    MessageView message;
    message.topic = "t";
    message.expires_at = now + seconds(5);
    const std::uint32_t id = 7;
    for (const std::size_t receivers : {1u, 3u}) {
        for (const std::span<const std::uint32_t> ids : {{}, std::span(&id, 1)}) {
            OutgoingPublish publish(message, now, receivers);
            Output output;
            publish.append_to(output, Version::v5, {}, ids);
            std::string packet;
            CHECK(decoded(output, Version::v5, packet)
                      .properties.number(PropertyId::message_expiry_interval) == 5u);
        }
    }
    OutgoingPublish publish(message, now, 1);
    Output output;
    publish.append_to(output, Version::v3_1_1, {}, {});
    CHECK(sent(output) == std::string("\x30\x03\0\1t", 5));
}

TEST_CASE("a large payload is shared by all outputs, a small one is copied into each",
          "[core][publish]") {
    for (const std::size_t receivers : {1u, 2u}) {
        const std::string large(limits::shared_payload_bytes_min, 'p');
        MessageView message;
        message.topic = "t";
        message.payload = as_bytes(large);
        OutgoingPublish publish(message, now, receivers);
        Output first;
        Output second;
        publish.append_to(first, Version::v5, {}, {});
        publish.append_to(second, Version::v3_1_1, {}, {});
        const std::uint8_t* const kept = publish.message()->view().payload.data();
        for (const Output* output : {&first, &second}) {
            std::array<Bytes, 3> pieces;
            REQUIRE(output->peek(pieces) == 2);
            CHECK(pieces[1].data() == kept);
            CHECK(pieces[1].size() == large.size());
        }

        message.payload = message.payload.first(large.size() - 1);
        OutgoingPublish small(message, now, receivers);
        Output third;
        small.append_to(third, Version::v5, {}, {});
        std::array<Bytes, 3> pieces;
        CHECK(third.peek(pieces) == 1);
    }
}

TEST_CASE("the copy that waits is made once, and a message that is kept already is not copied",
          "[core][publish]") {
    MessageView view;
    view.topic = "t";
    view.payload = as_bytes("payload");
    OutgoingPublish publish(view, now, 2);
    const MessagePtr copy = publish.message();
    CHECK(publish.message() == copy);
    CHECK(as_text(copy->view().payload) == "payload");

    OutgoingPublish again(copy, now);
    CHECK(again.message() == copy);
    CHECK(again.view().topic.data() == copy->view().topic.data());
    Output output;
    again.append_to(output, Version::v3_1_1, {}, {});
    std::string packet;
    CHECK(as_text(decoded(output, Version::v3_1_1, packet).payload) == "payload");
}
