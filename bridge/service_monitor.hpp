// ServiceMonitor: watches the heartbeats of services, and tells when one comes up or goes down.
//
// It is a subscriber to heartbeat/+/service on one shard, which every message reaches, and holds a
// deadline there. Each change goes to services/NAME/status as a retained message of the service's
// tenant, and to the database by way of the writer. What is heard is published at the deadline,
// because a subscriber is called in the midst of a delivery round.
//
// At the start a status is published only if it is not what is retained already: nothing may be
// retained after a start without persistence, or the last change may have been lost in a crash.
// Owner:   the app; it outlives the loops, or ends after they have. Threads: the shard's, but for
//          those functions that say so.
// Limit:   those of ServiceHealth. Heartbeats beyond, and with names that are no plain ids, are
//          counted, and said once.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/service_health.hpp"
#include "bridge/service_writer.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/core/shard.hpp"
#include "broker/core/subscriber.hpp"

namespace drawbridge::bridge {

class ServiceMonitor final : public core::Subscriber, public core::Deadline {
public:
    static constexpr std::string_view filter = "heartbeat/+/service";

    struct Options {
        milliseconds check_interval{10'000};
        std::function<WallTime()> wall = WallClock::now;
    };

    // kept: what the database has, those forgotten included. shard and writer must outlive the
    // monitor. From the shard's thread, or before it starts.
    ServiceMonitor(core::Shard& shard, ServiceWriter& writer, const Options& options,
                   const std::vector<Service>& kept, TimePoint now);
    ~ServiceMonitor();

    bool deliver(core::OutgoingPublish& publish, const core::Delivery& delivery) override;
    bool may_receive(std::string_view, core::TenantId) const override { return true; }

    // --- administration, on the shard's thread
    std::vector<Service> list() const;
    // Its retained status is cleared as well. False if there was none. In a turn.
    bool forget(core::TenantId tenant, const std::string& name);

    // --- any thread
    // Calls written once all changes until now are in the database (ServiceWriter::flush).
    void flush(std::function<void()> written) { writer_.flush(std::move(written)); }
    std::size_t up() const { return up_.load(std::memory_order_relaxed); }
    std::size_t down() const { return down_.load(std::memory_order_relaxed); }
    std::uint64_t heartbeats_ignored() const { return ignored_.load(std::memory_order_relaxed); }

private:
    using Keys = std::set<ServiceKey, ServiceOrder>;

    void expired(TimePoint now) override;
    void check(TimePoint now);
    void ignore(std::string_view topic, ServiceHealth::Heard why);
    void note_change(const Service& service);
    void clear_forgotten();
    void publish_changes();
    void publish(const ServiceKey& key, std::string_view payload);
    std::string retained_status(const ServiceKey& key) const;
    void write_sightings(TimePoint now);
    void count();
    void arm(TimePoint now);

    core::Shard& shard_;
    ServiceWriter& writer_;
    const std::function<WallTime()> wall_;
    const milliseconds check_interval_;
    ServiceHealth health_;
    Keys unpublished_;  // perhaps another status is retained than theirs
    Keys forgotten_;    // perhaps a status is retained
    TimePoint sightings_written_at_;
    bool said_bad_name_ = false;
    bool said_no_room_ = false;

    std::atomic<std::size_t> up_{0};
    std::atomic<std::size_t> down_{0};
    std::atomic<std::uint64_t> ignored_{0};
};

}  // namespace drawbridge::bridge
