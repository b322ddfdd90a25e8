#include "tests/support/packet_samples.hpp"

#include "broker/base/buffer.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/property_table.hpp"

namespace drawbridge::test {
namespace {

using namespace drawbridge::wire;

std::vector<std::uint8_t> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

void write_example(PropertyId id, PropertyType type, PropertyWriter& list) {
    switch (type) {
        case PropertyType::byte:
            list.number(id, 1);
            break;
        case PropertyType::u16:
            list.number(id, 300);
            break;
        case PropertyType::u32:
            list.number(id, 70'000);
            break;
        case PropertyType::varint:
            list.number(id, 20'000);
            break;
        case PropertyType::text:
            list.text(id, "caf\xC3\xA9");
            break;
        case PropertyType::binary:
            list.text(id, std::string_view("\0\xFF", 2));
            break;
        case PropertyType::text_pair:
            list.user("name", "value").user("name", "");
            break;
    }
}

// Collects what one encoder call after the other wrote.
class Samples {
public:
    explicit Samples(Version version) : version_(version) {}

    template <class Encode>
    void add(const std::string& name, const Encode& encode) {
        Buffer out;
        encode(out);
        const std::string suffix = "_v" + std::to_string(static_cast<int>(version_));
        samples_.push_back({name + suffix, version_, copy(out.bytes())});
    }

    std::vector<PacketSample> take() { return std::move(samples_); }

private:
    Version version_;
    std::vector<PacketSample> samples_;
};

class Lists {
public:
    explicit Lists(Version version) : version_(version) {}

    // The list must outlive the view: it is kept here.
    PropertyList of(PacketType packet) {
        if (version_ != Version::v5) return {};
        std::vector<std::uint8_t>& list = lists_[static_cast<std::size_t>(packet)];
        list = full_property_list(packet);
        return PropertyList(list);
    }

private:
    Version version_;
    std::array<std::vector<std::uint8_t>, 16> lists_;
};

void add_connect(Version version, Lists& lists, Samples& samples) {
    ConnectView connect;
    connect.version = version;
    connect.client_id = "c1";
    samples.add("connect_bare", [&](Buffer& out) { encode(connect, out); });
    connect.clean_start = false;
    connect.keep_alive_s = 60;
    connect.properties = lists.of(PacketType::connect);
    connect.will = WillView{"will/topic", as_bytes("gone"), 2, true, lists.of(PacketType{})};
    connect.username = "user";
    connect.password = as_bytes("secret");
    samples.add("connect_full", [&](Buffer& out) { encode(connect, out); });

    ConnackView connack;
    samples.add("connack_bare", [&](Buffer& out) { encode(connack, version, out); });
    connack.session_present = true;
    connack.properties = lists.of(PacketType::connack);
    samples.add("connack_full", [&](Buffer& out) { encode(connack, version, out); });
    const std::uint8_t refused = version == Version::v5 ? 0x87 : 5;
    samples.add("connack_refused", [&](Buffer& out) {
        encode(ConnackView{false, refused, {}}, version, out);
    });
}

void add_publish(Version version, Lists& lists, Samples& samples) {
    PublishView publish;
    publish.topic = "a/b";
    samples.add("publish_bare", [&](Buffer& out) { encode(publish, version, out); });
    publish.topic = "devices/caf\xC3\xA9/telemetry";
    publish.payload = as_bytes("{\"t\":21}");
    publish.packet_id = 0x1234;
    publish.qos = 2;
    publish.retain = true;
    publish.dup = true;
    publish.properties = lists.of(PacketType::publish);
    samples.add("publish_full", [&](Buffer& out) { encode(publish, version, out); });
    if (version != Version::v5) return;
    PropertyWriter alias;
    alias.number(PropertyId::topic_alias, 7);
    publish.topic = "";
    publish.properties = alias.list();
    samples.add("publish_alias", [&](Buffer& out) { encode(publish, version, out); });
}

void add_acks(Version version, Lists& lists, Samples& samples) {
    const bool v5 = version == Version::v5;
    const auto add = [&](const std::string& name, PacketType type, Reason failure) {
        AckView ack{10, Reason::success, {}};
        samples.add(name + "_bare", [&](Buffer& out) { encode_ack(type, ack, version, out); });
        if (!v5) return;
        ack.reason = failure;
        samples.add(name + "_failed", [&](Buffer& out) { encode_ack(type, ack, version, out); });
        ack.properties = lists.of(type);
        samples.add(name + "_full", [&](Buffer& out) { encode_ack(type, ack, version, out); });
    };
    add("puback", PacketType::puback, Reason::not_authorized);
    add("pubrec", PacketType::pubrec, Reason::quota_exceeded);
    add("pubrel", PacketType::pubrel, Reason::packet_identifier_not_found);
    add("pubcomp", PacketType::pubcomp, Reason::packet_identifier_not_found);
}

void add_subscribe(Version version, Lists& lists, Samples& samples) {
    const bool v5 = version == Version::v5;
    std::vector<SubscriptionRequest> requests = {{"a/+/#", {1}}, {"$share/g/b", {2}}};
    if (v5) requests.push_back({"c", {2, true, true, RetainHandling::do_not_send}});
    samples.add("subscribe_full", [&](Buffer& out) {
        encode_subscribe(11, requests, lists.of(PacketType::subscribe), version, out);
    });
    const std::uint8_t codes_5[] = {0, 1, 2, 0x80, 0x97};
    const std::uint8_t codes_311[] = {0, 1, 2, 0x80};
    const Bytes codes = v5 ? Bytes(codes_5) : Bytes(codes_311);
    samples.add("suback_full", [&](Buffer& out) {
        encode_suback({11, lists.of(PacketType::suback), codes}, version, out);
    });
    const std::string_view filters[] = {"a/+/#", "x"};
    samples.add("unsubscribe_full", [&](Buffer& out) {
        encode_unsubscribe(12, filters, lists.of(PacketType::unsubscribe), version, out);
    });
    const std::uint8_t unsuback_codes[] = {0, 0x11, 0x8F};
    samples.add("unsuback_full", [&](Buffer& out) {
        encode_unsuback({12, lists.of(PacketType::unsuback), unsuback_codes}, version, out);
    });
}

void add_session(Version version, Lists& lists, Samples& samples) {
    samples.add("pingreq", [](Buffer& out) { encode_pingreq(out); });
    samples.add("pingresp", [](Buffer& out) { encode_pingresp(out); });
    samples.add("disconnect_bare", [&](Buffer& out) { encode(DisconnectView{}, version, out); });
    if (version != Version::v5) return;
    DisconnectView disconnect{Reason::server_moved, {}};
    samples.add("disconnect_reason", [&](Buffer& out) { encode(disconnect, version, out); });
    disconnect.properties = lists.of(PacketType::disconnect);
    samples.add("disconnect_full", [&](Buffer& out) { encode(disconnect, version, out); });
    samples.add("auth_bare", [&](Buffer& out) { encode(AuthView{}, out); });
    const AuthView auth{Reason::continue_authentication, lists.of(PacketType::auth)};
    samples.add("auth_full", [&](Buffer& out) { encode(auth, out); });
}

}  // namespace

std::vector<PacketSample> packet_samples() {
    std::vector<PacketSample> all;
    for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
        Samples samples(version);
        Lists lists(version);
        add_connect(version, lists, samples);
        add_publish(version, lists, samples);
        add_acks(version, lists, samples);
        add_subscribe(version, lists, samples);
        add_session(version, lists, samples);
        for (PacketSample& sample : samples.take()) all.push_back(std::move(sample));
    }
    return all;
}

std::vector<std::uint8_t> full_property_list(PacketType packet) {
    PropertyWriter list;
    for (std::uint8_t id = 0; id < property_table::ids; ++id) {
        const PropertyRule& rule = rule_of(id);
        if ((rule.packets & only(packet)) != 0)
            write_example(static_cast<PropertyId>(id), rule.type, list);
    }
    return copy(list.list().bytes());
}

}  // namespace drawbridge::test
