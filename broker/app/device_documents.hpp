// `device list` and `device show`: what is known about devices, but no secret.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "auth/device_list.hpp"
#include "broker/app/global_options.hpp"

namespace drawbridge::app {

struct ListDevices {
    auth::DeviceFilter filter;
    bool connected = false;  // only those that are
    bool ids = false;        // nothing else of each
    std::optional<std::size_t> limit;
};

void list_devices(const GlobalOptions& options, ListDevices arguments);
void show_device(const GlobalOptions& options, const std::string& device_id);

}  // namespace drawbridge::app
