// A session that outlives the process: what it tells the journal, what it takes back, and which of
// its answers have to wait until they are true. MQTT 5.0, section 4.1.
#include <algorithm>

#include "broker/core/broker.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {
namespace {

// Answers of one client that wait: what comes from it then waits as well.
constexpr std::size_t answers_held_max = 4'096;

KeptMessage::State state_of(const Outgoing& message) {
    if (message.packet_id == 0) return KeptMessage::State::waits;
    return message.awaits == Outgoing::Awaits::pubcomp ? KeptMessage::State::received
                                                       : KeptMessage::State::sent;
}

}  // namespace

// --- what the journal is told --------------------------------------------------------------------

void Session::keep_from_now_on() {
    keep_ = std::make_unique<SessionKeep>(*this, shard_.keeper().draw_session_id());
    shard_.broker().count_kept(1);
    shard_.stats().sessions_kept.add();
}

void Session::forget_keep() {
    if (!keep_) return;
    Keeper& keeper = shard_.keeper();
    const bool hands_on = keeper.hands_on(*keep_);
    const bool has_orphans = outbound_ && outbound_->stored().shared > 0;
    if (hands_on || has_orphans) {
        KeptSession ended = row();
        ended.away = false;  // and with an expiry of 0: it has ended with its connection
        ended.expiry_s = 0;
        keeper.note_ending(std::move(ended));
    }
    if (has_orphans)
        keeper.load_orphans(keep_->id, outbound_->stored(), outbound_->holes());
    else
        keeper.note_ended(keep_->id, hands_on);
    keeper.forget(*keep_);
    keep_.reset();
    shard_.broker().count_kept(-1);
    shard_.stats().sessions_kept.subtract();
}

void Session::note_change(Keeper::Urgency urgency) {
    if (keep_) shard_.keeper().note(*keep_, urgency);
}

void Session::note_itself(Keeper::Urgency urgency) {
    if (!keep_) return;
    keep_->itself_changed = true;
    note_change(urgency);
}

void Session::note_subscription(std::string_view share, std::string_view filter,
                                Keeper::Urgency urgency) {
    if (!keep_) return;
    keep_->subscriptions.emplace_back(share, filter);
    note_change(urgency);
}

void Session::note_received(std::uint16_t packet_id, Keeper::Urgency urgency) {
    if (!keep_) return;
    keep_->received.push_back(packet_id);
    note_change(urgency);
}

// Marks a message of QoS 1 or 2 that is about to be queued as one to be kept.
void Session::keep_message(Outgoing& message) {
    if (!keep_ || message.qos == 0) return;
    message.seq = 1;  // the queue says which
    message.from = shard_.keeper().open_turn();
    const bool waits_for_disk = link_ == nullptr || message.qos == 2;
    note_change(waits_for_disk ? Keeper::Urgency::now : Keeper::Urgency::soon);
}

void Session::tell_journal(Bundle& bundle, std::vector<OpenTurnPtr>& open) {
    if (std::exchange(keep_->itself_changed, false)) bundle.sessions.push_back(row());
    tell_subscriptions(bundle);
    for (const std::uint16_t id : std::exchange(keep_->received, {})) {
        const bool awaited =
            received_qos2_ && std::ranges::find(*received_qos2_, id) != received_qos2_->end();
        bundle.received.push_back({keep_->id, id, !awaited});
    }
    if (!outbound_) return;
    const std::uint64_t told = keep_->told;
    for (KeptRange& gone : outbound_->take_gone()) {
        if (gone.first > told) continue;
        gone.session = keep_->id;
        gone.last = std::min(gone.last, told);
        bundle.removed.push_back(gone);
    }
    outbound_->tell_changes(told, [&](Outgoing& message) {
        message.progressed = false;
        if (message.from) open.push_back(std::move(message.from));
        if (message.seq > told)
            bundle.messages.push_back(row_of(message));
        else
            bundle.progress.push_back(
                {keep_->id, message.seq, message.packet_id, state_of(message)});
    });
    keep_->told = outbound_->last_seq();
}

KeptSession Session::row() const {
    const auto wall = [&](TimePoint at) {
        return at == TimePoint::max() ? WallTime::max() : WallClock::now() + (at - shard_.now());
    };
    KeptSession row;
    row.id = keep_->id;
    row.client_id = client_id_;
    row.identity = identity_->id();
    row.expiry_s = expiry_s_;
    row.last_packet_id = outbound_ ? outbound_->last_packet_id() : keep_->last_packet_id;
    row.away = link_ == nullptr;
    if (row.away) row.ends_at = wall(session_ends_at_);
    if (!will_) return row;
    row.will = {will_->message, will_->delay_s, will_->expiry_s.value_or(0),
                will_->expiry_s.has_value()};
    if (row.away) row.will_due = wall(will_->due);
    return row;
}

KeptMessage Session::row_of(const Outgoing& message) const {
    KeptMessage row;
    row.session = keep_->id;
    row.seq = message.seq;
    row.message = message.message;
    if (message.subscription_ids) row.subscription_ids = *message.subscription_ids;
    if (message.group.id != 0) row.share = share_of(message.group);
    row.packet_id = message.packet_id;
    row.qos = message.qos;
    row.retain = message.retain;
    row.sent_before = message.sent_before;
    row.state = state_of(message);
    return row;
}

void Session::tell_subscriptions(Bundle& bundle) {
    auto& changed = keep_->subscriptions;
    std::ranges::sort(changed);
    const auto twice = std::ranges::unique(changed);
    changed.erase(twice.begin(), twice.end());
    for (auto& [share, filter] : std::exchange(changed, {})) {
        KeptSubscription row;
        row.session = keep_->id;
        row.ended = true;
        if (!share.empty() && rare_) {
            for (const SharedSubscription& subscription : rare_->shared) {
                if (subscription.share != share || subscription.filter != filter) continue;
                row.options = subscription.options;
                row.id = subscription.id;
                row.ended = false;
            }
        } else if (const Subscription* const found =
                       share.empty() ? shard_.index_of_filters().find(*this, filter) : nullptr) {
            row.options.qos = found->qos;
            row.options.no_local = found->no_local;
            row.options.retain_as_published = found->retain_as_published;
            row.id = found->id;
            row.ended = false;
            row.replay = replay_of(filter);
        }
        row.share = std::move(share);
        row.filter = std::move(filter);
        bundle.subscriptions.push_back(std::move(row));
    }
}

// Where the retained messages stand that the subscription has brought; nothing if all are sent.
std::optional<std::string> Session::replay_of(std::string_view filter) const {
    if (rare_)
        for (const Replay& replay : rare_->replays)
            if (replay.filter == filter) return replay.after.topic;
    return std::nullopt;
}

// The client may have left the group since.
std::string Session::share_of(GroupRef group) const {
    for (const std::string& name : keep_->groups)
        if (ShareGroups::id_of(name) == group.id) return name;
    return {};
}

void Session::note_group(const std::string& name) {
    if (keep_ && std::ranges::find(keep_->groups, name) == keep_->groups.end())
        keep_->groups.push_back(name);
}

// --- the part of the queue that is on disk alone -------------------------------------------------

bool Session::has_queue_in_memory() const {
    return outbound_ &&
           (link_ == nullptr ? outbound_->has_waiting_in_memory() : outbound_->has_fresh());
}

// True if there is nothing more to leave.
bool Session::leave_queue_to_disk() {
    if (!keep_ || !outbound_) return true;
    outbound_->leave_to_disk(keep_->on_disk, link_ == nullptr);
    return !has_queue_in_memory();
}

void Session::look_at_stored() {
    if (keep_ && !keep_->loading && link_ != nullptr && outbound_ && outbound_->wants_stored())
        shard_.keeper().load(*keep_, outbound_->stored());
}

void Session::take_in_stored(const Journal::Loaded& loaded) {
    const KeptQueue& stored = outbound_->stored();
    if (stored.messages == 0 || loaded.asked.first != stored.first) return look_at_stored();
    std::vector<Outgoing> messages;
    for (const KeptMessage& row : loaded.messages) messages.push_back(outgoing_of(row));
    outbound_->take_in_stored(std::move(messages), loaded.damaged, loaded.up_to());
    if (!loaded.damaged.empty()) {
        shard_.stats().dropped_damaged.add(loaded.damaged.size());
        note_change(Keeper::Urgency::lazily);
    }
    if (keep_->judge_stored) withdraw_denied_messages();
    if (link_ == nullptr)
        leave_queue_to_disk();
    else
        pump();
}

// In time, so that nobody is refused because of messages that nobody wants any more.
void Session::look_for_expired() {
    const TimePoint now = shard_.now();
    if (!keep_ || keep_->loading || !outbound_->has_expired_on_disk(now)) return;
    if (!queue_full_ && !outbound_->is_nearly_full(limits())) return;
    if (now < keep_->expired_looked_for + limits::counting_out_interval) return;
    keep_->expired_looked_for = now;
    shard_.keeper().look_for_expired(*keep_, outbound_->begin_expired_out());
}

void Session::take_in_expired(const Journal::Loaded& loaded) {
    outbound_->expired_out(loaded.expired, loaded.none_expires_before);
    count_dropped();
    if (!loaded.expired.empty()) note_change(Keeper::Urgency::soon);  // loading waits for it
    look_for_room();
    arm_deadline();
}

Outgoing Session::outgoing_of(const KeptMessage& row) {
    Outgoing message;
    message.message = row.message;
    if (!row.subscription_ids.empty())
        message.subscription_ids =
            std::make_unique<std::vector<std::uint32_t>>(row.subscription_ids);
    if (!row.share.empty()) {
        note_group(row.share);
        message.group = shard_.broker().group_of(row.share);
    }
    message.seq = row.seq;
    message.packet_id = row.packet_id;
    message.qos = row.qos;
    message.retain = row.retain;
    message.sent_before = row.state != KeptMessage::State::waits || row.seq <= keep_->perhaps_sent;
    if (row.state == KeptMessage::State::received)
        message.awaits = Outgoing::Awaits::pubcomp;
    else if (row.qos == 2)
        message.awaits = Outgoing::Awaits::pubrec;
    return message;
}

// Of the rules that hold now, whatever they were when it was kept.
void Session::obey_rules() {
    end_denied_subscriptions();
    withdraw_denied_messages();
}

// --- answers that wait ---------------------------------------------------------------------------

bool Session::must_hold(Until until) const { return held_ || shard_.keeper().must_hold(until); }

std::uint64_t Session::round_now() const { return shard_.keeper().round(); }

HeldAnswers& Session::held(Until until) {
    if (!held_) held_ = std::make_unique<HeldAnswers>(*this);
    shard_.keeper().note_held(*held_, until);
    return *held_;
}

// Of QoS 2 nothing is sent that is not on disk: the client knows it by its packet identifier.
void Session::hold_publish(Outgoing& message) {
    message.held = true;
    held(Until::committed).answers.push_back({round_now(), 0, message.packet_id, Until::committed});
    note_change(Keeper::Urgency::now);
}

void Session::release_held() {
    const bool many = held_->answers.size() >= answers_held_max;
    while (!held_->answers.empty()) {
        const HeldAnswer next = held_->answers.front();
        if (!shard_.keeper().is_safe(next.round, next.until)) break;
        held_->answers.pop_front();
        if (next.bytes > 0) {
            output().append(held_->encoded.bytes().subspan(held_->sent, next.bytes));
            held_->sent += next.bytes;
        } else {
            send_held(next.packet_id);
        }
    }
    if (held_->answers.empty()) {
        held_.reset();
    } else if (held_->sent > held_->encoded.size() / 2) {
        Buffer rest;
        rest.append(held_->encoded.bytes().subspan(held_->sent));
        held_->encoded = std::move(rest);
        held_->sent = 0;
    }
    if (many && !holds_many()) link_->read_on();
}

bool Session::holds_many() const { return held_ && held_->answers.size() >= answers_held_max; }

void Session::send_held(std::uint16_t packet_id) {
    Outgoing* const message = outbound_->find(packet_id, Outgoing::Awaits::pubrec);
    if (message == nullptr || !message->held) return;
    message->held = false;
    send(*message);
}

}  // namespace drawbridge::core
