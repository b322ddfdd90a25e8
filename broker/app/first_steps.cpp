#include "broker/app/first_steps.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "auth/pattern.hpp"

namespace drawbridge::app {
namespace {

// For a POSIX shell.
std::string quoted(const std::string& text) {
    constexpr const char* plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._:-";
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

// The first pattern that this device can use.
std::optional<std::string> first_of(const std::vector<std::string>& patterns,
                                    const auth::NewDevice& device) {
    for (const std::string& pattern : patterns)
        if (auto filter = auth::fill_in(
                pattern, {.device_id = device.device_id, .tenant = device.tenant, .key_id = {}}))
            return filter;
    return std::nullopt;
}

// A topic that the filter matches.
std::string topic_of(std::string_view filter) {
    std::string topic;
    for (const char c : filter)
        topic += c == '+' || c == '#' ? std::string("test") : std::string(1, c);
    return topic;
}

}  // namespace

std::string first_steps(const std::filesystem::path& data, const auth::NewDevice& device,
                        const auth::Profile& profile, const std::string& api_key) {
    const std::string connection =
        fmt::format("-h localhost -p 8883 --cafile {0} -i {1} -u {1} -P {2}",
                    quoted((std::filesystem::absolute(data) / "tls" / "ca.crt").string()),
                    device.device_id, api_key);
    std::string lines;
    if (const auto filter = first_of(profile.subscribe, device))
        lines += fmt::format("  mosquitto_sub {} -q 1 -t {}\n", connection, quoted(*filter));
    if (const auto filter = first_of(profile.publish, device))
        lines += fmt::format("  mosquitto_pub {} -q 1 -t {} -m '{{\"temperature\":21.5}}'\n",
                             connection, quoted(topic_of(*filter)));
    return lines;
}

}  // namespace drawbridge::app
