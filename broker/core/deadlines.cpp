#include "broker/core/deadlines.hpp"

#include "broker/base/assert.hpp"

namespace drawbridge::core {

void Deadlines::put(std::size_t place, Deadline* deadline) {
    heap_[place] = deadline;
    deadline->place_ = static_cast<std::uint32_t>(place);
}

void Deadlines::rise(std::size_t place) {
    Deadline* const rising = heap_[place];
    while (place > 0) {
        const std::size_t parent = (place - 1) / 2;
        if (heap_[parent]->at_ <= rising->at_) break;
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, rising);
}

void Deadlines::sink(std::size_t place) {
    Deadline* const sinking = heap_[place];
    for (;;) {
        std::size_t child = 2 * place + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && heap_[child + 1]->at_ < heap_[child]->at_) ++child;
        if (sinking->at_ <= heap_[child]->at_) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, sinking);
}

void Deadlines::set(Deadline& deadline, TimePoint at) {
    cancel(deadline);
    deadline.at_ = at;
    heap_.push_back(&deadline);
    rise(heap_.size() - 1);
}

void Deadlines::cancel(Deadline& deadline) {
    if (!deadline.is_set()) return;
    const std::size_t place = deadline.place_;
    ASSERT(heap_[place] == &deadline);
    deadline.place_ = Deadline::nowhere;
    Deadline* const last = heap_.back();
    heap_.pop_back();
    if (last == &deadline) return;
    put(place, last);
    rise(place);
    sink(last->place_);
}

void Deadlines::expire(TimePoint now) {
    while (!heap_.empty() && heap_.front()->at_ <= now) {
        Deadline& due = *heap_.front();
        cancel(due);
        due.expired(now);
    }
}

}  // namespace drawbridge::core
