// WalFile: the write-ahead log of an SQLite file, read from outside, without SQLite: what it holds
// of which pages. For files that SQLite refuses, or that it must not touch.
//
// Format: https://www.sqlite.org/fileformat2.html#walformat. Counted is what is committed, up to
// the first frame that is not whole, as SQLite does. Owner: who reads. Bound: 16 bytes for each
// page of the log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <unordered_map>

namespace drawbridge::storage {

class WalFile {
public:
    // file: the log's own path.
    explicit WalFile(const std::filesystem::path& file);

    // Where the newest committed content of a page is in the log's file; nothing if it has none.
    std::optional<std::uint64_t> offset_of(std::uint32_t page) const;
    std::uint32_t page_bytes() const { return page_bytes_; }  // 0: it has no content
    std::uint32_t page_count() const { return page_count_; }  // of the database, likewise

private:
    std::uint32_t page_bytes_ = 0;
    std::uint32_t page_count_ = 0;
    std::unordered_map<std::uint32_t, std::uint64_t> offsets_;
};

// Has it content that is no log's? An empty one, one of zeros (a file system may leave it so at a
// power cut, before anything in it was durable) and none are right.
bool is_wal_damaged(const std::filesystem::path& file);

}  // namespace drawbridge::storage
