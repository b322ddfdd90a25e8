#include "tests/crash/broker_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

namespace drawbridge::crash {
namespace {

// Below the range that the kernel hands out by itself, so nobody takes it between two lives.
std::uint16_t free_port() {
    std::random_device chance;
    while (true) {
        const auto port = static_cast<std::uint16_t>(20'000 + chance() % 10'000);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        const bool is_free =
            ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        if (is_free) return port;
    }
}

// Starts a program. output: where its standard output goes; errors: its standard error.
pid_t spawn(const std::vector<std::string>& words, const std::vector<std::string>& environment,
            int output, int errors) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t process = ::fork();
    if (process != 0) return process;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, 0);
    ::dup2(output < 0 ? nothing : output, 1);
    ::dup2(errors < 0 ? nothing : errors, 2);
    for (const std::string& one : environment) ::putenv(const_cast<char*>(one.c_str()));
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

}  // namespace

BrokerProcess::BrokerProcess(BrokerUnderTest broker, std::filesystem::path directory)
    : broker_(std::move(broker)), directory_(std::move(directory)), port_(free_port()) {
    std::filesystem::create_directories(data());
    std::filesystem::permissions(data(), std::filesystem::perms::owner_all);
    write_configuration(1);
}

BrokerProcess::~BrokerProcess() {
    if (is_running()) end(SIGKILL);
}

void BrokerProcess::write_configuration(unsigned threads) {
    std::ofstream file(directory_ / "broker.conf");
    if (broker_.is_mosquitto) {
        file << fmt::format(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            "persistence_location {}/\nautosave_interval 1\nmax_queued_messages 0\n"
            "set_tcp_nodelay true\nuser root\n",
            port_, data().string());
        return;
    }
    file << fmt::format(
        "[[listener]]\ntransport = \"tcp\"\nbind = \"127.0.0.1\"\nport = {}\n"
        "[auth]\nduplicate_client_id = \"takeover\"\n"
        "[throttle]\nmax_failures = 0\nmax_failures_per_address = 0\n"
        "max_failures_per_device = 0\nflapping_connects = 0\n"
        "[broker]\nthreads = {}\n"
        "[limits]\nmax_queued_messages = 1000000\nmax_queued_bytes = 1073741824\n"
        "[storage]\nsync = \"{}\"\n[nats]\nlisten = \"\"\n[http]\nlisten = \"\"\n",
        port_, threads, broker_.sync);
}

std::string BrokerProcess::add_device(const std::string& id) {
    if (broker_.is_mosquitto) return "";
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t process =
        spawn({broker_.program, "--data", data(), "--config", directory_ / "broker.conf", "--json",
               "device", "add", id, "--profile", "open"},
              {}, pipe[1], 2);
    ::close(pipe[1]);
    std::string text;
    std::array<char, 4096> block;
    for (ssize_t got = 1; (got = ::read(pipe[0], block.data(), block.size())) > 0;)
        text.append(block.data(), static_cast<std::size_t>(got));
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(process, &status, 0);
    const std::size_t name = text.find("\"api_key\"");
    if (status != 0 || name == std::string::npos)
        throw std::runtime_error("no device can be added: " + text);
    const std::size_t begin = text.find('"', text.find(':', name)) + 1;
    return text.substr(begin, text.find('"', begin) - begin);
}

void BrokerProcess::start(unsigned threads, std::uint64_t seed) {
    write_configuration(threads);
    std::vector<std::string> environment;
    if (!broker_.volatile_disk.empty())
        environment = {"LD_PRELOAD=" + broker_.volatile_disk.string(),
                       "VOLATILE_DISK=" + data().string(),
                       "VOLATILE_DISK_SHADOW=" + shadow().string(),
                       fmt::format("VOLATILE_DISK_SEED={}", seed)};
    const std::string configuration = directory_ / "broker.conf";
    const std::vector<std::string> words =
        broker_.is_mosquitto ? std::vector<std::string>{broker_.program, "-c", configuration}
                             : std::vector<std::string>{broker_.program, "--data",      data(),
                                                        "--config",      configuration, "serve"};
    const int log_fd = ::open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    process_ = spawn(words, environment, log_fd, log_fd);
    ::close(log_fd);
}

void BrokerProcess::end(int signal) {
    ::kill(process_, signal);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
}

bool BrokerProcess::has_died() {
    if (!is_running() || ::waitpid(process_, nullptr, WNOHANG) == 0) return false;
    process_ = -1;
    return true;
}

}  // namespace drawbridge::crash
