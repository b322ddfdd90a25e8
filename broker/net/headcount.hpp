// Headcount: how many are connected: strangers, clients, and those that the broker has said goodbye
// to; and, if there is a limit for it, how many of one network (an IPv4 address, an IPv6 /64).
//
// Each accepted socket has a seat, which moves along with it and is given up with it, so that
// nobody who has gone is still counted, whatever way they went.
// Threads: any. One atomic for each role; the networks are under a mutex, and cost nothing without
// a limit for them.
#pragma once

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <mutex>
#include <utility>

namespace drawbridge::net {

class Headcount;

enum class Role : std::uint8_t { stranger, client, leaving };

// Who has no room for one more client.
enum class Full : std::uint8_t { no, broker, network };

class Seat {
public:
    Seat() = default;
    Seat(Seat&& other) noexcept
        : all_(std::exchange(other.all_, nullptr)), network_(other.network_), role_(other.role_) {}
    Seat& operator=(Seat&& other) noexcept;
    ~Seat() { give_up(); }

    bool is_taken() const { return all_ != nullptr; }

    // From stranger to client. If there is no room: it stays a stranger.
    Full become_client();
    // The same, room or no room: for one that competes with a client for that one's place.
    void replace_client();
    // The broker has said goodbye: it counts among the clients and for its network no more.
    void leave();
    void give_up();

private:
    friend class Headcount;
    Seat(Headcount& all, std::uint64_t network) : all_(&all), network_(network) {}

    Headcount* all_ = nullptr;
    std::uint64_t network_ = 0;
    Role role_ = Role::stranger;
};

class Headcount {
public:
    struct Bounds {
        std::uint32_t clients_max = UINT32_MAX;
        std::uint32_t clients_per_network_max = 0;  // and as many strangers; 0: no limit
        std::uint32_t sockets_max = UINT32_MAX;     // all roles together
    };

    explicit Headcount(const Bounds& bounds) : bounds_(bounds) {}

    const Bounds& bounds() const { return bounds_; }
    std::uint32_t count(Role role) const { return of(role).load(std::memory_order_relaxed); }
    // May one more socket be opened? Threads that ask at the same time may both be told so.
    bool has_room() const;
    // A seat for a stranger. Not taken: its network has as many strangers already as it may have
    // clients.
    Seat enter(std::uint64_t network);

private:
    friend class Seat;

    struct Neighbours {
        std::uint32_t strangers = 0;
        std::uint32_t clients = 0;
    };

    std::atomic<std::uint32_t>& of(Role role) { return people_[static_cast<std::size_t>(role)]; }
    const std::atomic<std::uint32_t>& of(Role role) const {
        return people_[static_cast<std::size_t>(role)];
    }
    bool counts_networks() const { return bounds_.clients_per_network_max > 0; }
    Full promote(std::uint64_t network, bool room_or_not);
    void remove(std::uint64_t network, Role role);

    const Bounds bounds_;
    std::array<std::atomic<std::uint32_t>, 3> people_{};  // by role
    std::mutex mutex_;
    boost::unordered_flat_map<std::uint64_t, Neighbours> networks_;  // guarded by mutex_
};

}  // namespace drawbridge::net
