#include "broker/core/tenants.hpp"

#include <deque>
#include <map>
#include <mutex>

#include "broker/base/assert.hpp"

namespace drawbridge::core {
namespace {

struct Table {
    std::mutex mutex;
    std::deque<std::string> names;             // by number - 1; guarded by mutex
    std::map<std::string_view, TenantId> ids;  // keyed by names; guarded by mutex. Not by a seeded
                                               // hash: a seed may come later than a name
};

Table& table() {
    static Table made;
    return made;
}

}  // namespace

TenantId tenant_id(std::string_view name) {
    if (name.empty()) return 0;
    Table& tenants = table();
    const std::scoped_lock lock(tenants.mutex);
    const auto found = tenants.ids.find(name);
    if (found != tenants.ids.end()) return found->second;
    if (tenants.names.size() >= tenants_max) return no_tenant_left;
    tenants.names.emplace_back(name);
    const auto id = static_cast<TenantId>(tenants.names.size());
    tenants.ids.emplace(tenants.names.back(), id);
    return id;
}

std::string tenant_name(TenantId id) {
    if (id == 0) return {};
    Table& tenants = table();
    const std::scoped_lock lock(tenants.mutex);
    ASSERT(id <= tenants.names.size());
    return tenants.names[id - 1];
}

}  // namespace drawbridge::core
