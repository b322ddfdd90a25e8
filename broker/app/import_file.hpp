// `device import`: the devices of a file, all of them or none.
#pragma once

#include <string>

#include "broker/app/device_import.hpp"
#include "broker/app/global_options.hpp"

namespace drawbridge::app {

struct ImportFile {
    std::string file;    // "-": stdin
    std::string format;  // "csv", "jsonl"; "": what its first line looks like
    ImportOptions options;
};

// Prints the keys that were made, in the file's format, and what was done; of an import that makes
// keys, the latter to stderr. Throws CommandFailed, which names the bad lines by number (the first
// bad_lines_named of them) and what is wrong with each; then nothing is changed.
void import_devices(const GlobalOptions& options, const ImportFile& arguments);

constexpr std::size_t bad_lines_named = 20;

}  // namespace drawbridge::app
