#include "auth/device_update.hpp"

#include "auth/allowed_text.hpp"

namespace drawbridge::auth {
namespace {

void set(SQLite::Database& database, const char* statement, const std::string& value,
         const std::string& device_id) {
    SQLite::Statement update(database, statement);
    update.bind(1, value);
    update.bind(2, device_id);
    update.exec();
}

}  // namespace

bool update_device(SQLite::Database& database, const StoredDevice& device,
                   const DeviceUpdate& update) {
    if (update.tenant) check_tenant(*update.tenant);
    if (update.name) check_text("name", *update.name);
    const std::string& id = device.device_id;
    const bool tenant_differs = update.tenant && *update.tenant != device.tenant;
    const bool profile_differs = update.profile && *update.profile != device.profile;
    const bool name_differs = update.name && *update.name != device.name;
    const bool enabled_differs = update.enabled && *update.enabled != device.enabled;
    if (tenant_differs)
        set(database, "UPDATE devices SET tenant = ? WHERE device_id = ?", *update.tenant, id);
    if (profile_differs)
        set(database, "UPDATE devices SET profile = ? WHERE device_id = ?", *update.profile, id);
    if (name_differs)
        set(database, "UPDATE devices SET name = ? WHERE device_id = ?", *update.name, id);
    if (enabled_differs)
        set(database, "UPDATE devices SET enabled = CAST(? AS INTEGER) WHERE device_id = ?",
            *update.enabled ? "1" : "0", id);
    return tenant_differs || profile_differs || name_differs || enabled_differs;
}

}  // namespace drawbridge::auth
