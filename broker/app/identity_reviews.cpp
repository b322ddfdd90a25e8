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
    const auto shared = std::make_shared<const auth::DeviceChange>(change);
    add_to_each_shard(
        [&](Pending& pending) { pending.devices.insert_or_assign(change.device_id, shared); });
}

void IdentityReviews::add(const auth::ProfileChange& change) {
    add_to_each_shard(
        [&](Pending& pending) { pending.profiles.insert_or_assign(change.name, change); });
}

template <class Put>
void IdentityReviews::add_to_each_shard(Put put) {
    const std::scoped_lock lock(mutex_);
    if (network_ == nullptr) return;
    for (unsigned index = 0; index < network_->loops(); ++index) {
        Pending& pending = pending_[index];
        put(pending);
        if (std::exchange(pending.is_under_way, true)) continue;
        net::Loop& loop = network_->loop(index);
        loop.post([this, &loop] { review(loop.shard()); });
    }
}

void IdentityReviews::review(core::Shard& shard) {
    auto changes = std::make_shared<Pending>();
    {
        const std::scoped_lock lock(mutex_);
        Pending& pending = pending_[shard.index()];
        pending.is_under_way = !pending.empty();
        if (!pending.is_under_way) return;
        changes->devices.swap(pending.devices);
        changes->profiles.swap(pending.profiles);
    }
    remember(recent_[shard.index()], *changes, shard.now());
    shard.review_identities(
        [changes](const std::string& client_id, const core::IdentityPtr& held) {
            return judge(client_id, held, *changes);
        },
        [this, &shard] { review(shard); });
}

// What is too old is looked for now and then, not with each of the many changes of an import.
void IdentityReviews::remember(Recent& recent, const Pending& changes, TimePoint now) const {
    if (recent.purged_at + remember_ < now) {
        const auto is_old = [&](const auto& one) { return one.second.at + remember_ < now; };
        std::erase_if(recent.devices, is_old);
        std::erase_if(recent.profiles, is_old);
        recent.purged_at = now;
    }
    for (const auto& [id, change] : changes.devices)
        recent.devices.insert_or_assign(id, Dated<DeviceChangePtr>{now, change});
    for (const auto& [name, change] : changes.profiles)
        recent.profiles.insert_or_assign(name, Dated<auth::ProfileChange>{now, change});
}

core::Shard::Verdict IdentityReviews::judge(const std::string& client_id,
                                            const core::IdentityPtr& held, const Pending& changes) {
    using Verdict = core::Shard::Verdict;
    const auto of_name = changes.devices.find(client_id);
    if (of_name != changes.devices.end() && of_name->second->claims_name_of(client_id, held)) {
        log::info("client {}: there is a device of this name now; the session of {} ends",
                  client_id, held->id());
        return {Verdict::Kind::discard, nullptr};
    }
    core::IdentityPtr renewed = held;
    const auto device = changes.devices.find(std::string(held->id()));
    if (device != changes.devices.end()) {
        const auth::DeviceChange& change = *device->second;
        renewed = change.renew(client_id, held);
        if (!renewed) {
            log::info("client {}: its device was {}; its connection ends", client_id,
                      change.removed ? "removed" : "disabled, or its key revoked");
            return {change.removed ? Verdict::Kind::discard : Verdict::Kind::disconnect, nullptr};
        }
    }
    // After the device, whose record was read with this profile or one before it.
    const auto profile = changes.profiles.find(std::string(renewed->profile()));
    if (profile != changes.profiles.end()) {
        renewed = profile->second.renew(client_id, renewed);
        if (!renewed) {
            log::info(
                "client {}: its profile {} {}; its connection ends", client_id, profile->first,
                profile->second.profile ? "does not allow its client id any more" : "is gone");
            return {Verdict::Kind::disconnect, nullptr};
        }
    }
    if (renewed == held) return {};
    return {Verdict::Kind::replace, std::move(renewed)};
}

core::IdentityPtr IdentityReviews::recheck(core::Shard& shard, const std::string& client_id,
                                           const core::IdentityPtr& identity) {
    const Recent& recent = recent_[shard.index()];
    core::IdentityPtr renewed = identity;
    const auto of_name = recent.devices.find(client_id);
    if (of_name != recent.devices.end() &&
        of_name->second.change->claims_name_of(client_id, identity))
        return nullptr;
    const auto device = recent.devices.find(std::string(identity->id()));
    if (device != recent.devices.end()) renewed = device->second.change->renew(client_id, renewed);
    if (!renewed) return nullptr;
    const auto profile = recent.profiles.find(std::string(renewed->profile()));
    return profile == recent.profiles.end() ? renewed
                                            : profile->second.change.renew(client_id, renewed);
}

}  // namespace drawbridge::app
