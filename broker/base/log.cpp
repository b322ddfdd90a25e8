#include "broker/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace drawbridge::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warn:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

spdlog::logger& logger() {
    static spdlog::logger instance = [] {
        spdlog::logger made("drawbridge", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
        made.flush_on(spdlog::level::debug);
        return made;
    }();
    return instance;
}

}  // namespace

void set_level(Level level) { logger().set_level(to_spdlog(level)); }
bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }

// Names that strangers choose stand in the lines: they must neither look like lines of their own
// nor fill the disk.
void write(Level level, std::string_view text) {
    constexpr std::size_t line_bytes_max = 2'000;
    std::string line(text.substr(0, line_bytes_max));
    if (line.size() < text.size()) line += "...";
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto at = [&](std::size_t place) {
            return place < line.size() ? static_cast<unsigned char>(line[place]) : 0u;
        };
        // U+0080 to U+009F (terminals obey U+009B as they do ESC [), and what ends lines elsewhere:
        // U+2028, U+2029.
        const bool controls = at(i) == 0xC2 && at(i + 1) >= 0x80 && at(i + 1) < 0xA0;
        const bool ends_line =
            at(i) == 0xE2 && at(i + 1) == 0x80 && (at(i + 2) == 0xA8 || at(i + 2) == 0xA9);
        if (at(i) < 0x20 || at(i) == 0x7F)
            line[i] = '?';
        else if (controls || ends_line)
            line.replace(i, controls ? 2 : 3, 1, '?');
    }
    logger().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace drawbridge::log
