#include "broker/core/shard.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/topic_names.hpp"

namespace drawbridge::core {

Shard::Shard(Broker& broker, unsigned index) : broker_(broker), index_(index) {
    // The same client id gets another key in the next life, so no group picks a stranger.
    last_key_ = std::uint64_t{index} << 48;
}

Shard::~Shard() = default;

const Settings& Shard::settings() const { return broker_.settings(); }
RetainedStore& Shard::retained() { return broker_.retained(); }

// --- the turn ------------------------------------------------------------------------------------

void Shard::begin_turn(TimePoint now) {
    now_ = now;
    keeper_.begin_turn();
    pump_some();
    end_sessions();
    review_some();
}

// The more there are, the more in one turn: clients cannot make them faster than they end.
void Shard::end_sessions() {
    for (std::size_t left = (ending_.size() + 15) / 16; left > 0; --left) {
        if (!ending_.back()->end_some_subscriptions()) continue;
        discarded_.push_back(std::move(ending_.back()));
        ending_.pop_back();
    }
}

// The others have their turn next time, before those that are not done today.
void Shard::pump_some() {
    const std::size_t count = std::min(pumping_.size(), limits::pumped_per_turn_max);
    const std::vector<Session*> now(pumping_.begin(), pumping_.begin() + static_cast<long>(count));
    pumping_.erase(pumping_.begin(), pumping_.begin() + static_cast<long>(count));
    for (Session* session : now) {
        session->pump_pending = false;
        session->pump();
    }
}

void Shard::end_turn() {
    keeper_.end_turn();
    mail_out();
    keeper_.turn_mailed();
    flush_links();
    discarded_.clear();
    settled_.clear();
    ++turn_;
}

void Shard::mail_out() {
    if (!published_ && outbox_.empty()) return;
    outbox_.resize(broker_.shards());
    for (unsigned to = 0; to < broker_.shards(); ++to) {
        Mail& mail = outbox_[to];
        if (to == index_ || (!published_ && mail.is_empty())) continue;
        mail.from = index_;
        mail.turn = turn_;
        mail.round = keeper_.round();
        mail.published = published_;
        keeper_.mailed(to);
        Shard& other = broker_.shard(to);
        if (other.mailbox().post(std::move(mail))) other.wake();
    }
    outbox_.clear();
    published_.reset();
}

// A link that is flushed may be written to again by another one's flush: never, because flushing
// decides nothing.
void Shard::flush_links() {
    for (Link* link : dirty_) {
        link->dirty = false;
        if (link->held) continue;
        link->flush();
        Session* const session = link->session;
        if (session != nullptr && session->wants_room() &&
            link->output.size() <= settings().limits.max_output_bytes)
            pump_later(*session);
    }
    dirty_.clear();
}

void Shard::take_mail() {
    if (!mailbox_.has_mail()) return;
    mailbox_.take(inbox_);
    seen_.resize(broker_.shards());
    for (const Mail& mail : inbox_) {
        bool holds_qos2 = false;
        keeper_.begin_mail(mail.from, mail.round);
        for (const ShareNews& news : mail.share_news) apply_share_news(news);
        if (mail.published)
            mail.published->for_each([&](const PublishBatch::Item& item) {
                holds_qos2 |= item.message.qos == 2;
                const bool is_taken = deliver_here(
                    item.message, {.client = item.receiver, .id = {}, .echo = item.echo});
                if (is_taken && item.asks != 0) note_taken(mail.from, item);
            });
        mail.shared.for_each([&](const PublishBatch::Item& item) {
            holds_qos2 |= item.message.qos == 2;
            take_shared(item, mail.from);
        });
        for (const OfferTaken& taken : mail.offers_taken) offer_taken(taken);
        take_answers(mail);
        seen_[mail.from] = mail.turn;
        keeper_.end_mail(holds_qos2);
    }
    inbox_.clear();
    tell_who_asked();
}

bool Shard::congested() const {
    for (unsigned other = 0; other < broker_.shards(); ++other)
        if (other != index_ && broker_.shard(other).mailbox().full()) return true;
    return false;
}

Mail& Shard::mail_for(unsigned shard) {
    outbox_.resize(broker_.shards());
    return outbox_[shard];
}

std::vector<std::uint64_t> Shard::draw_horizon() {
    seen_.resize(broker_.shards());
    seen_[index_] = turn_++;
    return seen_;
}

// --- publishing ----------------------------------------------------------------------------------

Shard::Published Shard::publish(const MessageView& message, const Sender& from, bool whole) {
    Published published = publish_as_it_is(message, from, whole);
    if (!rewriter_ || is_failure(published.reason)) return published;
    rewritten_.clear();
    rewriter_->rewrite(message, rewritten_);
    for (const Rewritten& rewritten : rewritten_) {
        MessageView copy = message;
        copy.topic = rewritten.topic;
        copy.retain = message.retain && rewritten.keeps_retain;
        published.taken |= publish_as_it_is(copy, from, false).taken;
        if (copy.qos == 2 && keeper_.is_on() && broker_.keeps_elsewhere(stats_))
            keeper_.note_published(copy);
    }
    return published;
}

Shard::Published Shard::publish_as_it_is(const MessageView& message, const Sender& from,
                                         bool whole) {
    const auto origin = [&] {
        return RetainedOrigin{index_, turn_, from.client != 0 ? hash_text(from.id) : 0};
    };
    if (message.retain && !retained().store(message, origin(), now_)) {
        stats_.retained_refused.add();
        if (quota_.allows(now_))
            log::warn("client {}: the retained store is full; its message on {} is {}",
                      from.client != 0 ? from.id : "?", message.topic,
                      whole ? "refused" : "delivered but not kept");
        if (whole) return {Reason::quota_exceeded};
    }
    if (message.retain && message.expires()) retained_sweep_.note(message.expires_at);
    if (message.retain)
        keeper_.note_retained(message.topic,
                              message.qos > 0 ? Keeper::Urgency::now : Keeper::Urgency::lazily);
    const bool taken = deliver_here(message, from);
    if (broker_.shards() > 1) {
        if (!published_) published_ = std::make_shared<PublishBatch>();
        PublishBatch::Item item;
        item.message = message;
        item.receiver = from.echo && (from.asks == 0 || taken) ? 0 : from.client;
        item.asks = taken ? 0 : from.asks;
        item.echo = from.echo;
        published_->append(item);
    }
    return {Reason::success, taken};
}

// Returns true if somebody has taken it, or a share group has it on its way to a member.
bool Shard::deliver_here(const MessageView& message, const Sender& from) {
    const Route& route = routes_.find(message.topic, message.tenant);
    worked(route.targets.size() + route.groups.size());
    if (route.unnamed > 0) {
        stats_.unnamed.add(route.unnamed);
        // Each of them once a minute, a few at a time.
        constexpr auto receive = RecentRefusals::Operation::subscribe;
        if (recent_refusals_.is_news({}, receive, message.topic, now_) && may_log())
            log::info("{} has no name for the topic {}: subscribers there do not get it",
                      is_mqtt_name(message.topic) ? "NATS" : "MQTT", message.topic);
    }
    bool taken = false;
    if (!route.targets.empty()) {
        OutgoingPublish publish(message, now_, route.targets.size());
        for (const Target& target : route.targets) {
            if (target.from != Target::From::anyone) {
                const bool own = from.client != 0 && target.subscriber->client_key() == from.client;
                if (own != (target.from == Target::From::itself)) continue;
            }
            Delivery delivery;
            delivery.qos = target.qos;
            delivery.retain = target.retain_as_published && message.retain;
            delivery.subscription_ids = route.ids_of(target);
            taken |= target.subscriber->deliver(publish, delivery);
        }
    }
    if (!route.groups.empty())
        taken |= deliver_to_groups(route.groups, message, from.echo ? 0 : from.client);
    return taken;
}

Until Shard::until_safe(const MessageView& message, std::uint64_t opened_before) const {
    if (!keeper_.is_on()) return Until::now;
    Until until = Until::now;
    if (keeper_.opened() != opened_before || broker_.keeps_elsewhere(stats_))
        until = Until::settled;
    return message.retain ? until | Until::committed : until;
}

// --- sessions and links --------------------------------------------------------------------------

Session* Shard::find(std::string_view client_id) {
    const auto found = sessions_.find(client_id);
    return found == sessions_.end() ? nullptr : found->second.get();
}

std::size_t Shard::receive(Link& link, Bytes bytes) {
    if (link.session == nullptr) return 0;
    begin_share();
    return link.session->receive(bytes);
}

// Written at the end of the turn, behind the mail; then the session is pumped.
void Shard::link_writable(Link& link) { mark_dirty(link); }

void Shard::mark_dirty(Link& link) {
    if (std::exchange(link.dirty, true)) return;
    dirty_.push_back(&link);
}

void Shard::pump_later(Session& session) {
    if (!std::exchange(session.pump_pending, true)) pumping_.push_back(&session);
}

Session& Shard::add_session(std::string client_id) {
    auto made = std::make_unique<Session>(*this, std::move(client_id), ++last_key_);
    Session& session = *made;
    sessions_.emplace(session.client_id(), std::move(made));
    roster_.add(session);
    return session;
}

void Shard::session_discarded(Session& session) {
    roster_.remove(session);
    members_.erase(session.key());
    if (session.pump_pending) std::erase(pumping_, &session);
    const auto found = sessions_.find(std::string_view(session.client_id()));
    ASSERT(found != sessions_.end() && found->second.get() == &session);
    (session.subscriptions.empty() ? discarded_ : ending_).push_back(std::move(found->second));
    sessions_.erase(found);
}

// --- administration ------------------------------------------------------------------------------

bool Shard::kick(std::string_view client_id) {
    Session* const session = find(client_id);
    if (session == nullptr || session->link() == nullptr) return false;
    session->detach(End::broker_closed, Reason::administrative_action);
    return true;
}

void Shard::disconnect_all(Reason reason) {
    std::vector<Session*> connected;
    for (const auto& [id, session] : sessions_)
        if (session->link() != nullptr) connected.push_back(session.get());
    for (Session* session : connected) session->detach(End::broker_closed, reason);
    end_guests(reason);
}

void Shard::visit_sessions(const std::function<void(const Session&)>& visit) const {
    for (const auto& [id, session] : sessions_) visit(*session);
}

}  // namespace drawbridge::core
