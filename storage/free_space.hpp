// How much room is left where a file is.
#pragma once

#include <cstdint>
#include <filesystem>

namespace drawbridge::storage {

// For this user; UINT64_MAX if it cannot be found out.
std::uint64_t free_bytes_at(const std::filesystem::path& file);

}  // namespace drawbridge::storage
