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
    erase_expired(now, expired_per_call_max);
    const std::vector<Place> replaced = replaced_by(message);
    std::size_t replaced_bytes = 0;
    for (const Place at : replaced) replaced_bytes += at->second.message->bytes();
    if (!removes) {
        if (replaced.empty() && kept_.size() >= limits_.max_retained_messages) return false;
        if (bytes_ - replaced_bytes + copy->bytes() > limits_.max_retained_bytes) return false;
    }
    for (const Place at : replaced) erase(at);
    if (removes) return true;
    bytes_ += copy->bytes();
    const MessageView kept = copy->view();
    const Key key(kept.topic, kept.tenant);
    if (kept.expires()) expiries_.emplace(kept.expires_at, key);
    kept_.emplace(key, Kept{std::move(copy), origin});
    return true;
}

// By one without a tenant: those of all tenants. 30,000 of them are erased in 2 ms, once.
std::vector<RetainedStore::Place> RetainedStore::replaced_by(const MessageView& message) {
    std::vector<Place> places;
    if (message.tenant == 0) {
        auto at = kept_.lower_bound({message.topic, 0});
        for (; at != kept_.end() && at->first.first == message.topic; ++at) places.push_back(at);
        return places;
    }
    for (const TenantId tenant : {TenantId{0}, message.tenant}) {
        const auto at = kept_.find({message.topic, tenant});
        if (at != kept_.end()) places.push_back(at);
    }
    return places;
}

void RetainedStore::erase_expired(TimePoint now, int left) {
    for (; left > 0 && !expiries_.empty() && expiries_.begin()->first <= now; --left) {
        const Place at = kept_.find(expiries_.begin()->second);
        expired_.emplace_back(at->first.first);
        erase(at);
    }
}

TimePoint RetainedStore::drop_expired(TimePoint now, int left, std::vector<std::string>& gone) {
    const std::unique_lock lock(mutex_);
    erase_expired(now, left);
    gone = std::exchange(expired_, {});
    return expiries_.empty() ? TimePoint::max() : expiries_.begin()->first;
}

void RetainedStore::erase(Place at) {
    const MessagePtr keeps_the_topic_alive = at->second.message;
    const MessageView gone = keeps_the_topic_alive->view();
    bytes_ -= keeps_the_topic_alive->bytes();
    if (gone.expires()) expiries_.erase({gone.expires_at, at->first});
    kept_.erase(at);
}

std::optional<RetainedPlace> RetainedStore::search(std::string_view filter, TenantId reader,
                                                   const RetainedPlace& after, std::size_t& steps,
                                                   TimePoint now, const Visit& visit) const {
    const std::shared_lock lock(mutex_);
    const auto taken = [&](const Kept& kept) {
        return kept.message->view().expired(now) || visit(kept.message, kept.origin);
    };
    const bool exact = !wire::has_wildcard(filter);
    const std::string_view beginning = fixed_beginning(filter);
    const auto is_near = [&](std::string_view topic) {
        return exact ? topic == filter : topic.starts_with(beginning);
    };
    Key last(after.topic, after.tenant);
    auto at = after.topic.empty() ? kept_.lower_bound({beginning, 0}) : kept_.upper_bound(last);
    const auto is_hidden = [&](TenantId tenant) {
        return reader != 0 && tenant != 0 && tenant != reader;
    };
    // Past the other tenants, however many there are.
    const auto next = [&](auto from) {
        const auto [topic, tenant] = from->first;
        if (!is_hidden(tenant)) return std::next(from);
        if (tenant < reader) return kept_.lower_bound({topic, reader});
        return kept_.upper_bound({topic, no_tenant_left});
    };
    for (; at != kept_.end() && is_near(at->first.first); at = next(at)) {
        if (steps == 0) return RetainedPlace(last.first, last.second);
        --steps;
        if (!is_hidden(at->first.second) && wire::matches(filter, at->first.first) &&
            !taken(at->second))
            return RetainedPlace(last.first, last.second);
        last = at->first;
    }
    return std::nullopt;
}

std::vector<KeptRetained> RetainedStore::of_topic(std::string_view topic) const {
    const std::shared_lock lock(mutex_);
    std::vector<KeptRetained> kept;
    for (auto at = kept_.lower_bound({topic, 0}); at != kept_.end() && at->first.first == topic;
         ++at)
        kept.push_back({at->second.message, at->second.origin.publisher});
    return kept;
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
