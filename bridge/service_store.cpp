#include "bridge/service_store.hpp"

#include "broker/base/plain_id.hpp"
#include "storage/query.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::bridge {

using storage::from_unix_ms;
using storage::Query;
using storage::to_unix_ms;

namespace {

ServiceStatus status_of(std::string_view text) {
    if (text == to_text(ServiceStatus::up)) return ServiceStatus::up;
    if (text == to_text(ServiceStatus::down)) return ServiceStatus::down;
    return ServiceStatus::forgotten;  // the table's CHECK allows no other
}

}  // namespace

ServiceStore::ServiceStore(SQLite::Database& database)
    : put_(database,
           "INSERT INTO service_status (tenant, name, status, since, last_seen, outages) "
           "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET status = excluded.status, "
           "since = excluded.since, last_seen = excluded.last_seen, outages = excluded.outages"),
      erase_(database, "DELETE FROM service_status WHERE tenant = ? AND name = ?"),
      list_(database,
            "SELECT tenant, name, status, since, last_seen, outages FROM service_status "
            "ORDER BY tenant, name") {}

void ServiceStore::put(const Service& service) {
    Query(put_)
        .bind(1, core::tenant_name(service.tenant))
        .bind(2, service.name)
        .bind(3, to_text(service.status))
        .bind(4, to_unix_ms(service.since))
        .bind(5, to_unix_ms(service.last_seen))
        .bind(6, static_cast<std::int64_t>(service.outages))
        .change();
}

void ServiceStore::erase(core::TenantId tenant, std::string_view name) {
    Query(erase_).bind(1, core::tenant_name(tenant)).bind(2, name).change();
}

std::vector<Service> ServiceStore::list(Forgotten forgotten) {
    std::vector<Service> services;
    Query row(list_);
    while (row.next()) {
        Service service;
        const std::string tenant = row.column(0).getString();
        if (!tenant.empty() && !is_plain_id(tenant)) continue;
        service.tenant = core::tenant_id(tenant);
        service.name = row.column(1).getString();
        service.status = status_of(row.column(2).getString());
        service.since = from_unix_ms(row.column(3).getInt64());
        service.last_seen = from_unix_ms(row.column(4).getInt64());
        service.outages = static_cast<std::uint64_t>(row.column(5).getInt64());
        if (service.tenant == core::no_tenant_left || !is_plain_id(service.name)) continue;
        if (forgotten == Forgotten::leave_out && service.status == ServiceStatus::forgotten)
            continue;
        services.push_back(std::move(service));
    }
    return services;
}

}  // namespace drawbridge::bridge
