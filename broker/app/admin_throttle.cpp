#include "broker/app/admin_throttle.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "broker/app/rfc3339.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;

constexpr std::size_t locks_in_status_max = 20;

std::string text_field(const json::object& request, std::string_view name) {
    const json::value* value = request.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array array_of(const std::vector<auth::LoginGuard::Lock>& locks, std::size_t most) {
    json::array array;
    for (const auth::LoginGuard::Lock& lock : locks) {
        if (array.size() >= most) break;
        array.push_back({{"kind", to_text(lock.kind)},
                         {"device_id", text_or_null(lock.name)},
                         {"address", text_or_null(lock.address)},
                         {"until", to_rfc3339(lock.until)}});
    }
    return array;
}

}  // namespace

json::object answer_throttle(auth::LoginGuard& guard, const json::object& request) {
    const std::string device_id = text_field(request, "device_id");
    const std::string address = text_field(request, "address");
    const json::value* clear = request.if_contains("clear");
    if (clear != nullptr && clear->is_bool() && clear->get_bool()) {
        const std::size_t cleared = !device_id.empty() ? guard.clear_name(device_id)
                                    : !address.empty() ? guard.clear_address(address)
                                                       : guard.clear_all();
        return {{"ok", true}, {"cleared", cleared}};
    }
    if (device_id.empty()) return {{"ok", true}, {"locks", array_of(guard.locks(), SIZE_MAX)}};
    const auth::LoginGuard::Pressure pressure = guard.pressure_on(device_id);
    return {{"ok", true},
            {"failures", pressure.failures},
            {"locks", array_of(pressure.locks, SIZE_MAX)}};
}

json::array locks_in_status(auth::LoginGuard& guard) {
    return array_of(guard.locks(), locks_in_status_max);
}

}  // namespace drawbridge::app
