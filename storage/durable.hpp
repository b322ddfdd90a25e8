// What was done to files, on disk: after these return, a power cut does not undo it.
//
// Failure: FileFailure, one sentence with the path and the reason; errno tells which.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace drawbridge::storage {

class FileFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Throws FileFailure: "PATH cannot be WHAT: " and what errno says.
[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what);

// Of a file: its content. Of a directory: its names.
void sync_path(const std::filesystem::path& path);

// Both in the same file system. What has the name `to` is replaced; a directory only if it is
// empty.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// A new file of mode 0600; one that is there is emptied.
void make_private_file(const std::filesystem::path& path);
// The same, with this text in it.
void write_private_file(const std::filesystem::path& path, std::string_view text);

// Makes it with mode 0700, if it is not there.
void make_private_directory(const std::filesystem::path& path);

// Never fails.
void remove_file(const std::filesystem::path& path);

// The directory that the file is in; "." for a plain name.
std::filesystem::path directory_of(const std::filesystem::path& file);

// PATH with something behind its name: "a/b.db" and "-wal" give "a/b.db-wal".
std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix);

}  // namespace drawbridge::storage
