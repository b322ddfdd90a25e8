#include "bridge/pending_bytes.hpp"

#include <algorithm>

namespace drawbridge::bridge {

void PendingBytes::set(HasPending& one, std::size_t bytes) {
    if (one.bytes_ == bytes) return;
    if (one.bytes_ == 0) {
        one.place_ = all_.size();
        all_.push_back(&one);
    }
    bytes_ = bytes_ - one.bytes_ + bytes;
    one.bytes_ = bytes;
    if (bytes == 0) {
        all_[one.place_] = all_.back();
        all_[one.place_]->place_ = one.place_;
        all_.pop_back();
    }
    if (bytes_ <= bytes_max_) return;
    HasPending& largest =
        **std::ranges::max_element(all_, {}, [](const HasPending* each) { return each->bytes_; });
    set(largest, 0);
    largest.cut_off_as_slow();
}

}  // namespace drawbridge::bridge
