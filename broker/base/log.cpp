#include "broker/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "broker/base/printable.hpp"

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
    line = printable(std::move(line));
    logger().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace drawbridge::log
