// A backup: one file with several in it, each in pieces with their checksums.
//
// Format: an SQLite database ("DBK1") of its own. `file` has one row for each file, `piece` its
// content, 1 MiB in each row; both have SHA-256 sums. A piece that is damaged can be named, and any
// sqlite3 shell can get at the rest.
// Owner: the command that writes or reads. Threads: the owner's.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace drawbridge::storage {

// One sentence that says what is wrong with the backup or the place for it, and what to do.
class BackupRefused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct BackedUpFile {
    std::string name;  // as in the data directory: "drawbridge.db", "tls/ca.crt"
    std::uint64_t bytes = 0;
};

// Writes beside the target, under another name; finish() puts it there. Without that nothing is
// left of it. Throws BackupRefused, FileFailure, SQLite::Exception.
class BackupWriter {
public:
    enum class IfThere { refuse, replace };

    BackupWriter(const std::filesystem::path& target, IfThere if_there);
    ~BackupWriter();
    BackupWriter(const BackupWriter&) = delete;
    BackupWriter& operator=(const BackupWriter&) = delete;

    void add(const std::string& name, const std::filesystem::path& content);
    // A database as source reads it now (see copy_database). Throws BackupRefused if it is damaged.
    void add_database(const std::string& name, SQLite::Database& source);

    // On disk, under its name, when this returns.
    std::vector<BackedUpFile> finish();

private:
    const std::filesystem::path target_;
    const std::filesystem::path unfinished_;
    const IfThere if_there_;
    const int lock_;  // on unfinished_
    SQLite::Database database_;
    std::vector<BackedUpFile> files_;
};

class BackupReader {
public:
    // Throws BackupRefused if it is no backup, or one that a newer program has made.
    explicit BackupReader(const std::filesystem::path& file);

    const std::vector<BackedUpFile>& files() const { return files_; }
    std::uint64_t bytes() const;

    // Writes one out, mode 0600, and has it on disk. Throws BackupRefused if a piece is damaged.
    void extract(const BackedUpFile& file, const std::filesystem::path& to);

private:
    const std::filesystem::path path_;
    SQLite::Database database_;
    std::vector<BackedUpFile> files_;
};

}  // namespace drawbridge::storage
