// Outbound of a session that outlives the process: what the journal is told of it, and what of it
// is on disk alone.
#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/core/outbound.hpp"

namespace drawbridge::core {

void Outbound::restore(std::vector<Outgoing> sent, const KeptQueue& queue, std::uint64_t last_seq) {
    for (Outgoing& message : sent) sent_.push_back(std::move(message));
    unsent_ = sent_.size();
    stored_ = queue;
    waiting_bytes_ = queue.bytes;
    last_seq_ = last_seq;
}

void Outbound::begin_packet_ids(std::uint16_t last) {
    last_packet_id_ = last;
    look_again_at_ = static_cast<std::uint16_t>(last + 1);
}

void Outbound::tell_changes(std::uint64_t told, const std::function<void(Outgoing&)>& tell) {
    for (std::size_t i = 0; i < sent_.size(); ++i)
        if (sent_[i].progressed || sent_[i].seq > told) tell(sent_[i]);
    for (Ring<Outgoing>* const ring : {&waiting_, &fresh_}) {
        std::size_t first = ring->size();
        while (first > 0 && (*ring)[first - 1].seq > told) --first;
        for (; first < ring->size(); ++first) tell((*ring)[first]);
    }
}

void Outbound::note_gone(std::uint64_t seq) {
    if (seq == 0) return;
    if (!gone_.empty() && gone_.back().last + 1 == seq)
        gone_.back().last = seq;
    else
        gone_.push_back({0, seq, seq});
}

void Outbound::note_hole(std::uint64_t seq) {
    if (seq == 0) return;
    if (!holes_.empty() && holes_.back().last + 1 == seq)
        holes_.back().last = seq;
    else
        holes_.push_back({0, seq, seq});
}

bool Outbound::is_hole(const std::vector<KeptRange>& holes, std::uint64_t seq) {
    return std::ranges::any_of(
        holes, [&](const KeptRange& hole) { return hole.first <= seq && seq <= hole.last; });
}

// Before the oldest that waits there are none that matter.
void Outbound::forget_holes() {
    std::uint64_t oldest = stored_.messages > 0 ? stored_.first : last_seq_ + 1;
    for (const Ring<Outgoing>* const ring : {&waiting_, &fresh_})
        if (!ring->empty()) oldest = std::min(oldest, (*ring)[0].seq);
    std::erase_if(holes_, [&](const KeptRange& hole) { return hole.last < oldest; });
}

void Outbound::store(const Outgoing& message) {
    if (stored_.messages++ == 0) stored_.first = message.seq;
    stored_.last = message.seq;
    stored_.bytes += message.message->bytes();
    stored_.none_expires_before =
        std::min(stored_.none_expires_before, message.message->view().expires_at);
    stored_.shared += message.group.id != 0;
}

// What is stored is behind all that is in waiting_, so that goes whole or, if nothing is stored,
// as far as it is safe; the rest is fresh then.
void Outbound::leave_to_disk(std::uint64_t safe, bool all) {
    if (!holes_.empty()) forget_holes();
    if (all && !waiting_.empty()) {
        const KeptQueue behind = std::exchange(stored_, {});
        Ring<Outgoing> rest;
        for (Ring<Outgoing>* const ring : {&waiting_, &fresh_}) {
            if (ring == &fresh_ && behind.messages > 0) {
                ASSERT(rest.empty());
                if (stored_.messages == 0) stored_.first = behind.first;
                stored_.last = behind.last;
                stored_.messages += behind.messages;
                stored_.bytes += behind.bytes;
                stored_.none_expires_before =
                    std::min(stored_.none_expires_before, behind.none_expires_before);
                stored_.shared += behind.shared;
            }
            while (!ring->empty()) {
                Outgoing message = ring->pop_front();
                if (rest.empty() && message.seq <= safe)
                    store(message);
                else
                    rest.push_back(std::move(message));
            }
        }
        fresh_ = std::move(rest);
        return;
    }
    while (!fresh_.empty() && fresh_.front().seq <= safe) store(fresh_.pop_front());
}

bool Outbound::wants_stored() const {
    return stored_.messages > 0 && waiting_.size() < limits::queue_messages_in_memory / 4;
}

void Outbound::take_in_stored(std::vector<Outgoing> messages,
                              const std::vector<std::uint64_t>& damaged, std::uint64_t last) {
    for (const std::uint64_t seq : damaged) {
        if (is_hole(holes_, seq)) continue;
        stored_.messages -= std::min<std::uint64_t>(1, stored_.messages);
        note_gone(seq);
    }
    for (Outgoing& message : messages) {
        if (is_hole(holes_, message.seq)) continue;  // its end is not on disk yet
        const std::size_t bytes = message.message->bytes();
        const std::size_t counted = std::min<std::uint64_t>(bytes, stored_.bytes);
        waiting_bytes_ += bytes - counted;
        stored_.bytes -= counted;
        stored_.messages -= std::min<std::uint64_t>(1, stored_.messages);
        stored_.shared -= std::min<std::uint64_t>(message.group.id != 0, stored_.shared);
        waiting_.push_back(std::move(message));
    }
    stored_.first = last + 1;
    if (stored_.first <= stored_.last && stored_.messages > 0) return;
    waiting_bytes_ -= std::min<std::uint64_t>(stored_.bytes, waiting_bytes_);  // never read
    stored_ = {};
}

bool Outbound::is_nearly_full(const Limits& limits) const {
    return waiting() >= limits.max_queued_messages - limits.max_queued_messages / 4 ||
           waiting_bytes_ >= limits.max_queued_bytes - limits.max_queued_bytes / 4;
}

KeptQueue Outbound::begin_expired_out() {
    const KeptQueue queue = stored_;
    stored_.none_expires_before = TimePoint::max();
    return queue;
}

void Outbound::expired_out(const std::vector<Journal::Expired>& expired,
                           TimePoint none_expires_before) {
    for (const Journal::Expired& one : expired) {
        if (stored_.messages == 0) break;
        if (is_hole(holes_, one.seq)) continue;
        const std::uint64_t bytes = std::min(one.bytes, stored_.bytes);
        waiting_bytes_ -= std::min<std::uint64_t>(bytes, waiting_bytes_);
        stored_.bytes -= bytes;
        stored_.shared -= std::min<std::uint64_t>(one.shared, stored_.shared);
        --stored_.messages;
        note_gone(one.seq);
        ++expired_;
    }
    stored_.none_expires_before = std::min(stored_.none_expires_before, none_expires_before);
    if (stored_.messages > 0) return;
    waiting_bytes_ -= std::min<std::uint64_t>(stored_.bytes, waiting_bytes_);
    stored_ = {};
}

}  // namespace drawbridge::core
