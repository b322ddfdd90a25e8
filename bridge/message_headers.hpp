// What a message has beside topic and payload, in the words of the other protocol: headers and
// reply subject of NATS, properties of MQTT 5.0.
//
//     NATS                            MQTT 5.0
//     reply subject                   Response Topic
//     header Content-Type             Content Type
//     header Nmqtt-Correlation        Correlation Data, in base64
//     header Nats-TTL (seconds)       Message Expiry Interval
//     header Mqtt-Retain: true        RETAIN                       to MQTT only
//     header Nmqtt-Pub: QoS                                        to NATS only
//     any other header                User Property, in order
//
// What the other side cannot say is left out: a header with bytes that are not UTF-8, a property
// with a line end. Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/base/buffer.hpp"
#include "broker/core/message.hpp"
#include "broker/wire/properties.hpp"

namespace drawbridge::bridge {

// What the headers ask of the broker.
struct Wishes {
    bool retain = false;
    std::optional<seconds> expires_in;
};

// Appends the properties that say the same. header: a block, or empty; reply: a subject, or empty.
Wishes append_properties(std::string_view reply, Bytes header, wire::PropertyWriter& properties);

// A message's reply subject and headers, as one piece: MessageView::raw_head.
void append_raw_head(std::string_view reply, Bytes header, Buffer& head);

// As a NATS client gets them.
struct NatsHead {
    std::string_view reply;
    Bytes header;
};

// raw_head as append_raw_head() wrote it.
NatsHead read_raw_head(Bytes raw_head);

// The same of a message that comes from MQTT; into `head`, which is appended to.
void append_head_of(const core::MessageView& message, TimePoint now, Buffer& head);

}  // namespace drawbridge::bridge
