#include "broker/core/session.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/publish_properties.hpp"
#include "broker/core/shard.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

constexpr std::uint32_t never_expires = UINT32_MAX;  // Session Expiry Interval, section 3.1.2.11.2
// Topics of the retained store looked at in one go: some tens of microseconds.
constexpr std::size_t replay_steps = 512;

// A half more than the client promised (MQTT-3.1.2-22; 3.1.1: MQTT-3.1.2-24).
milliseconds silence_allowed(std::uint16_t keep_alive_s) {
    return milliseconds(keep_alive_s * 1500);
}

std::uint32_t session_expiry(const wire::ConnectView& connect, std::uint32_t longest_s) {
    if (connect.version != wire::Version::v5) return connect.clean_start ? 0 : longest_s;
    const auto asked = connect.properties.number(wire::PropertyId::session_expiry_interval);
    return std::min(asked.value_or(0), longest_s);
}

}  // namespace

Session::Session(Shard& shard, std::string client_id, MemberKey key)
    : shard_(shard), client_id_(std::move(client_id)), key_(key) {
    shard_.stats().sessions.add();
}

Session::~Session() {
    shard_.deadlines().cancel(*this);
    shard_.stats().sessions.subtract();
}

// --- connection ----------------------------------------------------------------------------------

void Session::attach(Link& link, const ConnectRequest& request, bool session_present) {
    ASSERT(link_ == nullptr && !discarded_);
    const wire::ConnectView& connect = request.view();
    const Limits& limits = shard_.settings().limits;
    using Id = wire::PropertyId;
    link_ = &link;
    link.session = this;
    version_ = connect.version;
    if (session_present)
        change_identity(request.identity);  // its rules may be others than when the client left
    else
        identity_ = request.identity;
    memo_.reset();
    if (rare_) rare_->topic_aliases.clear();
    last_packet_at_ = shard_.now();
    connected_at_ = WallClock::now();
    packet_bytes_max_ = connect.properties.number(Id::maximum_packet_size).value_or(UINT32_MAX);
    expiry_s_ = session_expiry(connect, limits.max_session_expiry);
    connect_expiry_zero_ = expiry_s_ == 0;
    keep_alive_s_ = connect.keep_alive_s;
    if (version_ == wire::Version::v5 && limits.max_keep_alive < UINT16_MAX &&
        (keep_alive_s_ == 0 || keep_alive_s_ > limits.max_keep_alive))
        keep_alive_s_ = limits.max_keep_alive;
    set_will(request);
    shard_.stats().connections.add();

    send_connack(request, session_present);
    const std::uint32_t receive_maximum =
        connect.properties.number(Id::receive_maximum).value_or(UINT16_MAX);
    if (outbound_)
        outbound_->begin_connection(std::min<std::size_t>(receive_maximum, limits.max_inflight));
    receive_maximum_ = static_cast<std::uint16_t>(receive_maximum);
    arm_deadline();
    pump();
}

void Session::send_connack(const ConnectRequest& request, bool session_present) {
    const wire::ConnectView& connect = request.view();
    const Limits& limits = shard_.settings().limits;
    using Id = wire::PropertyId;
    wire::PropertyWriter properties;
    if (version_ == wire::Version::v5) {
        const auto asked = connect.properties.number(Id::session_expiry_interval).value_or(0);
        if (asked != expiry_s_) properties.number(Id::session_expiry_interval, expiry_s_);
        properties.number(Id::receive_maximum, limits.max_inflight);
        properties.number(Id::maximum_packet_size, limits.max_packet_bytes);
        if (request.client_id_assigned) properties.text(Id::assigned_client_identifier, client_id_);
        if (limits.max_topic_alias > 0)
            properties.number(Id::topic_alias_maximum, limits.max_topic_alias);
        if (keep_alive_s_ != connect.keep_alive_s)
            properties.number(Id::server_keep_alive, keep_alive_s_);
    }
    wire::ConnackView connack;
    connack.session_present = session_present;
    connack.properties = properties.list();
    wire::encode(connack, version_, output());
}

void Session::detach(End end, Reason reason) {
    ASSERT(link_ != nullptr);
    const TimePoint now = shard_.now();
    if (version_ == wire::Version::v5 && reason != Reason::success && end != End::connection_lost) {
        wire::DisconnectView disconnect;
        disconnect.reason = reason;
        wire::encode(disconnect, version_, output());
    }
    Link& link = *std::exchange(link_, nullptr);
    link.session = nullptr;
    const bool by_client = end == End::client_disconnected || end == End::client_asked_for_will;
    if (end != End::connection_lost) link.close(by_client);
    shard_.stats().connections.subtract();

    if (end == End::client_disconnected) will_.reset();  // MQTT-3.14.4-3
    if (outbound_) outbound_->end_connection();
    memo_.reset();
    wants_room_ = false;
    if (rare_) rare_->topic_aliases = {};  // MQTT-3.3.2-7
    session_ends_at_ = expiry_s_ == never_expires ? TimePoint::max() : now + seconds(expiry_s_);
    if (will_) will_->due = now + seconds(std::min(will_->delay_s, expiry_s_));
    if (expiry_s_ == 0) return discard();
    if (will_ && will_->due <= now) publish_will();
    tell_groups();
    return_shared_messages();
    arm_deadline();
}

void Session::discard() {
    ASSERT(link_ == nullptr && !discarded_);
    discarded_ = true;
    publish_will();
    end_all_subscriptions();
    return_shared_messages();
    shard_.deadlines().cancel(*this);
    shard_.session_discarded(*this);
}

void Session::change_identity(IdentityPtr identity) {
    if (identity == identity_) return;
    const bool changes_routes =
        identity_->has_denied_subscriptions() || identity->has_denied_subscriptions();
    identity_ = std::move(identity);
    memo_.reset();
    end_denied_subscriptions();
    if (changes_routes && !subscriptions.empty()) shard_.routes().forget_all();
}

// --- time ----------------------------------------------------------------------------------------

void Session::arm_deadline() {
    TimePoint at = TimePoint::max();
    if (link_ != nullptr) {
        if (keep_alive_s_ > 0) at = last_packet_at_ + silence_allowed(keep_alive_s_);
    } else {
        at = session_ends_at_;
        if (will_) at = std::min(at, will_->due);
    }
    if (at == TimePoint::max())
        shard_.deadlines().cancel(*this);
    else
        shard_.deadlines().set(*this, at);
}

void Session::expired(TimePoint now) {
    if (link_ != nullptr) {
        if (now < last_packet_at_ + silence_allowed(keep_alive_s_)) return arm_deadline();
        log::info(
            "client {} from {}: no packet for one and a half times its keep-alive of {} s, closed",
            client_id_, link_->address(), keep_alive_s_);
        return detach(End::broker_closed, Reason::keep_alive_timeout);
    }
    if (will_ && will_->due <= now) publish_will();
    if (session_ends_at_ <= now) return discard();
    arm_deadline();
}

// --- will ----------------------------------------------------------------------------------------

void Session::set_will(const ConnectRequest& request) {
    will_.reset();  // one that waited for its delay is not sent now that the client is back
                    // (MQTT-3.1.3-9)
    if (!request.view().will) return;
    const wire::WillView& will = *request.view().will;
    Buffer scratch;
    const PublishProperties properties = sort_properties(will.properties, scratch);
    MessageView message;
    message.topic = will.topic;
    message.payload = will.payload;
    message.properties = properties.forwarded;
    message.qos = will.qos;
    message.retain = will.retain;
    will_ = std::make_unique<Will>();
    will_->message = Message::copy_of(message);
    will_->delay_s = properties.delay_s;
    will_->expiry_s = properties.expiry_s;
}

void Session::publish_will() {
    if (!will_) return;
    const std::unique_ptr<Will> will = std::move(will_);
    MessageView message = will->message->view();
    if (will->expiry_s) message.expires_at = shard_.now() + seconds(*will->expiry_s);
    if (identity_->may_publish(message.topic)) {
        shard_.publish(message, this);
    } else {
        shard_.stats().publishes_denied.add();
        log::warn("client {}: its will on topic {} is not allowed and was dropped", client_id_,
                  message.topic);
    }
}

// --- delivery ------------------------------------------------------------------------------------

bool Session::may_receive(std::string_view topic) const {
    return !identity_->has_denied_subscriptions() || identity_->may_receive(topic);
}

void Session::deliver(OutgoingPublish& publish, const Delivery& delivery) {
    deliver(publish, delivery, GroupRef{});
}

bool Session::deliver_picked(const PublishBatch::Item& item, GroupRef group) {
    const std::string_view topic = item.message.topic;
    const auto is_its_own = [&](const SharedSubscription& subscription) {
        return subscription.id == item.subscription_id && wire::matches(subscription.filter, topic);
    };
    if (!rare_ || std::ranges::none_of(rare_->shared, is_its_own)) return false;
    if (!may_receive(topic)) return true;  // nor does another member get it
    OutgoingPublish publish(item.message, shard_.now(), 1);
    Delivery delivery;
    delivery.qos = item.granted_qos;
    delivery.retain = item.retain_as_published && item.message.retain;
    if (item.subscription_id != 0) delivery.subscription_ids = {&item.subscription_id, 1};
    deliver(publish, delivery, group);
    return true;
}

void Session::deliver(OutgoingPublish& publish, const Delivery& delivery, GroupRef group) {
    const std::uint8_t qos = std::min(publish.view().qos, delivery.qos);
    if (qos > 0) return queue(publish, delivery, qos, group);
    if (link_ == nullptr) return;
    if (link_->output.size() > limits::output_high_water_bytes)
        return shard_.stats().dropped_slow.add();
    wire::PublishMarks marks;
    marks.retain = delivery.retain;
    send(publish, marks, delivery.subscription_ids);
}

void Session::queue(OutgoingPublish& publish, const Delivery& delivery, std::uint8_t qos,
                    GroupRef group) {
    Outbound& messages = outbound();
    Outgoing message;
    message.message = publish.message();
    message.qos = qos;
    message.retain = delivery.retain;
    message.group = group;
    if (!delivery.subscription_ids.empty())
        message.subscription_ids = std::make_unique<std::vector<std::uint32_t>>(
            delivery.subscription_ids.begin(), delivery.subscription_ids.end());
    const bool at_once =
        link_ != nullptr && messages.nothing_waits() && messages.window_open() && has_room();
    if (!messages.push(std::move(message), shard_.settings().limits)) {
        shard_.stats().dropped_queue_full.add();
        if (!std::exchange(queue_full_logged_, true))
            log::warn(
                "client {}: its queue is full ({} messages); further messages to it are dropped",
                client_id_, messages.waiting());
        return;
    }
    if (!at_once) return tell_groups();
    Outgoing* const next = messages.next(shard_.now());
    if (next != nullptr && !send(publish, marks_of(*next), delivery.subscription_ids))
        messages.acknowledged(*next);  // too large: as if it had been sent (MQTT-3.1.2-25)
}

wire::PublishMarks Session::marks_of(const Outgoing& message) {
    return {message.packet_id, message.qos, message.retain, message.sent_before};
}

bool Session::send(OutgoingPublish& publish, const wire::PublishMarks& marks,
                   std::span<const std::uint32_t> subscription_ids) {
    if (packet_bytes_max_ != UINT32_MAX &&
        publish.packet_bytes(version_, marks.qos, subscription_ids) > packet_bytes_max_) {
        shard_.stats().dropped_too_large.add();
        return false;
    }
    shard_.mark_dirty(*link_);
    if (version_ != wire::Version::v5) subscription_ids = {};
    publish.append_to(link_->output, version_, marks, subscription_ids);
    shard_.stats().messages_out.add();
    return true;
}

// If there is none, the shard pumps this session once its output has been written.
bool Session::has_room() {
    const bool room = link_->output.size() <= limits::output_high_water_bytes;
    if (!room) wants_room_ = true;
    return room;
}

void Session::pump() {
    wants_room_ = false;
    while (link_ != nullptr && outbound_ && has_room()) {
        Outgoing* const next = outbound_->next(shard_.now());
        shard_.stats().dropped_expired.add(outbound_->take_expired());
        if (next == nullptr) break;
        if (next->awaits == Outgoing::Awaits::pubcomp) {
            acknowledge(wire::PacketType::pubrel, next->packet_id, Reason::success);
            continue;
        }
        OutgoingPublish publish(next->message, shard_.now());
        std::span<const std::uint32_t> ids;
        if (next->subscription_ids) ids = *next->subscription_ids;
        if (!send(publish, marks_of(*next), ids)) outbound_->acknowledged(*next);
    }
    if (rare_ && !rare_->replays.empty()) replay_retained();
    tell_groups();
}

// --- retained messages for new subscriptions -----------------------------------------------------

// One piece; the rest in later turns, or when the client has taken in what it got.
void Session::replay_retained() {
    auto& replays = rare_->replays;
    std::size_t steps = replay_steps;
    while (link_ != nullptr && !replays.empty()) {
        if (steps == 0) return shard_.pump_later(*this);
        Replay& replay = replays.front();
        bool stopped = false;
        const auto visit = [&](const MessagePtr& message, RetainedOrigin origin) {
            if (origin.turn > replay.horizon[origin.shard]) return true;
            if (!may_receive(message->view().topic)) return true;
            // pump() comes back here when there is room again, or an acknowledgement.
            stopped = !has_room() || (outbound_ && !outbound_->nothing_waits());
            if (stopped) return false;
            OutgoingPublish publish(message, shard_.now());
            Delivery delivery;
            delivery.qos = replay.qos;
            delivery.retain = true;
            if (replay.subscription_id != 0)
                delivery.subscription_ids = {&replay.subscription_id, 1};
            deliver(publish, delivery, GroupRef{});
            return true;
        };
        auto rest =
            shard_.retained().search(replay.filter, replay.after, steps, shard_.now(), visit);
        if (!rest) {
            replays.erase(replays.begin());
            continue;
        }
        replay.after = std::move(*rest);
        if (stopped) return;
    }
    drop_empty_rare();
}

// Nearly every client subscribes once and gets no retained messages: nothing of that stays.
void Session::drop_empty_rare() {
    if (!rare_->shared.empty() || !rare_->topic_aliases.empty() || !rare_->replays.empty()) return;
    rare_.reset();
}

// --- share groups --------------------------------------------------------------------------------

void Session::tell_groups() {
    if (!rare_ || rare_->shared.empty()) return;
    using State = ShareMember::State;
    State state = State::available;
    if (link_ == nullptr)
        state = State::away;
    else if (outbound_ && !outbound_->nothing_waits())
        state = State::busy;
    if (std::exchange(rare_->state, state) == state) return;
    ShareNews::Kind kind = ShareNews::Kind::available;
    if (state == State::away) kind = ShareNews::Kind::away;
    if (state == State::busy) kind = ShareNews::Kind::busy;
    for (const SharedSubscription& subscription : rare_->shared) tell_group(subscription, kind);
}

void Session::tell_group(const SharedSubscription& subscription, ShareNews::Kind kind) {
    ShareNews news;
    news.kind = kind;
    news.shard = shard_.index();
    news.member = key_;
    news.share = subscription.share;
    news.filter = subscription.filter;
    news.qos = subscription.options.qos;
    news.retain_as_published = subscription.options.retain_as_published;
    news.subscription_id = subscription.id;
    shard_.post_share_news(std::move(news));
}

void Session::return_shared_messages() {
    if (!outbound_) return;
    for (const Outgoing& message : outbound_->take_shared())
        shard_.return_to_group(message.group, key_, message.message->view());
}

// --- parts made when needed ----------------------------------------------------------------------

Buffer& Session::output() {
    shard_.mark_dirty(*link_);
    return link_->output.bytes();
}

Outbound& Session::outbound() {
    if (!outbound_) {
        outbound_ = std::make_unique<Outbound>();
        outbound_->begin_connection(
            std::min<std::size_t>(receive_maximum_, shard_.settings().limits.max_inflight));
    }
    return *outbound_;
}

Session::Rare& Session::rare() {
    if (!rare_) rare_ = std::make_unique<Rare>();
    return *rare_;
}

}  // namespace drawbridge::core
