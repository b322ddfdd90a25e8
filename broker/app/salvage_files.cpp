#include "broker/app/salvage_files.hpp"

#include <fmt/format.h>

#include "broker/app/data_files.hpp"
#include "broker/base/log.hpp"
#include "storage/durable.hpp"
#include "storage/salvage.hpp"

namespace drawbridge::app {
namespace {

void tell(const char* name, const storage::SalvageReport& report) {
    log::warn("{} was damaged ({}); the original is {}", name, report.damage, report.kept.string());
    for (const storage::SalvagedTable& table : report.tables) {
        if (table.is_complete)
            log::info("{}: {}: {} rows kept, all that its pages have", name, table.name,
                      table.rows);
        else
            log::warn("{}: {}: {} rows kept, {} could not be, and {} pages are unreadable", name,
                      table.name, table.rows, table.rows_lost, table.pages_lost);
    }
    log::warn(
        "{}: what was on unreadable pages or in an unreadable log is lost: compare with a "
        "backup, above all rules that deny",
        name);
}

}  // namespace

void salvage_databases(const std::filesystem::path& data, WallTime now) {
    for (const DataFile& database : databases) {
        const auto report =
            storage::salvage(data / database.name, *database.schema, time_for_name(now));
        if (report)
            tell(database.name, *report);
        else
            log::info("{} is not damaged, so there is nothing to salvage", database.name);
    }
}

void check_after_unclean_end(const std::filesystem::path& data) {
    const DataFile& devices = databases.front();
    const auto file = data / devices.name;
    std::error_code missing;
    // Who closes a database last, in good order, empties its log.
    const auto log_bytes = std::filesystem::file_size(storage::with_suffix(file, "-wal"), missing);
    if (missing || log_bytes == 0) return;
    if (const auto damage =
            storage::find_damage(file, *devices.schema, storage::Thoroughness::quick))
        storage::refuse_damaged(file, *damage);
}

}  // namespace drawbridge::app
