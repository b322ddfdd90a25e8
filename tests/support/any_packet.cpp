#include "tests/support/any_packet.hpp"

#include <algorithm>
#include <vector>

#include "broker/base/assert.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::test {
namespace {

using namespace drawbridge::wire;

template <class View>
Result<AnyPacket> wrapped(PacketType type, const Result<View>& view) {
    if (!view) return view.error();
    return AnyPacket{type, *view};
}

bool same_bytes(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool same_list(const PropertyList& a, const PropertyList& b) {
    return same_bytes(a.bytes(), b.bytes());
}

bool equal(const Ping&, const Ping&) { return true; }

bool equal(const WillView& a, const WillView& b) {
    return a.topic == b.topic && same_bytes(a.payload, b.payload) && a.qos == b.qos &&
           a.retain == b.retain && same_list(a.properties, b.properties);
}

bool equal(const ConnectView& a, const ConnectView& b) {
    const bool same_will = a.will && b.will ? equal(*a.will, *b.will) : !a.will && !b.will;
    const bool same_password = a.password && b.password ? same_bytes(*a.password, *b.password)
                                                        : !a.password && !b.password;
    return a.version == b.version && a.clean_start == b.clean_start &&
           a.keep_alive_s == b.keep_alive_s && a.client_id == b.client_id && same_will &&
           a.username == b.username && same_password && same_list(a.properties, b.properties);
}

bool equal(const ConnackView& a, const ConnackView& b) {
    return a.session_present == b.session_present && a.code == b.code &&
           same_list(a.properties, b.properties);
}

bool equal(const PublishView& a, const PublishView& b) {
    return a.topic == b.topic && same_bytes(a.payload, b.payload) && a.packet_id == b.packet_id &&
           a.qos == b.qos && a.retain == b.retain && a.dup == b.dup &&
           same_list(a.properties, b.properties);
}

bool equal(const AckView& a, const AckView& b) {
    return a.packet_id == b.packet_id && a.reason == b.reason &&
           same_list(a.properties, b.properties);
}

template <class Request>
bool equal_requests(const Request& a, const Request& b) {
    return a.packet_id == b.packet_id && same_bytes(a.entries, b.entries) &&
           same_list(a.properties, b.properties);
}

bool equal(const SubscribeView& a, const SubscribeView& b) { return equal_requests(a, b); }
bool equal(const UnsubscribeView& a, const UnsubscribeView& b) { return equal_requests(a, b); }

bool equal(const SubackView& a, const SubackView& b) {
    return a.packet_id == b.packet_id && same_bytes(a.codes, b.codes) &&
           same_list(a.properties, b.properties);
}

bool equal(const DisconnectView& a, const DisconnectView& b) {
    return a.reason == b.reason && same_list(a.properties, b.properties);
}

bool equal(const AuthView& a, const AuthView& b) {
    return a.reason == b.reason && same_list(a.properties, b.properties);
}

// One overload for each view: the packet's type tells apart those that share one.
struct Encoder {
    PacketType type;
    Version version;
    Buffer& out;

    void operator()(const Ping&) const {
        type == PacketType::pingreq ? encode_pingreq(out) : encode_pingresp(out);
    }
    void operator()(const ConnectView& view) const { encode(view, out); }
    void operator()(const ConnackView& view) const { encode(view, version, out); }
    void operator()(const PublishView& view) const { encode(view, version, out); }
    void operator()(const AckView& view) const { encode_ack(type, view, version, out); }
    void operator()(const SubscribeView& view) const {
        std::vector<SubscriptionRequest> requests;
        SubscriptionRequest request;
        for (SubscribeEntries entries(view, version); entries.next(request);)
            requests.push_back(request);
        encode_subscribe(view.packet_id, requests, view.properties, version, out);
    }
    void operator()(const SubackView& view) const {
        type == PacketType::suback ? encode_suback(view, version, out)
                                   : encode_unsuback(view, version, out);
    }
    void operator()(const UnsubscribeView& view) const {
        std::vector<std::string_view> filters;
        std::string_view filter;
        for (UnsubscribeEntries entries(view); entries.next(filter);) filters.push_back(filter);
        encode_unsubscribe(view.packet_id, filters, view.properties, version, out);
    }
    void operator()(const DisconnectView& view) const { encode(view, version, out); }
    void operator()(const AuthView& view) const { encode(view, out); }
};

}  // namespace

Result<AnyPacket> decode_any(const Frame& frame, Version version) {
    const PacketType type = frame.type;
    const std::uint8_t flags = frame.flags;
    const Bytes body = frame.body;
    switch (type) {
        case PacketType::connect:
            return wrapped(type, decode_connect(flags, body));
        case PacketType::connack:
            return wrapped(type, decode_connack(flags, body, version));
        case PacketType::publish:
            return wrapped(type, decode_publish(flags, body, version));
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return wrapped(type, decode_ack(type, flags, body, version));
        case PacketType::subscribe:
            return wrapped(type, decode_subscribe(flags, body, version));
        case PacketType::suback:
            return wrapped(type, decode_suback(flags, body, version));
        case PacketType::unsubscribe:
            return wrapped(type, decode_unsubscribe(flags, body, version));
        case PacketType::unsuback:
            return wrapped(type, decode_unsuback(flags, body, version));
        case PacketType::pingreq:
        case PacketType::pingresp: {
            const Result<void> ping = decode_ping(flags, body);
            if (!ping) return ping.error();
            return AnyPacket{type, Ping{}};
        }
        case PacketType::disconnect:
            return wrapped(type, decode_disconnect(flags, body, version));
        case PacketType::auth:
            return wrapped(type, decode_auth(flags, body, version));
    }
    ASSERT(false && "a type that the framer lets through");
    return Violation{};
}

void encode_any(const AnyPacket& packet, Version version, Buffer& out) {
    std::visit(Encoder{packet.type, version, out}, packet.view);
}

bool same(const AnyPacket& a, const AnyPacket& b) {
    if (a.type != b.type || a.view.index() != b.view.index()) return false;
    return std::visit(
        [&b](const auto& view) {
            return equal(view, std::get<std::decay_t<decltype(view)>>(b.view));
        },
        a.view);
}

bool survives_round_trip(const AnyPacket& packet, Version version) {
    Buffer out;
    encode_any(packet, version, out);
    Frame frame;
    if (cut_frame(out.bytes(), out.size(), frame) != Cut::complete) return false;
    if (frame.size != out.size()) return false;
    const Result<AnyPacket> again = decode_any(frame, version);
    return again && same(*again, packet);
}

}  // namespace drawbridge::test
