#include <algorithm>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "tests/crash/client.hpp"

namespace drawbridge::crash {

using wire::PacketType;
using wire::PropertyId;
using wire::Version;

void Client::change_subscriptions(Mode mode) {
    for (Wanted& wanted : wanted_) {
        const bool may_change = mode == Mode::load && character_.restless && one_in(15);
        if (character_.restless && !may_change) continue;
        if (wanted.standing == Standing::none) {
            ask(wanted);
        } else if (wanted.standing == Standing::granted && may_change) {
            wanted.current->release_asked = record_.now();
            if (one_in(3)) {
                wanted.wish.qos = wanted.wish.qos == 1 ? 2 : 1;
                wanted.replaced = wanted.current;
                ask(wanted);
            } else {
                wanted.standing = Standing::releasing;
                wanted.packet_id = new_packet_id();
                wanted.again = false;
                send_unsubscribe(wanted);
            }
        }
    }
}

void Client::ask(Wanted& wanted) {
    wanted.standing = Standing::asked;
    wanted.packet_id = new_packet_id();
    wanted.current = &record_.add_subscription(number_, life_, wanted.wish.filter, wanted.wish.qos);
    send_subscribe(wanted);
}

void Client::send_subscribe(Wanted& wanted) {
    wire::PropertyWriter properties;
    if (character_.version == Version::v5)
        properties.number(PropertyId::subscription_identifier, wanted.current->id);
    const wire::SubscriptionRequest request{wanted.wish.filter, {.qos = wanted.wish.qos}};
    wire::encode_subscribe(wanted.packet_id, std::span(&request, 1), properties.list(),
                           character_.version, connection_.out());
}

void Client::send_unsubscribe(Wanted& wanted) {
    const std::string_view filter = wanted.wish.filter;
    wire::encode_unsubscribe(wanted.packet_id, std::span(&filter, 1), {}, character_.version,
                             connection_.out());
}

void Client::take_suback(const wire::Frame& frame) {
    const bool subscribed = frame.type == PacketType::suback;
    const auto suback = subscribed
                            ? wire::decode_suback(frame.flags, frame.body, character_.version)
                            : wire::decode_unsuback(frame.flags, frame.body, character_.version);
    if (!suback) return record_.complain("malformed", character_.id + " got SUBACK or UNSUBACK");
    const auto wanted = std::find_if(wanted_.begin(), wanted_.end(), [&suback](const Wanted& one) {
        return one.packet_id == suback->packet_id;
    });
    if (wanted == wanted_.end()) return;
    const bool refused = !suback->codes.empty() && suback->codes[0] >= 0x80;
    if (refused)
        record_.complain("refused", character_.id + " may not have " + wanted->wish.filter);
    if (!subscribed && !wanted->again && suback->codes.size() == 1 &&
        suback->codes[0] == static_cast<std::uint8_t>(Reason::no_subscription_existed))
        record_.complain("lost subscriptions", character_.id + " had " + wanted->wish.filter);
    wanted->packet_id = 0;
    const Moment now = record_.now();
    if (subscribed) {
        if (wanted->replaced != nullptr) wanted->replaced->released = now;
        wanted->replaced = nullptr;
        wanted->current->granted = refused ? never : now;
        wanted->standing = Standing::granted;
    } else {
        wanted->current->released = now;
        wanted->current = nullptr;
        wanted->standing = Standing::none;
    }
}

void Client::take_publish(const wire::Frame& frame) {
    const auto publish = wire::decode_publish(frame.flags, frame.body, character_.version);
    if (!publish) return record_.complain("malformed", character_.id + " got a PUBLISH");
    if (publish->qos == 2 && !received_.insert(publish->packet_id).second) {
        owed_.push_back({PacketType::pubrec, publish->packet_id, 0});
        return;  // it has it
    }
    Delivery delivery{.client = number_,
                      .life = life_,
                      .topic = publish->topic,
                      .payload = as_text(publish->payload),
                      .qos = publish->qos,
                      .retain = publish->retain,
                      .dup = publish->dup,
                      .expiry_s = publish->properties.number(PropertyId::message_expiry_interval),
                      .has_ids = character_.version == Version::v5,
                      .ids = {}};
    for (const wire::Property& property : publish->properties)
        if (property.id == PropertyId::subscription_identifier)
            delivery.ids.push_back(property.number);
    record_.deliver(delivery);

    if (publish->qos == 0) return;
    const Moment late = character_.slow && one_in(8) ? within(60 * millisecond) : 0;
    owed_.push_back({publish->qos == 1 ? PacketType::puback : PacketType::pubrec,
                     publish->packet_id, record_.now() + late});
}

}  // namespace drawbridge::crash
