#include "broker/app/long_output.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "broker/app/command_failed.hpp"

namespace drawbridge::app {

LongOutput::LongOutput() { std::signal(SIGPIPE, SIG_DFL); }

void LongOutput::write(std::string_view text) {
    held_ += text;
    if (held_.size() >= output_block) flush();
}

void LongOutput::flush() {
    const bool written = std::fwrite(held_.data(), 1, held_.size(), stdout) == held_.size();
    if (!written || std::fflush(stdout) != 0)
        throw CommandFailed(fmt::format("the output cannot be written: {}", std::strerror(errno)));
    held_.clear();
}

void JsonArrayOutput::add(const boost::json::value& element) {
    out_.write(empty_ ? "[\n" : ",\n");
    out_.write(boost::json::serialize(element));
    empty_ = false;
}

void JsonArrayOutput::end() {
    out_.write(empty_ ? "[]\n" : "\n]\n");
    out_.flush();
}

}  // namespace drawbridge::app
