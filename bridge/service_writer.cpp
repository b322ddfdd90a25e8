#include "bridge/service_writer.hpp"

#include <utility>

#include "bridge/limits.hpp"
#include "broker/base/log.hpp"
#include "storage/device_schema.hpp"

namespace drawbridge::bridge {
namespace {

SQLite::Database open_for_services(const std::filesystem::path& file) {
    SQLite::Database database = storage::open_database(file, storage::device_schema);
    database.exec("PRAGMA synchronous = NORMAL");
    return database;
}

}  // namespace

ServiceWriter::ServiceWriter(const std::filesystem::path& database)
    : database_(open_for_services(database)), store_(database_) {
    thread_ = std::thread([this] { work(); });
}

ServiceWriter::~ServiceWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void ServiceWriter::put(const std::vector<Service>& services) {
    {
        const std::lock_guard lock(mutex_);
        for (const Service& service : services)
            waiting_.insert_or_assign(ServiceKey(service.tenant, service.name), service);
    }
    wake_.notify_one();
}

void ServiceWriter::erase(core::TenantId tenant, const std::string& name) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.insert_or_assign(ServiceKey(tenant, name), std::nullopt);
    }
    wake_.notify_one();
}

void ServiceWriter::flush(std::function<void()> written) {
    {
        const std::lock_guard lock(mutex_);
        flushes_.push_back(std::move(written));
    }
    wake_.notify_one();
}

void ServiceWriter::work() {
    for (bool stopping = false; !stopping;) {
        Changes changes;
        std::vector<std::function<void()>> flushes;
        {
            std::unique_lock lock(mutex_);
            const auto urgent = [this] { return stopping_ || !flushes_.empty(); };
            if (failing_) wake_.wait_for(lock, limits::service_write_retry, urgent);
            wake_.wait(lock, [&] { return urgent() || !waiting_.empty(); });
            changes.swap(waiting_);
            flushes.swap(flushes_);
            stopping = stopping_;
        }
        if (!changes.empty() && !write(changes)) {
            const std::lock_guard lock(mutex_);
            waiting_.merge(changes);  // what has come meanwhile is newer, and stays
        }
        for (const auto& written : flushes) written();
    }
}

bool ServiceWriter::write(const Changes& changes) {
    try {
        SQLite::Transaction all(database_, SQLite::TransactionBehavior::IMMEDIATE);
        for (const auto& [key, service] : changes) {
            if (service)
                store_.put(*service);
            else
                store_.erase(key.first, key.second);
        }
        all.commit();
        failing_ = false;
        return true;
    } catch (const SQLite::Exception& failure) {
        // Most likely somebody else is writing.
        if (!std::exchange(failing_, true))
            log::warn("the health of services cannot be written, and is tried again: {}",
                      storage::explain(failure));
        return false;
    }
}

}  // namespace drawbridge::bridge
