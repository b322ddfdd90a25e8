#include "broker/core/outbound.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"

namespace drawbridge::core {
namespace {

// Keeps what stays, moves out what goes, both in order.
template <class Goes>
void divide(Ring<Outgoing>& ring, std::vector<Outgoing>& gone, Goes goes) {
    for (std::size_t left = ring.size(); left > 0; --left) {
        Outgoing message = ring.pop_front();
        if (goes(message))
            gone.push_back(std::move(message));
        else
            ring.push_back(std::move(message));
    }
}

}  // namespace

void Outbound::begin_connection(std::size_t window) {
    window_ = window;
    unsent_ = sent_.size();
}

bool Outbound::push(Outgoing message, const Limits& limits) {
    const std::size_t bytes = message.message->bytes();
    if (waiting_.size() >= limits.max_queued_messages) return false;
    if (waiting_bytes_ + bytes > limits.max_queued_bytes) return false;
    waiting_bytes_ += bytes;
    waiting_.push_back(std::move(message));
    return true;
}

Outgoing* Outbound::next(TimePoint now) {
    if (!window_open()) return nullptr;
    if (unsent_ > 0) {
        Outgoing& again = sent_[sent_.size() - unsent_];
        --unsent_;
        again.sent_before = true;
        return &again;
    }
    while (!waiting_.empty()) {
        Outgoing message = waiting_.pop_front();
        waiting_bytes_ -= message.message->bytes();
        if (message.message->view().expired(now)) {  // MQTT-3.3.2-5
            ++expired_;
            continue;
        }
        message.packet_id = draw_packet_id();
        message.awaits = message.qos == 1 ? Outgoing::Awaits::puback : Outgoing::Awaits::pubrec;
        sent_.push_back(std::move(message));
        return &sent_.back();
    }
    return nullptr;
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
        sent_.erase(i);
        return;
    }
    ASSERT(!"acknowledged: not a sent message");
}

std::vector<Outgoing> Outbound::take_shared() {
    std::vector<Outgoing> gone;
    const auto picked = [](const Outgoing& message) { return message.group.id != 0; };
    ASSERT(unsent_ == sent_.size());  // only while there is no connection
    divide(sent_, gone, [&](const Outgoing& message) {
        return picked(message) && message.awaits == Outgoing::Awaits::puback;
    });
    unsent_ = sent_.size();
    divide(waiting_, gone, picked);
    waiting_bytes_ = 0;
    for (std::size_t i = 0; i < waiting_.size(); ++i)
        waiting_bytes_ += waiting_[i].message->bytes();
    return gone;
}

}  // namespace drawbridge::core
