// Broker: the shards and what they share.
#pragma once

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

    // Where a client id, or a share group, lives for ever.
    unsigned home_of(std::string_view name) const;
    // A client id that nobody else has, at home on the given shard (MQTT-3.1.3-6). Any thread.
    std::string draw_client_id(unsigned shard) const;

private:
    const Settings settings_;
    RetainedStore retained_{settings_.limits};
    FullQueues full_queues_;
    Audit* audit_ = &no_audit();  // never null
    std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace drawbridge::core
