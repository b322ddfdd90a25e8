#include "bridge/service_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bridge/limits.hpp"
#include "broker/base/duration.hpp"
#include "broker/base/log.hpp"
#include "broker/base/printable.hpp"
#include "broker/base/rfc3339.hpp"
#include "broker/core/broker.hpp"

namespace drawbridge::bridge {
namespace {

using Heard = ServiceHealth::Heard;

// A topic that the filter matches.
std::string_view name_in(std::string_view topic) {
    const std::size_t begin = ServiceMonitor::filter.find('+');
    const std::size_t end = ServiceMonitor::filter.size() - begin - 1;
    return topic.substr(begin, topic.size() - begin - end);
}

std::string topic_of(const ServiceKey& key) {
    return fmt::format("services/{}/status", key.second);
}

// What does not change before the status does. Names are plain ids, which JSON takes as they are.
std::string beginning_of_status(const Service& service) {
    return fmt::format(R"({{"service":"{}","status":"{}","since":"{}","outages":{},)", service.name,
                       to_text(service.status), to_rfc3339(service.since), service.outages);
}

std::string status_of(const Service& service) {
    return beginning_of_status(service) +
           fmt::format(R"("last_seen":"{}"}})", to_rfc3339(service.last_seen));
}

// For the log.
std::string words_for(const Service& service) {
    if (service.tenant == 0) return service.name;
    return fmt::format("{} of tenant {}", service.name, core::tenant_name(service.tenant));
}

}  // namespace

ServiceMonitor::ServiceMonitor(core::Shard& shard, ServiceWriter& writer, const Options& options,
                               const std::vector<Service>& kept, TimePoint now)
    : shard_(shard),
      writer_(writer),
      wall_(options.wall),
      check_interval_(options.check_interval),
      health_(options.check_interval, now),
      sightings_written_at_(now) {
    for (const Service& service : kept) {
        if (service.status == ServiceStatus::forgotten)
            forgotten_.emplace(service.tenant, service.name);
        else if (health_.restore(service))
            unpublished_.emplace(service.tenant, service.name);
    }
    count();
    shard_.index_of_filters().subscribe(*this, filter, {}, 0);
    shard_.routes().filter_changed(filter);
    shard_.deadlines().set(*this, now);
}

ServiceMonitor::~ServiceMonitor() {
    shard_.deadlines().cancel(*this);
    shard_.index_of_filters().unsubscribe(*this, filter);
    shard_.routes().forget_all();
    write_sightings(TimePoint::max());
}

bool ServiceMonitor::deliver(core::OutgoingPublish& publish, const core::Delivery&) {
    const core::MessageView& heartbeat = publish.view();
    const std::string_view name = name_in(heartbeat.topic);
    const Heard heard = health_.heard(heartbeat.tenant, name, shard_.now(), wall_());
    if (heard == Heard::still_up) return true;
    if (heard != Heard::came_up) {
        ignore(heartbeat.topic, heard);
        return false;
    }
    const Service& service = *health_.find(heartbeat.tenant, name);
    if (shard_.may_log()) log::info("service {} is up", words_for(service));
    note_change(service);
    shard_.deadlines().set(*this, shard_.now());
    return true;
}

void ServiceMonitor::ignore(std::string_view topic, Heard why) {
    ignored_.fetch_add(1, std::memory_order_relaxed);
    const bool bad_name = why == Heard::bad_name;
    if (std::exchange(bad_name ? said_bad_name_ : said_no_room_, true)) return;
    if (bad_name)
        log::warn(
            "a heartbeat on {} is ignored, as others like it will be: a service's name has 1 to "
            "{} characters of A-Z a-z 0-9 . _ : -",
            printable(std::string(topic.substr(0, 2 * limits::id_bytes_max))),
            limits::id_bytes_max);
    else
        log::warn(
            "a heartbeat on {} is ignored, as others of new services will be: there are {} "
            "services, or {} of one tenant; forget those that are gone (drawbridge services "
            "forget NAME)",
            topic, limits::services_max, limits::services_per_tenant_max);
}

void ServiceMonitor::note_change(const Service& service) {
    unpublished_.emplace(service.tenant, service.name);
    count();
}

// --- in a turn, outside of a delivery round ------------------------------------------------------

void ServiceMonitor::expired(TimePoint now) {
    if (now >= health_.next_check()) check(now);
    clear_forgotten();
    publish_changes();
    arm(now);
}

void ServiceMonitor::check(TimePoint now) {
    health_.check(now, wall_(), [&](const Service& service) {
        if (shard_.may_log())
            log::warn("service {} is down: no heartbeat for {}", words_for(service),
                      drawbridge::to_text(check_interval_));
        note_change(service);
    });
    if (now - sightings_written_at_ >= limits::service_seen_write_interval) write_sightings(now);
}

// Before anything else: without a tenant it clears what those of tenants have retained as well, and
// the other way round. The row goes once nothing is retained any more, at a later start if this one
// is cut short.
void ServiceMonitor::clear_forgotten() {
    for (const ServiceKey& key : forgotten_) {
        if (!retained_status(key).empty())
            publish(key, {});
        else
            writer_.erase(key.first, key.second);
    }
    forgotten_.clear();
}

// When there are very many, the others have their turn next time.
void ServiceMonitor::publish_changes() {
    std::vector<Service> changed;
    for (std::size_t left = limits::service_changes_per_turn_max; left > 0; --left) {
        if (unpublished_.empty()) break;
        const ServiceKey key = std::move(unpublished_.extract(unpublished_.begin()).value());
        const Service* const service = health_.find(key.first, key.second);
        if (service == nullptr) continue;
        changed.push_back(*service);
        if (!retained_status(key).starts_with(beginning_of_status(*service)))
            publish(key, status_of(*service));
    }
    if (!changed.empty()) writer_.put(changed);
}

void ServiceMonitor::publish(const ServiceKey& key, std::string_view payload) {
    const std::string topic = topic_of(key);
    core::MessageView message;
    message.topic = topic;
    message.payload = as_bytes(payload);
    message.qos = 1;
    message.retain = true;
    message.tenant = key.first;
    shard_.publish(message, core::Sender(), false);  // delivered, if there is no room to retain it
}

// "" if none is.
std::string ServiceMonitor::retained_status(const ServiceKey& key) const {
    std::string payload;
    std::size_t steps = 16;  // more than there are messages of one topic that a tenant sees
    shard_.retained().search(topic_of(key), key.first, {}, steps, shard_.now(),
                             [&](const core::MessagePtr& message, core::RetainedOrigin) {
                                 const core::MessageView view = message->view();
                                 if (view.tenant == key.first) payload = as_text(view.payload);
                                 return payload.empty();
                             });
    return payload;
}

// All that are up have been heard.
void ServiceMonitor::write_sightings(TimePoint now) {
    sightings_written_at_ = now;
    std::vector<Service> seen;
    health_.visit([&](const Service& service) {
        if (service.status == ServiceStatus::up) seen.push_back(service);
    });
    if (!seen.empty()) writer_.put(seen);
}

void ServiceMonitor::count() {
    up_.store(health_.up(), std::memory_order_relaxed);
    down_.store(health_.down(), std::memory_order_relaxed);
}

void ServiceMonitor::arm(TimePoint now) {
    const TimePoint next_turn = now + milliseconds(1);
    shard_.deadlines().set(*this, unpublished_.empty() ? health_.next_check()
                                                       : std::min(next_turn, health_.next_check()));
}

// --- administration ------------------------------------------------------------------------------

std::vector<Service> ServiceMonitor::list() const {
    std::vector<Service> services;
    services.reserve(health_.up() + health_.down());
    health_.visit([&](const Service& service) { services.push_back(service); });
    return services;
}

bool ServiceMonitor::forget(core::TenantId tenant, const std::string& name) {
    const Service* const known = health_.find(tenant, name);
    if (known == nullptr) return false;
    Service forgotten = *known;
    forgotten.status = ServiceStatus::forgotten;
    writer_.put({forgotten});
    health_.forget(tenant, name);
    said_no_room_ = false;
    count();
    forgotten_.emplace(tenant, name);
    health_.visit([&](const Service& other) {
        if (other.name == name) unpublished_.emplace(other.tenant, other.name);
    });
    shard_.deadlines().set(*this, shard_.now());
    return true;
}

}  // namespace drawbridge::bridge
