// ServiceWriter: keeps the health of services, on a thread of its own, so that no shard waits for
// the disk.
//
// It has its own connection to the database, with synchronous = NORMAL: what it has written
// outlives the broker, and a power cut may cost the last changes, which the next heartbeats tell
// again. Owner:   the app. Threads: put(), erase() and flush() from any. Limit:   one change waits
// for each service, the newest: limits::services_max, and those that an
//          operator has forgotten meanwhile.
// Failure: what cannot be written is said once, and tried again (limits::service_write_retry).
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "bridge/service_store.hpp"

namespace drawbridge::bridge {

class ServiceWriter {
public:
    // Throws storage::DatabaseRefused.
    explicit ServiceWriter(const std::filesystem::path& database);
    // Writes what waits.
    ~ServiceWriter();

    void put(const std::vector<Service>& services);
    void erase(core::TenantId tenant, const std::string& name);

    // Calls written, on the writer's thread, once all that came before is in the database, or could
    // not be written at the first try.
    void flush(std::function<void()> written);

private:
    // Nothing: the row goes.
    using Changes = std::map<ServiceKey, std::optional<Service>, ServiceOrder>;

    void work();
    bool write(const Changes& changes);

    SQLite::Database database_;  // the thread's, as is all down to failing_
    ServiceStore store_;
    bool failing_ = false;

    std::mutex mutex_;
    std::condition_variable wake_;
    Changes waiting_;                             // guarded by mutex_
    std::vector<std::function<void()>> flushes_;  // guarded by mutex_
    bool stopping_ = false;                       // guarded by mutex_

    std::thread thread_;  // last: everything above exists before it starts
};

}  // namespace drawbridge::bridge
