#include "storage/kept_version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <vector>

#include "storage/database.hpp"
#include "storage/database_copy.hpp"
#include "storage/durable.hpp"
#include "storage/free_space.hpp"

namespace drawbridge::storage {
namespace {

// Before this version; 0 if it is no such copy of this file.
int version_in(const std::string& name, const std::string& prefix) {
    if (!name.starts_with(prefix)) return 0;
    const char* end = name.data() + name.size();
    int version = 0;
    const auto [stopped, error] = std::from_chars(name.data() + prefix.size(), end, version);
    return error == std::errc() && stopped == end ? version : 0;
}

void remove_oldest(const std::filesystem::path& file) {
    const std::string prefix = file.filename().string() + ".before-v";
    std::vector<int> versions;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory_of(file), ignored))
        if (const int version = version_in(entry.path().filename().string(), prefix); version > 0)
            versions.push_back(version);
    std::sort(versions.begin(), versions.end(), std::greater());
    for (std::size_t i = limits::kept_versions_max; i < versions.size(); ++i)
        remove_file(with_suffix(file, fmt::format(".before-v{}", versions[i])));
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
    throw DatabaseRefused(
        fmt::format("{} is of an older version, and no copy of it can be kept before it is brought "
                    "to this one ({}); make room and start again",
                    file.string(), why));
}

}  // namespace

void keep_version(const std::filesystem::path& file, int next_version) {
    const auto kept = with_suffix(file, fmt::format(".before-v{}", next_version));
    const auto unfinished = with_suffix(kept, ".partial");
    try {
        // A connection of its own: the one that holds the lock is in the midst of a transaction.
        SQLite::Database source(file.string(), SQLite::OPEN_READWRITE, limits::database_busy_ms);
        const std::uint64_t needed = copy_bytes(source);
        const std::uint64_t free = free_bytes_at(directory_of(file));
        if (free < needed) refuse(file, fmt::format("{} bytes are needed, {} free", needed, free));
        copy_database(source, unfinished);
        rename_durably(unfinished, kept);
    } catch (const SQLite::Exception& failure) {
        // Damage is told as such by open_database.
        if (is_damage(failure)) throw;
        refuse(file, failure.what());
    } catch (const FileFailure& failure) {
        refuse(file, failure.what());
    }
    remove_oldest(file);
}

}  // namespace drawbridge::storage
