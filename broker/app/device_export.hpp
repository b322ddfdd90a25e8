// `device export`: all devices and services as device lines (device_lines.hpp), in the order of
// their ids, as they are at one moment.
#pragma once

#include <string>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

struct ExportDevices {
    std::string format;  // "csv", "jsonl"; "": csv, or what can hold what is asked for
    bool with_keys = false;
};

// With --json: one array instead, with the objects of JSON lines. Throws CommandFailed.
void export_devices(const GlobalOptions& options, const ExportDevices& arguments);

}  // namespace drawbridge::app
