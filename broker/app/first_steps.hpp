// First steps: the two command lines with which somebody tries a device that was just added.
#pragma once

#include <filesystem>
#include <string>

#include "auth/device_store.hpp"
#include "auth/profile.hpp"

namespace drawbridge::app {

// mosquitto_sub and mosquitto_pub over TLS, with topics that the profile allows, ready for a shell;
// each on a line of its own. A side that the profile allows nothing is left out.
std::string first_steps(const std::filesystem::path& data, const auth::NewDevice& device,
                        const auth::Profile& profile, const std::string& api_key);

}  // namespace drawbridge::app
