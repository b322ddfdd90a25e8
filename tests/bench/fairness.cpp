// What one client can do to the others: the latency of a quiet pair while somebody else floods,
// does not read, subscribes to a thousand overlapping filters, or reads a million retained
// messages.
//
//     fairness PORT [SAMPLES [SITUATION]]
//
// against a broker with allow_anonymous; SITUATION: a part of the name of those to be measured.
// Prints the median and the 99th percentile of each situation in microseconds, and its ratio to the
// quiet broker's, for docs/performance.md; it asserts nothing. Give broker and benchmark a core
// each, and real-time priority where others work on the machine: with their help a percentile says
// nothing.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "broker/base/clock.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/framer.hpp"

using namespace drawbridge;
using namespace std::literals;

namespace {

constexpr std::size_t retained_topics = 1'000'000;
constexpr int overlapping_filters = 1'000;

[[noreturn]] void give_up(std::string_view why) {
    fmt::print(stderr, "fairness: {}\n", why);
    std::exit(1);
}

// A client that blocks, and reads no more than it must.
class Client {
public:
    Client(std::uint16_t port, std::string_view id) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            give_up("no broker on that port");
        wire::ConnectView connect;
        connect.version = wire::Version::v3_1_1;
        connect.clean_start = true;
        connect.client_id = id;
        wire::encode(connect, out_);
        send();
        await(wire::PacketType::connack);
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;

    Buffer& out() { return out_; }

    // False when the connection is gone.
    bool send() {
        Bytes left = out_.bytes();
        while (!left.empty()) {
            const ssize_t sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            left = left.subspan(static_cast<std::size_t>(sent));
        }
        out_.clear();
        return true;
    }
    void publish(std::string_view topic, std::string_view payload, bool retain = false) {
        wire::PublishView publish;
        publish.topic = topic;
        publish.payload = as_bytes(payload);
        publish.retain = retain;
        wire::encode(publish, wire::Version::v3_1_1, out_);
    }
    void subscribe(const std::vector<std::string>& filters) {
        std::vector<wire::SubscriptionRequest> requests;
        for (const std::string& filter : filters) requests.push_back({filter, {}});
        wire::encode_subscribe(1, requests, {}, wire::Version::v3_1_1, out_);
    }
    void unsubscribe(const std::vector<std::string>& filters) {
        const std::vector<std::string_view> views(filters.begin(), filters.end());
        wire::encode_unsubscribe(1, views, {}, wire::Version::v3_1_1, out_);
    }
    // Reads until a packet of that type has come.
    void await(wire::PacketType type) {
        for (;;) {
            wire::Frame frame;
            while (wire::cut_frame(in_.bytes(), SIZE_MAX, frame) == wire::Cut::complete) {
                const bool found = frame.type == type;
                Buffer rest;
                rest.append(in_.bytes().subspan(frame.size));
                in_ = std::move(rest);
                if (found) return;
            }
            std::uint8_t bytes[4096];
            const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
            if (size <= 0) give_up("the broker has closed a connection");
            in_.append({bytes, static_cast<std::size_t>(size)});
        }
    }
    // Reads and forgets what is there, for at most a millisecond.
    std::size_t skim() {
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, 1) <= 0) return 0;
        static thread_local std::vector<char> space(1 << 20);
        const ssize_t size = ::recv(fd_, space.data(), space.size(), 0);
        return size > 0 ? static_cast<std::size_t>(size) : 0;
    }

private:
    int fd_;
    Buffer out_;
    Buffer in_;
};

struct Latency {
    double median_us;
    double p99_us;
};

// One message at a time through the broker, a millisecond apart.
Latency measure(std::uint16_t port, int samples) {
    Client subscriber(port, "quiet-subscriber");
    Client publisher(port, "quiet-publisher");
    subscriber.subscribe({"quiet/pair/topic"});
    subscriber.send();
    subscriber.await(wire::PacketType::suback);
    std::vector<double> times;
    for (int i = 0; i < samples + 50; ++i) {
        const TimePoint begin = Clock::now();
        publisher.publish("quiet/pair/topic", "1234567890");
        publisher.send();
        subscriber.await(wire::PacketType::publish);
        const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
        if (i >= 50) times.push_back(took.count());
        std::this_thread::sleep_for(milliseconds(1));
    }
    std::ranges::sort(times);
    return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

// Somebody who works against the others until told to stop, at the lowest priority: he shares a
// core with the pair, and it is the broker's patience that is measured.
class Nuisance {
public:
    explicit Nuisance(std::function<void(const std::atomic<bool>&)> work)
        : thread_([this, work = std::move(work)] {
              ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 19);
              sched_param normal{};
              ::pthread_setschedparam(::pthread_self(), SCHED_OTHER, &normal);
              work(stop_);
          }) {}
    ~Nuisance() {
        stop_ = true;
        thread_.join();
    }

private:
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

void flood(Client& client, std::string_view topic, std::size_t payload_bytes,
           const std::atomic<bool>& stop) {
    const std::string payload(payload_bytes, 'x');
    while (!stop) {
        for (int i = 0; i < 500; ++i) client.publish(topic, payload);
        if (!client.send()) return;
    }
}

std::vector<std::string> overlapping() {
    // Every combination of a level and '+' in ten levels: all of them match one topic.
    std::vector<std::string> filters;
    for (int bits = 0; bits < overlapping_filters; ++bits) {
        std::string filter;
        for (int level = 0; level < 10; ++level) {
            if (level > 0) filter += '/';
            filter += (bits >> level & 1) != 0 ? "+" : std::to_string(level);
        }
        filters.push_back(filter);
    }
    return filters;
}

void fill_retained_store(std::uint16_t port) {
    Client client(port, "filler");
    const std::string payload(64, 'r');
    for (std::size_t i = 0; i < retained_topics; ++i) {
        client.publish(fmt::format("retained/{}/{}", i % 1000, i), payload, true);
        if (i % 1000 == 999) client.send();
    }
    wire::encode_pingreq(client.out());
    client.send();
    client.await(wire::PacketType::pingresp);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) give_up("usage: fairness PORT [SAMPLES]");
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    const int samples = argc > 2 ? std::atoi(argv[2]) : 2'000;
    const std::string_view wanted = argc > 3 ? argv[3] : "";
    const Latency idle = measure(port, samples);
    const auto report = [&](std::string_view situation, const Latency& latency) {
        fmt::print("{:<58} {:>9.0f} {:>9.0f} {:>7.1f}\n", situation, latency.median_us,
                   latency.p99_us, latency.p99_us / idle.p99_us);
        std::fflush(stdout);
    };
    const auto is_wanted = [&](std::string_view situation) {
        return situation.find(wanted) != std::string_view::npos;
    };
    fmt::print("{:<58} {:>9} {:>9} {:>7}\n", "beside", "median us", "p99 us", "p99/idle");
    report("nobody", idle);
    if (const auto situation = "a publisher that floods a topic nobody reads"sv;
        is_wanted(situation)) {
        Client publisher(port, "flood");
        const Nuisance nuisance([&](auto& stop) { flood(publisher, "flood", 16, stop); });
        report(situation, measure(port, samples));
    }
    if (const auto situation = "a publisher that floods one that reads"sv; is_wanted(situation)) {
        Client publisher(port, "flood");
        Client subscriber(port, "flooded");
        subscriber.subscribe({"flood"});
        subscriber.send();
        subscriber.await(wire::PacketType::suback);
        const Nuisance reads([&](auto& stop) {
            while (!stop) subscriber.skim();
        });
        const Nuisance nuisance([&](auto& stop) { flood(publisher, "flood", 16, stop); });
        report(situation, measure(port, samples));
    }
    if (const auto situation = "a subscriber that never reads, flooded"sv; is_wanted(situation)) {
        Client publisher(port, "flood");
        Client subscriber(port, "never-reads");
        subscriber.subscribe({"flood"});
        subscriber.send();
        const Nuisance nuisance([&](auto& stop) { flood(publisher, "flood", 1'000, stop); });
        report(situation, measure(port, samples));
    }
    if (const auto situation = "1,000 overlapping filters, and a flood that they match"sv;
        is_wanted(situation)) {
        Client publisher(port, "overlap-publisher");
        Client subscriber(port, "overlap");
        subscriber.subscribe(overlapping());
        subscriber.send();
        subscriber.await(wire::PacketType::suback);
        const Nuisance reads([&](auto& stop) {
            while (!stop) subscriber.skim();
        });
        const Nuisance nuisance(
            [&](auto& stop) { flood(publisher, "0/1/2/3/4/5/6/7/8/9", 16, stop); });
        report(situation, measure(port, samples));
    }
    if (const auto situation = "1,000 overlapping filters that come and go"sv;
        is_wanted(situation)) {
        Client client(port, "churn");
        const auto filters = overlapping();
        const Nuisance nuisance([&](auto& stop) {
            while (!stop) {
                client.subscribe(filters);
                client.unsubscribe(filters);
                client.send();
                client.await(wire::PacketType::unsuback);
            }
        });
        report(situation, measure(port, samples));
    }
    if (const auto situation = "an UNSUBSCRIBE of 200,000 filters, again and again"sv;
        is_wanted(situation)) {
        Client client(port, "huge");
        std::vector<std::string> filters;
        for (int i = 0; i < 200'000; ++i) filters.push_back(fmt::format("a/{}", i));
        const Nuisance nuisance([&](auto& stop) {
            while (!stop) {
                client.unsubscribe(filters);
                client.send();
                client.await(wire::PacketType::unsuback);
            }
        });
        report(situation, measure(port, samples));
    }
    if (!is_wanted("a million retained messages"sv)) return 0;
    fill_retained_store(port);
    report("nobody, with a million retained messages", measure(port, samples));
    if (const auto situation = "somebody who reads a million retained messages by #"sv;
        is_wanted(situation)) {
        Client client(port, "reader");
        const Nuisance nuisance([&](auto& stop) {
            while (!stop) {
                client.subscribe({"#"});
                client.send();
                while (!stop && client.skim() > 0) continue;
            }
        });
        report(situation, measure(port, samples));
    }
}
