// Who is counted, and that nobody who has gone still is. Method: seats without sockets, and real
// sockets where the seat's way along with one is the point.
#include "broker/net/headcount.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

#include "broker/net/socket.hpp"

namespace drawbridge::net {
namespace {

constexpr std::uint64_t here = 1;
constexpr std::uint64_t elsewhere = 2;

std::uint32_t everybody(const Headcount& headcount) {
    return headcount.count(Role::stranger) + headcount.count(Role::client) +
           headcount.count(Role::leaving);
}

TEST_CASE("strangers do not use up the places of clients", "[net][headcount]") {
    Headcount headcount({.clients_max = 2});
    std::vector<Seat> strangers;
    for (int i = 0; i < 100; ++i) strangers.push_back(headcount.enter(here));
    CHECK(strangers[0].become_client() == Full::no);
    CHECK(strangers[1].become_client() == Full::no);
    CHECK(strangers[2].become_client() == Full::broker);
    CHECK(headcount.count(Role::client) == 2);
    CHECK(headcount.count(Role::stranger) == 98);
    strangers[0].give_up();
    CHECK(strangers[2].become_client() == Full::no);
}

TEST_CASE("a client's successor is let in whatever the bounds", "[net][headcount]") {
    Headcount headcount({.clients_max = 1, .clients_per_network_max = 1});
    Seat first = headcount.enter(here);
    REQUIRE(first.become_client() == Full::no);
    Seat second = headcount.enter(here);
    CHECK(second.become_client() == Full::network);
    second.replace_client();
    CHECK(headcount.count(Role::client) == 2);
    first.leave();
    CHECK(headcount.count(Role::client) == 1);
    Seat third = headcount.enter(here);
    CHECK(third.become_client() == Full::network);
}

TEST_CASE("who is told goodbye is neither a client nor of its address any more",
          "[net][headcount]") {
    Headcount headcount({.clients_max = 1, .clients_per_network_max = 1, .sockets_max = 3});
    Seat client = headcount.enter(here);
    REQUIRE(client.become_client() == Full::no);
    Seat next = headcount.enter(here);
    client.leave();
    CHECK(headcount.count(Role::leaving) == 1);
    CHECK(next.become_client() == Full::no);
    CHECK(headcount.has_room());
    Seat third = headcount.enter(here);  // beside one leaving and one client
    CHECK_FALSE(headcount.has_room());
    client.give_up();
    CHECK(headcount.has_room());
}

TEST_CASE("an address may have so many clients and as many strangers, each on its own",
          "[net][headcount]") {
    Headcount headcount({.clients_per_network_max = 2});
    Seat a = headcount.enter(here), b = headcount.enter(here);
    CHECK_FALSE(headcount.enter(here).is_taken());
    Seat other = headcount.enter(elsewhere);
    CHECK(other.is_taken());
    REQUIRE(a.become_client() == Full::no);
    REQUIRE(b.become_client() == Full::no);
    Seat c = headcount.enter(here), d = headcount.enter(here);
    CHECK(c.is_taken());
    CHECK(d.is_taken());
    CHECK_FALSE(headcount.enter(here).is_taken());
    CHECK(c.become_client() == Full::network);
    CHECK(other.become_client() == Full::no);
    a.give_up();
    CHECK(c.become_client() == Full::no);
}

TEST_CASE("without a limit for addresses one may have any number", "[net][headcount]") {
    Headcount headcount({});
    std::vector<Seat> seats;
    for (int i = 0; i < 10'000; ++i) {
        seats.push_back(headcount.enter(here));
        REQUIRE(seats.back().is_taken());
        REQUIRE(seats.back().become_client() == Full::no);
    }
}

TEST_CASE("many threads come and go, and in the end nobody is counted", "[net][headcount]") {
    Headcount headcount({.clients_max = 10, .clients_per_network_max = 4});
    const auto come_and_go = [&](unsigned seed) {
        std::mt19937 chance(seed);
        std::vector<Seat> seats(8);
        for (int i = 0; i < 20'000; ++i) {
            Seat& seat = seats[chance() % seats.size()];
            seat = headcount.enter(chance() % 3);
            if (!seat.is_taken()) continue;
            if (chance() % 2 == 0 && seat.become_client() != Full::no && chance() % 8 == 0)
                seat.replace_client();
            if (chance() % 3 == 0) seat.leave();
            if (chance() % 4 == 0) Seat(std::move(seat)).give_up();
        }
    };
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(come_and_go, seed);
    for (std::thread& thread : threads) thread.join();
    CHECK(everybody(headcount) == 0);
    for (std::uint64_t network = 0; network < 3; ++network) {  // nor for any address
        std::vector<Seat> seats;
        for (int i = 0; i < 4; ++i) {
            seats.push_back(headcount.enter(network));
            REQUIRE(seats.back().is_taken());
            CHECK(seats.back().become_client() == Full::no);
        }
    }
}

TEST_CASE("the bound on clients is exact whoever asks at the same time", "[net][headcount]") {
    Headcount headcount({.clients_max = 100});
    std::vector<Seat> seats(300);
    for (Seat& seat : seats) seat = headcount.enter(here);
    std::vector<std::thread> threads;
    for (std::size_t begin = 0; begin < 3; ++begin)
        threads.emplace_back([&, begin] {
            for (std::size_t i = begin; i < seats.size(); i += 3) seats[i].become_client();
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(headcount.count(Role::client) == 100);
    CHECK(headcount.count(Role::stranger) == 200);
}

TEST_CASE("a seat goes along with its socket and is given up when that is closed",
          "[net][headcount]") {
    Headcount headcount({});
    Socket first(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), PeerAddress(),
                 headcount.enter(here));
    Socket second(std::move(first));
    first.close();
    CHECK(everybody(headcount) == 1);
    Socket third;
    third = std::move(second);
    CHECK(everybody(headcount) == 1);
    third = Socket();
    CHECK(everybody(headcount) == 0);
}

std::uint64_t network_of(const char* text) {
    sockaddr_storage address{};
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        v6.sin6_family = AF_INET6;
    else if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        v4.sin_family = AF_INET;
    else
        FAIL(text);
    return PeerAddress(address).network();
}

TEST_CASE("one IPv4 address is one network, and so is an IPv6 /64", "[net][headcount]") {
    CHECK(network_of("192.0.2.7") == network_of("192.0.2.7"));
    CHECK(network_of("192.0.2.7") != network_of("192.0.2.8"));
    CHECK(network_of("192.0.2.7") == network_of("::ffff:192.0.2.7"));
    CHECK(network_of("2001:db8:0:1::1") == network_of("2001:db8:0:1:ffff::2"));
    CHECK(network_of("2001:db8:0:1::1") != network_of("2001:db8:0:2::1"));
    CHECK(network_of("::1") != network_of("127.0.0.1"));
    CHECK(network_of("::1") != network_of("0.0.0.1"));
}

}  // namespace
}  // namespace drawbridge::net
