#include "broker/core/session.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/base/log.hpp"
#include "broker/core/answer.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/publish_properties.hpp"
#include "broker/core/shard.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::core {
namespace {

constexpr std::uint32_t never_expires = UINT32_MAX;  // Session Expiry Interval, section 3.1.2.11.2

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
    using Id = wire::PropertyId;
    if (session_present)
        change_identity(request.identity);  // its rules may be others than when the client left
    else
        identity_ = request.identity;
    const Limits& limits = this->limits();
    link_ = &link;
    link.session = this;
    version_ = connect.version;
    memo_.reset();
    last_packet_at_ = shard_.now();
    connected_at_ = WallClock::now();
    queue_full_logged_ = false;
    packet_bytes_max_ = connect.properties.number(Id::maximum_packet_size).value_or(UINT32_MAX);
    expiry_s_ = session_expiry(connect, limits.max_session_expiry);
    connect_expiry_zero_ = connect.properties.number(Id::session_expiry_interval).value_or(0) == 0;
    keep_alive_s_ = connect.keep_alive_s;
    if (version_ == wire::Version::v5 && limits.max_keep_alive < UINT16_MAX &&
        (keep_alive_s_ == 0 || keep_alive_s_ > limits.max_keep_alive))
        keep_alive_s_ = limits.max_keep_alive;
    problem_information_ =
        connect.properties.number(Id::request_problem_information).value_or(1) != 0;
    const auto aliases = std::min<std::uint32_t>(
        connect.properties.number(Id::topic_alias_maximum).value_or(0), limits.max_topic_alias);
    if (aliases > 0)
        rare().sent_aliases = std::make_unique<SentAliases>(static_cast<std::uint16_t>(aliases));
    set_throttle();
    set_will(request);
    shard_.stats().connections.add();
    if (expiry_s_ > 0 && shard_.keeper().is_on() && !keep_) keep_from_now_on();
    // On disk it is away, if it is there: it could end, and its will be sent, by that.
    if (keep_ && shard_.keeper().must_hold(Until::committed)) shard_.keeper().hold(link);
    note_itself(Keeper::Urgency::now);

    if (!send_connack(request, session_present)) {
        if (shard_.may_log())
            log::info("client {} from {}: closed, its Maximum Packet Size is too small for CONNACK",
                      client_id_, link.address());
        will_.reset();  // it was never accepted
        return detach(End::broker_closed, Reason::success,
                      "its Maximum Packet Size is too small for CONNACK");
    }
    const std::uint32_t receive_maximum =
        connect.properties.number(Id::receive_maximum).value_or(UINT16_MAX);
    if (outbound_)
        outbound_->begin_connection(std::min<std::size_t>(receive_maximum, limits.max_inflight));
    receive_maximum_ = static_cast<std::uint16_t>(receive_maximum);
    arm_deadline();
    pump();
}

// False if the packet is larger than the client takes, and is not sent then (MQTT-3.1.2-24).
bool Session::send_connack(const ConnectRequest& request, bool session_present) {
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
    const std::size_t before = output().size();
    wire::encode(connack, version_, output());
    if (output().size() - before <= packet_bytes_max_) return true;
    output().shrink_to(before);
    return false;
}

void Session::detach(End end, Reason reason, std::string_view why) {
    ASSERT(link_ != nullptr);
    const TimePoint now = shard_.now();
    note_end(end, reason, why);
    held_.reset();
    if (link_->held) {
        shard_.keeper().forget(*link_);
        link_->output.clear();  // CONNACK has never left
    } else if (version_ == wire::Version::v5 && reason != Reason::success &&
               end != End::connection_lost) {
        append_answer(
            output(), if_wanted(why), packet_bytes_max_, [&](const wire::PropertyList& properties) {
                wire::encode(wire::DisconnectView{reason, properties}, version_, output());
            });
    }
    Link& link = *std::exchange(link_, nullptr);
    link.session = nullptr;
    const bool by_client = end == End::client_disconnected || end == End::client_asked_for_will;
    if (end != End::connection_lost) link.close(by_client);
    shard_.stats().connections.subtract();

    if (end == End::client_disconnected) will_.reset();  // MQTT-3.14.4-3
    if (outbound_) shard_.stats().dropped_slow.add(outbound_->end_connection());
    memo_.reset();
    wants_room_ = false;
    if (rare_) rare_->end_connection();
    session_ends_at_ = ends_after(now);
    shard_.keeper().forget_paused(*this);
    if (will_) will_->due = now + seconds(std::min(will_->delay_s, expiry_s_));
    if (expiry_s_ == 0) return discard();
    note_itself(Keeper::Urgency::lazily);
    if (will_ && will_->due <= now) publish_will();
    tell_groups();
    offer_shared_messages();
    leave_queue_to_disk();
    look_for_room();
    arm_deadline();
}

TimePoint Session::ends_after(TimePoint connection_end) const {
    return expiry_s_ == never_expires ? TimePoint::max() : connection_end + seconds(expiry_s_);
}

void Session::discard() {
    ASSERT(link_ == nullptr && !discarded_);
    discarded_ = true;
    end_shared_subscriptions();
    return_shared_messages();
    publish_will();            // a group does not pick this session for it any more
    end_some_subscriptions();  // the shard sees to the rest
    queue_has_room();
    forget_keep();
    shard_.deadlines().cancel(*this);
    shard_.session_discarded(*this);
}

// --- time ----------------------------------------------------------------------------------------

void Session::arm_deadline() {
    TimePoint at = expired_dropped_at();
    if (link_ != nullptr) {
        if (keep_alive_s_ > 0) at = std::min(at, last_packet_at_ + silence_allowed(keep_alive_s_));
    } else {
        at = std::min(at, session_ends_at_);
        if (will_) at = std::min(at, will_->due);
    }
    if (at == TimePoint::max())
        shard_.deadlines().cancel(*this);
    else
        shard_.deadlines().set(*this, at);
}

void Session::catch_up() {
    shard_.deadlines().cancel(*this);
    expired(shard_.now());
}

void Session::expired(TimePoint now) {
    if (expired_dropped_at() <= now) drop_expired();
    if (link_ != nullptr) {
        if (is_throttled()) last_packet_at_ = now;  // it is not listened to
        if (keep_alive_s_ == 0 || now < last_packet_at_ + silence_allowed(keep_alive_s_))
            return arm_deadline();
        if (shard_.may_log())
            log::info(
                "client {} from {}: no packet for one and a half times its keep-alive of {} s, "
                "closed",
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
    note_itself(Keeper::Urgency::soon);
    MessageView message = will->message->view();
    if (will->expiry_s) message.expires_at = shard_.now() + seconds(*will->expiry_s);
    message.tenant = identity_->tenant_id();
    if (identity_->may_publish_mqtt(message.topic)) {
        shard_.publish(message, Sender{.client = key_, .id = client_id_}, false);
    } else {
        shard_.stats().publishes_denied.add();
        note_will_refused(message.topic);
    }
}

// --- limits --------------------------------------------------------------------------------------

const Limits& Session::limits() const {
    const Limits* const own = identity_->limits();
    return own != nullptr ? *own : shard_.settings().limits;
}

void Session::set_throttle() {
    const Limits& limits = this->limits();
    if (limits.messages_per_second > 0 || limits.bytes_per_second > 0)
        rare().throttle = std::make_unique<Throttle>(*this, shard_.deadlines(), limits);
    else if (rare_)
        rare_->throttle.reset();
}

// --- parts made when needed ----------------------------------------------------------------------

Buffer& Session::output() {
    shard_.mark_dirty(*link_);
    return link_->output.bytes();
}

Outbound& Session::outbound() {
    if (!outbound_) {
        outbound_ = std::make_unique<Outbound>();
        if (keep_) outbound_->begin_packet_ids(keep_->last_packet_id);
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
