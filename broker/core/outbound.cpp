#include "broker/core/outbound.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"

namespace drawbridge::core {
namespace {

// The window holds back PUBLISH packets, and no PUBREL (MQTT-3.3.4-10): the first one among the
// last `unsent` comes before the others. False if there is none.
bool pubrel_comes_first(Ring<Outgoing>& sent, std::size_t unsent) {
    const std::size_t begin = sent.size() - unsent;
    std::size_t at = begin;
    while (at < sent.size() && sent[at].awaits != Outgoing::Awaits::pubcomp) ++at;
    if (at == sent.size()) return false;
    Outgoing pubrel = std::move(sent[at]);
    for (; at > begin; --at) sent[at] = std::move(sent[at - 1]);
    sent[begin] = std::move(pubrel);
    return true;
}

}  // namespace

void Outbound::begin_connection(std::size_t window) {
    window_ = window;
    unsent_ = sent_.size();
}

std::size_t Outbound::end_connection() {
    unsent_ = sent_.size();
    const std::size_t dropped = waiting_of_qos0_.size();
    while (!waiting_of_qos0_.empty()) take(waiting_of_qos0_);
    return dropped;
}

bool Outbound::has_drained(const Limits& limits) const {
    return waiting() <= limits.max_queued_messages / 2 &&
           waiting_bytes_ <= limits.max_queued_bytes / 2;
}

bool Outbound::is_full(std::size_t more_bytes, const Limits& limits) const {
    return waiting() >= limits.max_queued_messages ||
           waiting_bytes_ + more_bytes > limits.max_queued_bytes;
}

bool Outbound::push(Outgoing message, const Limits& limits, TimePoint now) {
    const std::size_t bytes = message.message->bytes();
    if (bytes > limits.max_queued_bytes) return false;
    while (is_full(bytes, limits) && !waiting_of_qos0_.empty()) {
        take(waiting_of_qos0_);
        ++displaced_;
    }
    if (is_full(bytes, limits)) drop_expired(now);
    if (is_full(bytes, limits)) return false;
    if (message.qos == 0) {
        put_back(waiting_of_qos0_, std::move(message));
        return true;
    }
    none_expires_before_ = std::min(none_expires_before_, message.message->view().expires_at);
    if (message.seq != 0) message.seq = draw_seq();
    const bool behind_stored = stored_.messages > 0 || !fresh_.empty() ||
                               waiting_.size() >= limits::queue_messages_in_memory;
    put_back(message.seq != 0 && behind_stored ? fresh_ : waiting_, std::move(message));
    return true;
}

void Outbound::drop_expired(TimePoint now) {
    if (now < none_expires_before_) return;
    none_expires_before_ = TimePoint::max();
    drop_expired(waiting_, now);
    drop_expired(fresh_, now);
}

void Outbound::drop_expired(Ring<Outgoing>& ring, TimePoint now) {
    for (std::size_t left = ring.size(); left > 0; --left) {
        Outgoing message = take(ring);
        const MessageView view = message.message->view();
        if (view.expired(now)) {
            ++expired_;
            note_gone(message.seq);
            note_hole(message.seq);
            continue;
        }
        none_expires_before_ = std::min(none_expires_before_, view.expires_at);
        put_back(ring, std::move(message));
    }
}

Outgoing Outbound::take(Ring<Outgoing>& ring) {
    Outgoing message = ring.pop_front();
    waiting_bytes_ -= message.message->bytes();
    return message;
}

void Outbound::put_back(Ring<Outgoing>& ring, Outgoing message) {
    waiting_bytes_ += message.message->bytes();
    ring.push_back(std::move(message));
}

// Of QoS 1 or 2, and in memory.
bool Outbound::has_waiting() {
    if (waiting_.empty() && stored_.messages == 0) std::swap(waiting_, fresh_);
    return !waiting_.empty();
}

Outgoing* Outbound::next(TimePoint now) {
    if (unsent_ > 0) {
        if (!window_open() && !pubrel_comes_first(sent_, unsent_)) return nullptr;
        Outgoing& again = sent_[sent_.size() - unsent_];
        --unsent_;
        again.sent_before |= !std::exchange(again.held, false);
        return &again;
    }
    while (window_open() && has_waiting()) {
        Outgoing message = take(waiting_);
        if (message.message->view().expired(now)) {  // MQTT-3.3.2-5
            ++expired_;
            note_gone(message.seq);
            continue;
        }
        message.packet_id = draw_packet_id();
        message.progressed = message.seq != 0;
        message.awaits = message.qos == 1 ? Outgoing::Awaits::puback : Outgoing::Awaits::pubrec;
        sent_.push_back(std::move(message));
        return &sent_.back();
    }
    return nullptr;
}

std::optional<Outgoing> Outbound::next_of_qos0(TimePoint now) {
    while (!waiting_of_qos0_.empty()) {
        Outgoing message = take(waiting_of_qos0_);
        if (!message.message->view().expired(now)) return message;
        ++expired_;
    }
    return std::nullopt;
}

// Identifiers are drawn in a circle, and none comes into use but by being drawn. So what is free on
// the way to look_again_at_ stays free, and a look at all that is in use is due only there
// (MQTT-2.2.1-4).
std::uint16_t Outbound::draw_packet_id() {
    ASSERT(sent_.size() < UINT16_MAX);
    while (++last_packet_id_ == look_again_at_) {
        const auto steps_to = [&](std::uint16_t id) {
            return static_cast<std::uint16_t>(id - last_packet_id_);
        };
        bool taken = last_packet_id_ == 0;
        std::uint16_t nearest = taken ? UINT16_MAX : steps_to(0);
        for (std::size_t i = 0; i < sent_.size(); ++i) {
            const std::uint16_t steps = steps_to(sent_[i].packet_id);
            if (steps == 0)
                taken = true;
            else
                nearest = std::min(nearest, steps);
        }
        look_again_at_ = static_cast<std::uint16_t>(last_packet_id_ + nearest);
        if (!taken) break;
    }
    return last_packet_id_;
}

Outgoing* Outbound::find(std::uint16_t packet_id, Outgoing::Awaits awaits) {
    for (std::size_t i = 0; i < sent_.size(); ++i)
        if (sent_[i].packet_id == packet_id) return sent_[i].awaits == awaits ? &sent_[i] : nullptr;
    return nullptr;
}

void Outbound::acknowledged(Outgoing& message) {
    for (std::size_t i = 0; i < sent_.size(); ++i) {
        if (&sent_[i] != &message) continue;
        if (i >= sent_.size() - unsent_) --unsent_;
        note_gone(message.seq);
        sent_.erase(i);
        return;
    }
    ASSERT(!"acknowledged: not a sent message");
}

std::vector<Outgoing> Outbound::take_waiting_shared() {
    std::vector<Outgoing> gone;
    for (Ring<Outgoing>* const ring : {&waiting_, &fresh_}) {
        for (std::size_t left = ring->size(); left > 0; --left) {
            Outgoing message = take(*ring);
            if (message.group.id == 0) {
                put_back(*ring, std::move(message));
                continue;
            }
            note_hole(message.seq);
            gone.push_back(std::move(message));
        }
    }
    return gone;
}

std::vector<Outgoing> Outbound::withdraw(const std::function<bool(const MessageView&)>& denied) {
    std::vector<Outgoing> gone;
    for (Ring<Outgoing>* const ring : {&waiting_, &fresh_, &waiting_of_qos0_}) {
        for (std::size_t left = ring->size(); left > 0; --left) {
            Outgoing message = take(*ring);
            if (!denied(message.message->view())) {
                put_back(*ring, std::move(message));
                continue;
            }
            note_hole(message.seq);
            gone.push_back(std::move(message));
        }
    }
    for (std::size_t i = sent_.size() - unsent_; i < sent_.size();) {
        Outgoing& message = sent_[i];
        if (message.awaits == Outgoing::Awaits::pubcomp || !denied(message.message->view())) {
            ++i;
        } else if (message.awaits == Outgoing::Awaits::puback) {
            gone.push_back(std::move(message));
            sent_.erase(i);
            --unsent_;
        } else {
            Outgoing& withdrawn = gone.emplace_back();
            withdrawn.message = message.message;
            withdrawn.qos = message.qos;
            message.goes_on_with_pubrel();
            ++i;
        }
    }
    return gone;
}

std::vector<Offer> Outbound::offers() const {
    std::vector<Offer> offers;
    for (std::size_t i = 0; i < sent_.size(); ++i) {
        const Outgoing& message = sent_[i];
        if (message.group.id != 0 && message.awaits == Outgoing::Awaits::puback)
            offers.push_back(
                {message.message, message.group, message.seq, message.packet_id, message.from});
    }
    return offers;
}

std::uint64_t Outbound::offer_taken(std::uint16_t packet_id, std::uint64_t group) {
    for (std::size_t i = sent_.size() - unsent_; i < sent_.size(); ++i) {
        const Outgoing& message = sent_[i];
        if (message.packet_id != packet_id || message.group.id != group) continue;
        if (message.awaits != Outgoing::Awaits::puback) return 0;
        const std::uint64_t seq = message.seq;
        --unsent_;
        sent_.erase(i);
        return seq;
    }
    return 0;
}

}  // namespace drawbridge::core
