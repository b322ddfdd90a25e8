#include "broker/app/backup.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "broker/app/data_files.hpp"
#include "storage/durable.hpp"
#include "storage/free_space.hpp"
#include "storage/joint_snapshot.hpp"
#include "storage/swap.hpp"

namespace drawbridge::app {
namespace {

using storage::BackedUpFile;
using storage::BackupRefused;

constexpr const char* staging_name = "restoring";  // holds what is checked and not in place yet

// For whom the directory is, if root restores for the broker's user.
void give_to_owner_of(const std::filesystem::path& data, const std::filesystem::path& made) {
    struct stat owner {};
    if (::geteuid() != 0 || ::stat(data.c_str(), &owner) != 0) return;
    if (::lchown(made.c_str(), owner.st_uid, owner.st_gid) != 0)
        storage::fail(made, "given to the owner of the data directory");
}

void check_contents(const std::filesystem::path& backup, const std::vector<BackedUpFile>& files) {
    bool has_devices = false;
    for (const BackedUpFile& file : files) {
        has_devices = has_devices || file.name == databases.front().name;
        if (!is_data_file(file.name))
            throw BackupRefused(fmt::format(
                "{} holds a file that this program does not know ({}); restore it with the "
                "Drawbridge that made it",
                backup.string(), file.name));
    }
    if (!has_devices)
        throw BackupRefused(fmt::format("{} holds no {}; take another backup", backup.string(),
                                        databases.front().name));
}

void check_room(const std::filesystem::path& data, std::uint64_t needed) {
    const std::uint64_t free = storage::free_bytes_at(data);
    if (free < needed)
        throw BackupRefused(fmt::format(
            "there is no room in {}: {} bytes are needed beside what is there, {} are free; make "
            "room and restore again",
            data.string(), needed, free));
}

// Reads everything of it; throws if it is damaged or newer than this program.
void check_database(const std::filesystem::path& backup, const std::filesystem::path& file,
                    const DataFile& database) {
    std::optional<std::string> wrong;
    try {
        wrong = storage::find_damage(file, *database.schema, storage::Thoroughness::quick);
    } catch (const storage::DatabaseRefused&) {
        wrong = "it is of a newer Drawbridge, or not one of its databases";
    }
    for (const char* suffix : {"-wal", "-shm"})
        storage::remove_file(storage::with_suffix(file, suffix));
    if (wrong)
        throw BackupRefused(
            fmt::format("{} in {} cannot be used ({}); take another backup, or "
                        "restore it with the Drawbridge that made it",
                        database.name, backup.string(), *wrong));
}

void stage(const std::filesystem::path& data, const std::filesystem::path& backup,
           storage::BackupReader& reader) {
    const auto staging = data / staging_name;
    storage::make_private_directory(staging);
    give_to_owner_of(data, staging);
    for (const BackedUpFile& file : reader.files()) {
        const auto to = staging / file.name;
        if (to.parent_path() != staging) {
            storage::make_private_directory(to.parent_path());
            give_to_owner_of(data, to.parent_path());
        }
        reader.extract(file, to);
        give_to_owner_of(data, to);
        storage::sync_path(to.parent_path());
    }
    for (const DataFile& database : databases)
        if (std::filesystem::exists(staging / database.name))
            check_database(backup, staging / database.name, database);
    storage::sync_path(staging);
}

std::string unused_name(const std::filesystem::path& data, const std::string& name) {
    std::string unused = name;
    std::error_code ignored;
    for (int i = 2; std::filesystem::exists(data / unused, ignored); ++i)
        unused = fmt::format("{}-{}", name, i);
    return unused;
}

// What is staged takes the place of what is there. A database of which the backup has none goes as
// well: it belongs to the state that goes.
std::vector<storage::Replacement> replacements(const std::vector<BackedUpFile>& files,
                                               const std::string& kept) {
    std::set<std::string> staged;  // names in the data directory: a directory goes as a whole
    for (const BackedUpFile& file : files) staged.insert(file.name.substr(0, file.name.find('/')));
    std::vector<storage::Replacement> list;
    for (const DataFile& database : databases) {
        for (const char* suffix : {"-wal", "-shm"})
            list.push_back({database.name + std::string(suffix), "",
                            fmt::format("{}/{}{}", kept, database.name, suffix)});
        if (staged.count(database.name) == 0)
            list.push_back({database.name, "", fmt::format("{}/{}", kept, database.name)});
    }
    for (const std::string& name : staged)
        list.push_back(
            {name, fmt::format("{}/{}", staging_name, name), fmt::format("{}/{}", kept, name)});
    return list;
}

void remove_staging(const std::filesystem::path& data) {
    std::error_code ignored;
    std::filesystem::remove_all(data / staging_name, ignored);
}

}  // namespace

std::vector<BackedUpFile> make_backup(const std::filesystem::path& data,
                                      const std::filesystem::path& file,
                                      storage::BackupWriter::IfThere if_there) {
    std::vector<std::string> names;
    std::vector<storage::SnapshotSource> sources;
    for (const DataFile& database : databases) {
        std::error_code ignored;
        if (!std::filesystem::exists(data / database.name, ignored)) continue;
        names.push_back(database.name);
        sources.push_back({data / database.name, database.schema});
    }
    if (names.empty() || names.front() != databases.front().name)
        throw BackupRefused(
            fmt::format("there is no {} in {}; name the broker's data directory with --data",
                        databases.front().name, data.string()));
    storage::BackupWriter writer(file, if_there);
    {
        storage::JointSnapshot snapshot(sources);
        for (std::size_t i = 0; i < names.size(); ++i)
            writer.add_database(names[i], snapshot.databases()[i]);
    }
    for (const std::string& name : other_files(data)) writer.add(name, data / name);
    return writer.finish();
}

Restored restore_backup(const std::filesystem::path& data, const std::filesystem::path& file,
                        WallTime now) {
    storage::BackupReader reader(file);
    check_contents(file, reader.files());
    storage::finish_swap(data);
    remove_staging(data);  // of one that was interrupted
    check_room(data, reader.bytes());
    const std::string kept = unused_name(data, "replaced-" + time_for_name(now));
    try {
        stage(data, file, reader);
        storage::make_private_directory(data / kept);
        give_to_owner_of(data, data / kept);
    } catch (...) {
        remove_staging(data);
        throw;
    }
    storage::swap_files(data, replacements(reader.files(), kept));
    remove_staging(data);
    std::error_code not_empty;
    const bool was_empty = std::filesystem::remove(data / kept, not_empty) && !not_empty;
    return {reader.files(), was_empty ? std::filesystem::path() : data / kept};
}

}  // namespace drawbridge::app
