// ServiceStore: the health of services as drawbridge.db keeps it (table service_status): a row for
// each service.
//
// One that was forgotten keeps its row until a start has found its retained status cleared, so that
// it is cleared whatever happens meanwhile.
// Owner: the ServiceWriter, or a command. Threads: the owner's only. Failure: SQLite::Exception.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bridge/service.hpp"
#include "storage/database.hpp"

namespace drawbridge::bridge {

class ServiceStore {
public:
    // database must outlive the store, and be of storage::device_schema.
    explicit ServiceStore(SQLite::Database& database);

    void put(const Service& service);
    void erase(core::TenantId tenant, std::string_view name);

    // By tenant and name. Rows that no broker can have written are left out.
    enum class Forgotten { leave_out, include };
    std::vector<Service> list(Forgotten forgotten = Forgotten::leave_out);

private:
    SQLite::Statement put_;
    SQLite::Statement erase_;
    SQLite::Statement list_;
};

}  // namespace drawbridge::bridge
