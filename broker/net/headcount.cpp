#include "broker/net/headcount.hpp"

#include "broker/base/assert.hpp"

namespace drawbridge::net {

Seat& Seat::operator=(Seat&& other) noexcept {
    if (this != &other) {
        give_up();
        all_ = std::exchange(other.all_, nullptr);
        network_ = other.network_;
        role_ = other.role_;
    }
    return *this;
}

Full Seat::become_client() {
    ASSERT(all_ != nullptr && role_ == Role::stranger);
    const Full full = all_->promote(network_, false);
    if (full == Full::no) role_ = Role::client;
    return full;
}

void Seat::replace_client() {
    ASSERT(all_ != nullptr && role_ == Role::stranger);
    all_->promote(network_, true);
    role_ = Role::client;
}

void Seat::leave() {
    if (all_ == nullptr || role_ == Role::leaving) return;
    all_->of(Role::leaving).fetch_add(1, std::memory_order_relaxed);
    all_->remove(network_, role_);
    role_ = Role::leaving;
}

void Seat::give_up() {
    if (all_ != nullptr) std::exchange(all_, nullptr)->remove(network_, role_);
}

bool Headcount::has_room() const {
    std::uint64_t sockets = 0;
    for (const auto& some : people_) sockets += some.load(std::memory_order_relaxed);
    return sockets < bounds_.sockets_max;
}

Seat Headcount::enter(std::uint64_t network) {
    if (counts_networks()) {
        const std::scoped_lock lock(mutex_);
        std::uint32_t& here = networks_[network].strangers;
        if (here >= bounds_.clients_per_network_max) return {};
        ++here;
    }
    of(Role::stranger).fetch_add(1, std::memory_order_relaxed);
    return {*this, network};
}

Full Headcount::promote(std::uint64_t network, bool room_or_not) {
    std::unique_lock<std::mutex> lock;
    Neighbours* here = nullptr;
    if (counts_networks()) {
        lock = std::unique_lock(mutex_);
        here = &networks_[network];
        if (!room_or_not && here->clients >= bounds_.clients_per_network_max) return Full::network;
    }
    std::uint32_t connected = count(Role::client);
    do {
        if (!room_or_not && connected >= bounds_.clients_max) return Full::broker;
    } while (!of(Role::client)
                  .compare_exchange_weak(connected, connected + 1, std::memory_order_relaxed));
    of(Role::stranger).fetch_sub(1, std::memory_order_relaxed);
    if (here != nullptr) {
        --here->strangers;
        ++here->clients;
    }
    return Full::no;
}

void Headcount::remove(std::uint64_t network, Role role) {
    of(role).fetch_sub(1, std::memory_order_relaxed);
    if (role == Role::leaving || !counts_networks()) return;
    const std::scoped_lock lock(mutex_);
    const auto found = networks_.find(network);
    ASSERT(found != networks_.end());
    Neighbours& here = found->second;
    --(role == Role::client ? here.clients : here.strangers);
    if (here.strangers == 0 && here.clients == 0) networks_.erase(found);
}

}  // namespace drawbridge::net
