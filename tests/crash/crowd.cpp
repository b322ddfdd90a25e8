#include "tests/crash/crowd.hpp"

#include <fmt/format.h>
#include <poll.h>

namespace drawbridge::crash {
namespace {

using wire::Version;

constexpr int publishers = 10;
constexpr const char* reader_id = "newcomer";

}  // namespace

std::vector<Character> all_characters() {
    std::vector<Character> all;
    const auto add = [&all](const std::string& name, Character character) {
        character.id = fmt::format("{}-{}", name, all.size());
        character.version = all.size() % 2 == 0 ? Version::v5 : Version::v3_1_1;
        all.push_back(std::move(character));
    };
    const auto topics_of = [](unsigned first, std::uint8_t qos) {
        std::vector<Wish> wishes;
        for (unsigned i = 0; i < 4; ++i)
            wishes.push_back(
                {fmt::format("t/{}/{}", (first + 3 * i) % publishers, i % 2 == 0 ? '#' : '+'),
                 qos});
        return wishes;
    };

    for (int who = 0; who < publishers; ++who) {
        Character character;
        character.publishes_as = who;
        character.wanders = who % 5 == 4;
        add("publisher", character);
    }
    for (const std::uint8_t qos : std::initializer_list<std::uint8_t>{1, 2, 2, 1}) {
        Character character;
        character.wishes = {{"t/#", qos}, {"e/#", qos}, {"w/#", 2}, {"r/#", qos}};
        character.slow = all.size() % 3 == 0;
        add("online", character);
    }
    for (unsigned i = 0; i < 6; ++i) {
        Character character;
        character.wishes = topics_of(i, static_cast<std::uint8_t>(1 + i % 2));
        character.wishes.push_back({"e/+", 1});
        character.wanders = true;
        character.slow = i % 2 == 0;
        add("wanderer", character);
    }
    for (unsigned i = 0; i < 6; ++i) {
        Character character;
        character.wishes = topics_of(i + 2, static_cast<std::uint8_t>(1 + i % 2));
        character.wishes.push_back({"r/+/1", 1});
        character.restless = true;
        add("restless", character);
    }
    for (unsigned i = 0; i < 3; ++i) {
        for (const char* const filter : {"$share/g/s/1/#", "$share/h/s/2/#"}) {
            Character character;
            character.wishes = {{filter, static_cast<std::uint8_t>(filter[7] == 'g' ? 1 : 2)}};
            character.wanders = i > 0;
            character.slow = i == 2;
            add("member", character);
        }
    }
    Character overlapping;
    overlapping.wishes = {{"t/#", 1}, {"t/+/1", 2}, {"t/2/#", 1}};
    add("overlapping", overlapping);
    for (int i = 0; i < 2; ++i) {
        Character noise;
        noise.wishes = {{"t/#", 0}, {"r/#", 1}};
        noise.persistent = false;
        add("noise", noise);
    }

    // What follows needs 5.0.
    const auto add_5 = [&](const std::string& name, const Character& character) {
        add(name, character);
        all.back().version = Version::v5;
    };
    for (unsigned i = 0; i < 2; ++i) {
        Character character;
        character.wishes = topics_of(i + 5, 2);
        character.renews = true;
        add_5("renewing", character);
    }
    for (unsigned i = 0; i < 3; ++i) {
        Character character;
        character.wishes = {{fmt::format("t/{}/0", i), 1}, {"e/#", 1}};
        character.will_delay_s = 1;
        add_5("willing", character);
    }
    for (unsigned i = 0; i < 2; ++i) {
        Character character;
        character.wishes = topics_of(i, 1);
        character.session_expiry_s = 2;
        character.wanders = true;
        add_5("brief", character);
    }
    return all;
}

Crowd::Crowd(Record& record, std::uint64_t seed)
    : reader(record, static_cast<unsigned>(all_characters().size()), reader_id) {
    for (Character& character : all_characters()) {
        record.names.push_back(character.id);
        const auto number = static_cast<unsigned>(clients.size());
        clients.push_back(std::make_unique<Client>(record, std::move(character), number, seed));
    }
    record.names.emplace_back(reader_id);
}

void Crowd::live(Mode mode, std::uint16_t port) {
    for (const auto& client : clients) client->act(mode, port);
    reader.act(port);

    std::vector<pollfd> sockets;
    const auto watch = [&sockets](const Connection& connection) {
        const short events = connection.has_output() ? POLLIN | POLLOUT : POLLIN;
        sockets.push_back({connection.fd(), events, 0});  // of -1 poll() takes no notice
    };
    for (const auto& client : clients) watch(client->connection());
    watch(reader.connection());
    if (::poll(sockets.data(), sockets.size(), 1) <= 0) return;
    for (std::size_t i = 0; i < clients.size(); ++i)
        if (sockets[i].revents != 0) clients[i]->exchange();
    if (sockets.back().revents != 0) reader.exchange();
}

void Crowd::see_it_gone() {
    for (const auto& client : clients)
        if (client->connection().is_open()) client->exchange();
    if (reader.connection().is_open()) reader.exchange();
}

void Crowd::lose_connections() {
    // Not those whose CONNECT is on its way: the broker may come to it after the one that follows.
    for (const auto& client : clients) {
        if (!client->is_connected()) continue;
        client->send_away();
        client->call_back();
    }
}

void Crowd::broker_started() {
    for (const auto& client : clients) client->broker_started();
}

std::size_t Crowd::connected() const {
    std::size_t number = 0;
    for (const auto& client : clients)
        if (client->is_connected()) ++number;
    return number;
}

std::string Crowd::what_is_under_way() const {
    for (const auto& client : clients)
        if (!client->is_idle()) return client->character().id + ": " + client->what_is_under_way();
    return "";
}

}  // namespace drawbridge::crash
