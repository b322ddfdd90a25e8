// Before a database is brought to this program's version, a copy of it is kept: FILE.before-v2 is
// as it was before it became version 2. So who has to go back to the older program has its file.
//
// Bound: limits::kept_versions_max copies of each file; the oldest versions go first.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <filesystem>

namespace drawbridge::limits {

// A release seldom has more than one new version, and nobody goes back further.
constexpr std::size_t kept_versions_max = 3;

}  // namespace drawbridge::limits

namespace drawbridge::storage {

// The caller holds the write lock of the file. One of the same name is replaced. Throws
// DatabaseRefused if there is no room or the copy cannot be made.
void keep_version(const std::filesystem::path& file, int next_version);

}  // namespace drawbridge::storage
