// Rows of a table, read from its pages without SQLite: all that are on pages which still make
// sense, in the order of their keys. What is under a page that does not is left out and counted.
//
// Only what the table's own tree leads to: what was deleted, such as a revoked key, may still be on
// pages that are free now, and does not come back. Bound: a page is read once; a row has at most
// limits::raw_row_bytes_max.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "storage/raw_pages.hpp"

namespace drawbridge::limits {

// Above everything that we keep in a row: the largest is a message, of at most 256 MiB.
constexpr std::uint64_t raw_row_bytes_max = 300'000'000;

}  // namespace drawbridge::limits

namespace drawbridge::storage {

struct RawBlob {
    std::string bytes;
};
using RawValue = std::variant<std::monostate, std::int64_t, double, std::string, RawBlob>;

struct RawRow {
    std::int64_t rowid = 0;        // of a table that has one
    std::vector<RawValue> values;  // as many as the table had columns when the row was written
};

struct RawTree {
    bool is_empty_or_readable = false;  // the root is a page of such a tree
    std::uint64_t pages_lost = 0;       // unreadable ones, each with all that is under it
    std::uint64_t rows_lost = 0;        // unreadable ones on pages that are not
};

// root: the number of the tree's first page. with_rowid: is it a table with rowids, or one without?
RawTree for_each_row(const RawPages& pages, std::uint32_t root, bool with_rowid,
                     const std::function<void(const RawRow&)>& row);

}  // namespace drawbridge::storage
