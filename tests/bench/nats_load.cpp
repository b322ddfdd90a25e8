// A load of NATS messages, to compare what brokers spend on them:
//
//     nats_load PORT PID [--user U --pass P] [--pairs N] [--receivers N] [--messages N] [--payload
//     B]
//               [--window N] [--mqtt PORT --key KEY]
//
// Each of N pairs has a publisher and its receivers, on a subject of its own; a publisher is at
// most a window ahead of its slowest receiver. With --mqtt the receivers are MQTT clients of the
// same account (QoS 0). Prints messages a second, and CPU seconds of process PID for a million
// messages delivered. One thread.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Options {
    std::uint16_t port = 0;
    int pid = 0;
    std::string user;
    std::string pass;
    std::size_t pairs = 1;
    std::size_t receivers = 1;
    std::size_t messages = 1'000'000;  // of all pairs
    std::size_t payload = 16;
    std::size_t window = 32;
    std::uint16_t mqtt_port = 0;  // 0: NATS receivers
};

Options read_options(int argc, char** argv) {
    if (argc < 3) throw std::runtime_error("usage: nats_load PORT PID [--user U --pass P] ...");
    Options options;
    options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    options.pid = std::atoi(argv[2]);
    std::map<std::string, std::string> given;
    for (int i = 3; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
    const auto number = [&](const char* name, std::size_t& value) {
        if (given.contains(name)) value = std::strtoul(given[name].c_str(), nullptr, 10);
    };
    options.user = given["--user"];
    options.pass = given["--pass"];
    std::size_t mqtt_port = 0;
    number("--pairs", options.pairs);
    number("--receivers", options.receivers);
    number("--messages", options.messages);
    number("--payload", options.payload);
    number("--window", options.window);
    number("--mqtt", mqtt_port);
    options.mqtt_port = static_cast<std::uint16_t>(mqtt_port);
    return options;
}

double cpu_s(int pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::size_t at = text.rfind(')') + 2;
    for (int field = 3; field < 14; ++field) at = text.find(' ', at) + 1;
    char* end = nullptr;
    const double user = std::strtod(text.c_str() + at, &end);
    const double system = std::strtod(end, nullptr);
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error(fmt::format("cannot connect to port {}", port));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) throw std::runtime_error("the broker has closed a connection");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void expect(int fd, std::string_view what) {
    std::string text;
    std::array<char, 4096> bytes;
    while (text.find(what) == std::string::npos) {
        const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), 0);
        if (size <= 0) throw std::runtime_error("refused: " + text);
        text.append(bytes.data(), static_cast<std::size_t>(size));
    }
}

int nats_client(const Options& options) {
    const int fd = connect_to(options.port);
    write_all(fd,
              fmt::format("CONNECT {{\"verbose\":false,\"pedantic\":false,\"user\":\"{}\",\"pass\":"
                          "\"{}\"}}\r\nPING\r\n",
                          options.user, options.pass));
    expect(fd, "PONG\r\n");
    return fd;
}

void append_text(std::string& packet, std::string_view text) {
    packet += static_cast<char>(text.size() >> 8);
    packet += static_cast<char>(text.size());
    packet += text;
}

int mqtt_client(const Options& options, std::size_t number, const std::string& topic) {
    const int fd = connect_to(options.mqtt_port);
    std::string body;
    append_text(body, "MQTT");
    body += std::string("\x04\xC2\x00\x00", 4);
    append_text(body, fmt::format("{}/{}", options.user, number));
    append_text(body, options.user);
    append_text(body, options.pass);
    write_all(fd, fmt::format("\x10{}{}{}", static_cast<char>(0x80 | (body.size() & 127)),
                              static_cast<char>(body.size() >> 7), body));
    expect(fd, std::string_view("\x20\x02\x00\x00", 4));
    std::string subscribe = std::string("\x00\x01", 2);
    append_text(subscribe, topic);
    subscribe += '\0';
    write_all(fd, fmt::format("\x82{}{}", static_cast<char>(subscribe.size()), subscribe));
    expect(fd, std::string_view("\x90\x03\x00\x01\x00", 5));
    return fd;
}

struct Receiver {
    int fd = -1;
    std::size_t pair = 0;
    std::size_t bytes = 0;
    std::size_t frame_bytes = 0;
    std::size_t received() const { return bytes / frame_bytes; }
};

struct Pair {
    int publisher = -1;
    std::string message;
    std::size_t sent = 0;
    std::vector<Receiver*> receivers;
};

}  // namespace

int main(int argc, char** argv) try {
    const Options options = read_options(argc, argv);
    std::vector<Pair> pairs(options.pairs);
    std::vector<std::unique_ptr<Receiver>> receivers;
    const int poller = ::epoll_create1(0);
    for (std::size_t i = 0; i < options.pairs; ++i) {
        const std::string subject = fmt::format("bench.pair.{:06}", i);
        std::string topic = subject;
        std::ranges::replace(topic, '.', '/');
        for (std::size_t j = 0; j < options.receivers; ++j) {
            auto receiver = std::make_unique<Receiver>();
            receiver->pair = i;
            const std::string payload(options.payload, 'x');
            if (options.mqtt_port != 0) {
                receiver->fd = mqtt_client(options, receivers.size(), topic);
                const std::size_t body = 2 + topic.size() + payload.size();
                receiver->frame_bytes = 1 + (body > 127 ? 2u : 1u) + body;
            } else {
                receiver->fd = nats_client(options);
                write_all(receiver->fd, fmt::format("SUB {} 1\r\nPING\r\n", subject));
                expect(receiver->fd, "PONG\r\n");
                receiver->frame_bytes =
                    fmt::format("MSG {} 1 {}\r\n{}\r\n", subject, payload.size(), payload).size();
            }
            ::fcntl(receiver->fd, F_SETFL, O_NONBLOCK);
            epoll_event event{EPOLLIN, {.ptr = receiver.get()}};
            ::epoll_ctl(poller, EPOLL_CTL_ADD, receiver->fd, &event);
            pairs[i].receivers.push_back(receiver.get());
            receivers.push_back(std::move(receiver));
        }
        pairs[i].publisher = nats_client(options);
        pairs[i].message = fmt::format("PUB {} {}\r\n{}\r\n", subject, options.payload,
                                       std::string(options.payload, 'x'));
    }

    const std::size_t per_pair = options.messages / options.pairs;
    std::size_t done = 0;  // pairs
    std::string burst;
    const auto publish = [&](Pair& pair) {
        std::size_t slowest = SIZE_MAX;
        for (const Receiver* receiver : pair.receivers)
            slowest = std::min(slowest, receiver->received());
        const std::size_t until = std::min(per_pair, slowest + options.window);
        burst.clear();
        for (; pair.sent < until; ++pair.sent) burst += pair.message;
        if (!burst.empty()) write_all(pair.publisher, burst);
        return slowest == per_pair;
    };
    const double cpu_before = cpu_s(options.pid);
    const auto begun = std::chrono::steady_clock::now();
    for (Pair& pair : pairs) publish(pair);
    std::vector<char> space(1 << 20);
    std::vector<bool> is_done(pairs.size());
    while (done < pairs.size()) {
        std::array<epoll_event, 256> events;
        const int count =
            ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), 10'000);
        if (count <= 0) throw std::runtime_error("messages are missing");
        for (int i = 0; i < count; ++i) {
            Receiver& receiver =
                *static_cast<Receiver*>(events[static_cast<std::size_t>(i)].data.ptr);
            const ssize_t size = ::recv(receiver.fd, space.data(), space.size(), 0);
            if (size <= 0) throw std::runtime_error("a receiver was cut off");
            receiver.bytes += static_cast<std::size_t>(size);
            if (is_done[receiver.pair] || !publish(pairs[receiver.pair])) continue;
            is_done[receiver.pair] = true;
            ++done;
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    const double delivered = static_cast<double>(per_pair * options.pairs * options.receivers);
    fmt::print("{:.0f} messages/s, {:.3f} CPU s per million\n", delivered / took.count(),
               (cpu_s(options.pid) - cpu_before) / delivered * 1e6);
} catch (const std::exception& failure) {
    fmt::print(stderr, "nats_load: {}\n", failure.what());
    return 1;
}
