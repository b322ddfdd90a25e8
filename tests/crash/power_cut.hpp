// A power failure, played on a directory: what is left is what was synchronised, and of the rest
// what chance decides.
//
// While a program runs with volatile_disk.so, the library keeps in a second directory, the shadow,
// what a disk must have:
//   durable/INODE  a file's bytes as of its last fsync() (and what was written back early)
//   names/INODE    a directory's entries as of its last fsync(): lines "INODE NAME"
//   held/INODE     a link to the file itself, so that no inode number is used twice
// The shadow is on the same file system.
#pragma once

#include <cstdint>
#include <filesystem>

namespace drawbridge::crash {

// All that is in the directory now has reached the disk. Begins a new shadow.
void make_durable(const std::filesystem::path& directory, const std::filesystem::path& shadow);

// Makes the directory what it would be after a power failure at this moment. Of each file each
// sector of 512 bytes is either as it was synchronised or as it was last written; of each directory
// all entries. No program may have the directory in use.
void cut_power(const std::filesystem::path& directory, const std::filesystem::path& shadow,
               std::uint64_t seed);

}  // namespace drawbridge::crash
