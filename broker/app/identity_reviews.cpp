#include "broker/app/identity_reviews.hpp"

#include "broker/base/log.hpp"

namespace drawbridge::app {

void IdentityReviews::attach(net::Network& network) {
    const std::scoped_lock lock(mutex_);
    network_ = &network;
    pending_.resize(network.loops());
}

void IdentityReviews::detach() {
    const std::scoped_lock lock(mutex_);
    network_ = nullptr;
}

void IdentityReviews::add(const auth::DeviceChange& change) {
    const std::scoped_lock lock(mutex_);
    if (network_ == nullptr) return;
    for (unsigned index = 0; index < network_->loops(); ++index) {
        Pending& pending = pending_[index];
        const bool review_is_due = !pending.empty();
        pending.insert_or_assign(change.device_id, change);
        if (review_is_due) continue;
        net::Loop& loop = network_->loop(index);
        loop.post([this, &loop] { review(loop.shard()); });
    }
}

void IdentityReviews::review(core::Shard& shard) {
    Pending changes;
    {
        const std::scoped_lock lock(mutex_);
        changes.swap(pending_[shard.index()]);
    }
    using Verdict = core::Shard::Verdict;
    shard.review_identities([&](const core::Session& session) -> Verdict {
        const auto found = changes.find(std::string(session.identity().id()));
        if (found == changes.end()) return {};
        const auth::DeviceChange& change = found->second;
        const core::IdentityPtr& held = session.held_identity();
        core::IdentityPtr renewed = change.renew(session.client_id(), held);
        if (renewed == held) return {};
        if (renewed) return {Verdict::Kind::replace, std::move(renewed)};
        log::info("client {}: its device was {}; its connection ends", session.client_id(),
                  change.removed ? "removed" : "disabled, or its key revoked");
        return {change.removed ? Verdict::Kind::discard : Verdict::Kind::disconnect, nullptr};
    });
}

}  // namespace drawbridge::app
