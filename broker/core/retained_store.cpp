#include "broker/core/retained_store.hpp"

#include <mutex>

#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// Erased while the lock is held: some tens of microseconds.
constexpr int expired_per_call_max = 256;

// The part of a filter before its first level with a wildcard: every topic it matches begins so.
// ("a/#" matches "a" as well, so the '/' before '#' does not count.)
std::string_view fixed_beginning(std::string_view filter) {
    const std::size_t wildcard = filter.find_first_of("+#");
    if (wildcard == std::string_view::npos) return filter;
    const bool parent_matches = filter[wildcard] == '#' && wildcard > 0;
    return filter.substr(0, parent_matches ? wildcard - 1 : wildcard);
}

}  // namespace

bool RetainedStore::store(const MessageView& message, RetainedOrigin origin, TimePoint now) {
    const bool removes = message.payload.empty() || message.expired(now);
    MessagePtr copy = removes ? nullptr : Message::copy_of(message);
    const std::unique_lock lock(mutex_);
    for (int left = expired_per_call_max;
         left > 0 && !expiries_.empty() && expiries_.begin()->first <= now; --left)
        erase(kept_.find(expiries_.begin()->second));
    const auto found = kept_.find(message.topic);
    if (removes) {
        if (found != kept_.end()) erase(found);
        return true;
    }
    const std::size_t replaced = found == kept_.end() ? 0 : found->second.message->bytes();
    if (found == kept_.end() && kept_.size() >= limits_.max_retained_messages) return false;
    if (bytes_ - replaced + copy->bytes() > limits_.max_retained_bytes) return false;
    if (found != kept_.end()) erase(found);
    bytes_ += copy->bytes();
    const MessageView kept = copy->view();
    if (kept.expires()) expiries_.emplace(kept.expires_at, kept.topic);
    kept_.emplace(kept.topic, Kept{std::move(copy), origin});
    return true;
}

void RetainedStore::erase(std::map<std::string_view, Kept>::iterator at) {
    const MessagePtr keeps_the_topic_alive = at->second.message;
    const MessageView gone = keeps_the_topic_alive->view();
    bytes_ -= keeps_the_topic_alive->bytes();
    if (gone.expires()) expiries_.erase({gone.expires_at, gone.topic});
    kept_.erase(at);
}

std::optional<std::string> RetainedStore::search(std::string_view filter, const std::string& after,
                                                 std::size_t& steps, TimePoint now,
                                                 const Visit& visit) const {
    const std::shared_lock lock(mutex_);
    const auto taken = [&](const Kept& kept) {
        return kept.message->view().expired(now) || visit(kept.message, kept.origin);
    };
    if (!wire::has_wildcard(filter)) {
        if (steps > 0) --steps;
        const auto found = kept_.find(filter);
        if (found == kept_.end() || taken(found->second)) return std::nullopt;
        return after;
    }
    const std::string_view beginning = fixed_beginning(filter);
    std::string_view last = after;
    auto at = after.empty() ? kept_.lower_bound(beginning) : kept_.upper_bound(after);
    for (; at != kept_.end() && at->first.starts_with(beginning); ++at) {
        if (steps == 0) return std::string(last);
        --steps;
        if (wire::matches(filter, at->first) && !taken(at->second)) return std::string(last);
        last = at->first;
    }
    return std::nullopt;
}

std::size_t RetainedStore::messages() const {
    const std::shared_lock lock(mutex_);
    return kept_.size();
}

std::size_t RetainedStore::bytes() const {
    const std::shared_lock lock(mutex_);
    return bytes_;
}

}  // namespace drawbridge::core
