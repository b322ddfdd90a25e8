#include "broker/app/identity_reviews.hpp"

#include "broker/base/log.hpp"

namespace drawbridge::app {

void IdentityReviews::attach(net::Network& network, Duration remember) {
    const std::scoped_lock lock(mutex_);
    network_ = &network;
    remember_ = remember;
    pending_.resize(network.loops());
    recent_.resize(network.loops());
    for (unsigned index = 0; index < network.loops(); ++index) {
        core::Shard& shard = network.loop(index).shard();
        shard.recheck = [this, &shard](const std::string& client_id,
                                       const core::IdentityPtr& identity) {
            return recheck(shard, client_id, identity);
        };
    }
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
    auto& recent = recent_[shard.index()];
    std::erase_if(recent, [&](const auto& one) { return one.second.at + remember_ < shard.now(); });
    for (const auto& [id, change] : changes)
        recent.insert_or_assign(id, Recent{shard.now(), change});

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

core::IdentityPtr IdentityReviews::recheck(core::Shard& shard, const std::string& client_id,
                                           const core::IdentityPtr& identity) {
    const auto& recent = recent_[shard.index()];
    const auto found = recent.find(std::string(identity->id()));
    return found == recent.end() ? identity : found->second.change.renew(client_id, identity);
}

}  // namespace drawbridge::app
