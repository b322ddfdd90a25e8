// Broker: the shards and what they share.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "broker/core/audit.hpp"
#include "broker/core/full_queues.hpp"
#include "broker/core/retained_store.hpp"
#include "broker/core/settings.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

class Broker {
public:
    Broker(const Settings& settings, unsigned shards);

    const Settings& settings() const { return settings_; }
    RetainedStore& retained() { return retained_; }
    FullQueues& full_queues() { return full_queues_; }
    Audit& audit() { return *audit_; }
    // Before the start, if anything is to be kept. audit must outlive the broker.
    void set_audit(Audit& audit) { audit_ = &audit; }
    unsigned shards() const { return static_cast<unsigned>(shards_.size()); }
    Shard& shard(unsigned index) { return *shards_[index]; }

    // How many there are, those without a connection included.
    std::uint64_t sessions() const;

    // Sessions that outlive the process.
    std::uint64_t kept_sessions() const { return kept_sessions_.load(std::memory_order_relaxed); }
    void count_kept(int change) {
        kept_sessions_.fetch_add(static_cast<std::uint64_t>(change), std::memory_order_relaxed);
    }
    void count_shared(long change) {
        shared_subscriptions_.fetch_add(static_cast<std::uint64_t>(change),
                                        std::memory_order_relaxed);
    }
    // Must a message that is published on the shard with these stats perhaps be kept because of
    // what other shards make of it? They have sessions that are kept, or share groups whose members
    // are anywhere.
    bool keeps_elsewhere(const Stats& here) const {
        if (shards_.size() == 1) return false;
        return kept_sessions() != here.sessions_kept.read() ||
               shared_subscriptions_.load(std::memory_order_relaxed) > 0;
    }

    // Where a client id, or all share groups of one name, live for ever.
    unsigned home_of(std::string_view name) const;
    // name: "share/filter".
    GroupRef group_of(const std::string& name) const {
        return {ShareGroups::id_of(name), home_of(name.substr(0, name.find('/')))};
    }
    // A client id that nobody else has, at home on the given shard (MQTT-3.1.3-6). Any thread.
    std::string draw_client_id(unsigned shard) const;

private:
    const Settings settings_;
    RetainedStore retained_{settings_.limits};
    FullQueues full_queues_;
    Audit* audit_ = &no_audit();  // never null
    std::atomic<std::uint64_t> kept_sessions_{0};
    std::atomic<std::uint64_t> shared_subscriptions_{0};
    std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace drawbridge::core
