#include "storage/free_space.hpp"

#include <sys/statvfs.h>

namespace drawbridge::storage {

std::uint64_t free_bytes_at(const std::filesystem::path& file) {
    struct statvfs found {};
    if (statvfs(file.c_str(), &found) != 0) return UINT64_MAX;
    return std::uint64_t{found.f_bavail} * found.f_frsize;
}

}  // namespace drawbridge::storage
