#include "broker/core/output.hpp"

#include "broker/base/assert.hpp"

namespace drawbridge::core {
namespace {

constexpr std::size_t compact_bytes_min = 16u << 10;

}  // namespace

void Output::append_payload(const MessagePtr& message) {
    if (!shared_) shared_ = std::make_unique<std::vector<Shared>>();
    shared_->push_back({bytes_.size(), 0, message});
    shared_bytes_ += message->view().payload.size();
}

std::size_t Output::peek(std::span<Bytes> pieces) const {
    std::size_t filled = 0;
    std::size_t at = taken_;
    const auto add = [&](Bytes piece) {
        if (!piece.empty() && filled < pieces.size()) pieces[filled++] = piece;
    };
    if (shared_) {
        for (const Shared& shared : *shared_) {
            if (filled == pieces.size()) return filled;
            add(bytes_.bytes().subspan(at, shared.before - at));
            add(shared.message->view().payload.subspan(shared.taken));
            at = shared.before;
        }
    }
    add(bytes_.bytes().subspan(at));
    return filled;
}

void Output::take(std::size_t size) {
    ASSERT(size <= this->size());
    if (size == this->size()) return clear();
    while (shared_ && !shared_->empty() && size > 0) {
        Shared& shared = shared_->front();
        const std::size_t own = std::min(size, shared.before - taken_);
        taken_ += own;
        size -= own;
        const std::size_t left = shared.message->view().payload.size() - shared.taken;
        const std::size_t part = std::min(size, left);
        shared.taken += part;
        shared_bytes_ -= part;
        size -= part;
        if (part < left) break;
        shared_->erase(shared_->begin());
    }
    taken_ += size;
    compact();
}

// A reader that is always a little behind never empties the buffer: what it has read must go all
// the same.
void Output::compact() {
    if (taken_ < compact_bytes_min || taken_ < bytes_.size() / 2) return;
    const std::size_t left = bytes_.size() - taken_;
    std::memmove(bytes_.data(), bytes_.data() + taken_, left);
    bytes_.shrink_to(left);
    if (shared_)
        for (Shared& shared : *shared_) shared.before -= taken_;
    taken_ = 0;
}

void Output::clear() {
    bytes_.clear();
    shared_.reset();
    taken_ = shared_bytes_ = 0;
}

}  // namespace drawbridge::core
