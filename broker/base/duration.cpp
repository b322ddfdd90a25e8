#include "broker/base/duration.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace drawbridge {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t ms;
};

constexpr Unit units[] = {
    // longest first: to_text takes the first that divides
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1},
};

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
    std::uint64_t count = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc()) return std::nullopt;

    const std::string_view name(stopped, static_cast<std::size_t>(end - stopped));
    for (const Unit& unit : units) {
        if (name != unit.name) continue;
        if (count > static_cast<std::uint64_t>(duration_max.count() / unit.ms)) return std::nullopt;
        return milliseconds(static_cast<std::int64_t>(count) * unit.ms);
    }
    return std::nullopt;
}

std::string to_text(milliseconds duration) {
    if (duration == milliseconds(0)) return "0s";
    for (const Unit& unit : units)
        if (duration.count() % unit.ms == 0)
            return fmt::format("{}{}", duration.count() / unit.ms, unit.name);
    return {};  // not reached: every duration is a whole number of milliseconds
}

}  // namespace drawbridge
