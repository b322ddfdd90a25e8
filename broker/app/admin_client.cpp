#include "broker/app/admin_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "broker/app/command_failed.hpp"

namespace drawbridge::app {
namespace {

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }

private:
    int number_;
};

[[noreturn]] void fail(const std::filesystem::path& data, const char* what) {
    throw CommandFailed(
        fmt::format("the broker on {} cannot be asked: {}; see its log", data.string(), what));
}

// A connected socket; nothing if nobody listens.
std::optional<Descriptor> connect_to_broker(const std::filesystem::path& data) {
    // The address has room for 107 bytes only; by way of the open directory, every path fits.
    const Descriptor directory(::open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory.number() < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    if (directory.number() < 0) fail(data, std::strerror(errno));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    fmt::format_to_n(address.sun_path, sizeof address.sun_path - 1, "/proc/self/fd/{}/admin.sock",
                     directory.number());

    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.number() < 0) fail(data, std::strerror(errno));
    const timeval timeout{.tv_sec = admin_timeout.count(), .tv_usec = 0};  // of connect and send
    ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
        0)
        return socket;
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    fail(data, std::strerror(errno));
}

void send_line(const Descriptor& socket, const std::filesystem::path& data, std::string_view line) {
    while (!line.empty()) {
        const ssize_t sent = ::send(socket.number(), line.data(), line.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) fail(data, std::strerror(errno));
        line.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string receive_line(const Descriptor& socket, const std::filesystem::path& data) {
    const TimePoint deadline = Clock::now() + admin_timeout;
    std::array<char, 65'536> chunk;
    std::string line;
    while (line.size() < admin_reply_bytes_max) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        pollfd readable{.fd = socket.number(), .events = POLLIN, .revents = 0};
        const int ready = ::poll(&readable, 1, static_cast<int>(std::max<long>(left, 0)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) fail(data, std::strerror(errno));
        if (ready == 0) fail(data, "it did not answer within 5 seconds");
        const ssize_t received = ::recv(socket.number(), chunk.data(), chunk.size(), 0);
        if (received < 0 && errno == EINTR) continue;
        if (received < 0) fail(data, std::strerror(errno));
        if (received == 0) fail(data, "it closed the connection");
        const std::string_view bytes(chunk.data(), static_cast<std::size_t>(received));
        line += bytes.substr(0, bytes.find('\n'));
        if (bytes.find('\n') != std::string_view::npos) return line;
    }
    fail(data, "its answer is too long");
}

}  // namespace

std::optional<boost::json::object> ask_broker(const std::filesystem::path& data,
                                              const boost::json::object& request) {
    const std::optional<Descriptor> socket = connect_to_broker(data);
    if (!socket) return std::nullopt;
    send_line(*socket, data, boost::json::serialize(request) + '\n');

    boost::system::error_code malformed;
    const boost::json::value reply = boost::json::parse(receive_line(*socket, data), malformed);
    const boost::json::object* object = reply.if_object();
    if (malformed || object == nullptr) fail(data, "its answer is not JSON");
    const boost::json::value* ok = object->if_contains("ok");
    if (ok != nullptr && ok->is_bool() && ok->get_bool()) return *object;
    const boost::json::value* error = object->if_contains("error");
    if (error == nullptr || !error->is_string()) fail(data, "it refused without a reason");
    throw CommandFailed(std::string(error->get_string()));
}

boost::json::object ask_running_broker(const std::filesystem::path& data,
                                       const boost::json::object& request) {
    if (std::optional<boost::json::object> reply = ask_broker(data, request)) return *reply;
    throw CommandFailed(fmt::format(
        "no broker is running on {0}; start it with drawbridge serve --data {0}", data.string()));
}

}  // namespace drawbridge::app
