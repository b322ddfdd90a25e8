// crash_test: kills a broker under load, again and again, and tells which of its promises it broke.
//
// crash_test [--broker PROGRAM] [--mosquitto] [--kills N] [--seed S] [--judge-each N]
//            [--signal kill|term|none] [--sync full|normal|off] [--power LIBRARY] [--directory DIR]
// --power: the disk forgets what was not synchronised; the library is volatile_disk.so.
// Exit status: 0 all promises were kept, 1 not; then the directory stays for a look.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/crash/crash_run.hpp"

using namespace drawbridge::crash;

namespace {

struct CommandLine {
    Plan plan;
    BrokerUnderTest broker{.program = "build/drawbridge", .volatile_disk = {}};
    std::filesystem::path directory;
};

CommandLine read(int count, char** words) {
    CommandLine line;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const auto value = [&] {
            if (++i >= count) throw std::invalid_argument(word + " needs a value");
            return std::string(words[i]);
        };
        if (word == "--broker") {
            line.broker.program = value();
        } else if (word == "--mosquitto") {
            line.broker.program = "/usr/sbin/mosquitto";
            line.broker.is_mosquitto = true;
        } else if (word == "--kills") {
            line.plan.kills = static_cast<unsigned>(std::stoul(value()));
        } else if (word == "--seed") {
            line.plan.seed = std::stoull(value());
        } else if (word == "--judge-each") {
            line.plan.kills_each = static_cast<unsigned>(std::stoul(value()));
        } else if (word == "--signal") {
            const std::string signal = value();
            line.plan.signal = signal == "none" ? 0 : signal == "term" ? SIGTERM : SIGKILL;
        } else if (word == "--sync") {
            line.broker.sync = value();
        } else if (word == "--power") {
            line.broker.volatile_disk = std::filesystem::absolute(value());
            line.plan.cuts_power = true;
        } else if (word == "--directory") {
            line.directory = value();
        } else {
            throw std::invalid_argument(word + " is not an option");
        }
    }
    if (line.directory.empty()) {
        std::string name = (std::filesystem::temp_directory_path() / "crash-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        line.directory = name;
    }
    return line;
}

}  // namespace

int main(int count, char** words) try {
    ::setvbuf(stdout, nullptr, _IOLBF, 0);
    const CommandLine line = read(count, words);
    const auto directory = std::filesystem::absolute(line.directory);
    const bool kept = CrashRun(line.plan, line.broker, directory).run();
    if (kept)
        std::filesystem::remove_all(directory);
    else
        fmt::print("crash: the broker's log and data, and all packets, are in {}\n",
                   directory.string());
    return kept ? 0 : 1;
} catch (const std::exception& error) {
    fmt::print(stderr, "crash_test: {}\n", error.what());
    return 2;
}
