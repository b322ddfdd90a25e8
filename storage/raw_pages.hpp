// RawPages: the pages of an SQLite file and of its log, read without SQLite, for files that it
// refuses. Reads only.
//
// Format: https://www.sqlite.org/fileformat2.html. What a page says is not to be trusted: every
// number in it may be anything. Owner: who reads. Not for a file that this process has open in
// SQLite: to close it would drop the locks that SQLite has on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "storage/wal_file.hpp"

namespace drawbridge::storage {

using Page = std::vector<std::uint8_t>;

class RawPages {
public:
    // page_bytes_by_default: if neither the file nor its log tells.
    explicit RawPages(const std::filesystem::path& file,
                      std::uint32_t page_bytes_by_default = 4'096);

    std::uint32_t page_bytes() const { return page_bytes_; }
    // At the end of each page there may be bytes that SQLite does not use.
    std::uint32_t usable_bytes() const { return usable_bytes_; }
    std::uint32_t page_count() const { return page_count_; }

    // Counted from 1; nothing if the file has no such page, or it cannot be read.
    std::optional<Page> page(std::uint32_t number) const;

    // As the PRAGMAs of these names say; nothing if the first page is not one of a database.
    std::optional<std::uint32_t> user_version() const { return header_u32(60); }
    std::optional<std::uint32_t> application_id() const { return header_u32(68); }

private:
    // A number in the first page's header.
    std::optional<std::uint32_t> header_u32(std::size_t at) const;

    WalFile log_;
    mutable std::ifstream file_;
    mutable std::ifstream log_file_;
    std::uint32_t page_bytes_;
    std::uint32_t usable_bytes_ = 0;
    std::uint32_t page_count_ = 0;
};

}  // namespace drawbridge::storage
