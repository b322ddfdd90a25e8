// `device can`: may a device or a service publish to a topic, or subscribe to a filter?
#pragma once

#include <string>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// operation: "publish" or "subscribe". When it has printed that the answer is no, leaves as
// CLI::RuntimeError with exit status 1.
void can_device(const GlobalOptions& options, const std::string& id, const std::string& operation,
                const std::string& topic);

}  // namespace drawbridge::app
