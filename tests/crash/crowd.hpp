// Crowd: all clients of a crash test, on one thread, and who they are.
#pragma once

#include <functional>
#include <memory>

#include "tests/crash/client.hpp"
#include "tests/crash/retained_reader.hpp"

namespace drawbridge::crash {

std::vector<Character> all_characters();

class Crowd {
public:
    Crowd(Record& record, std::uint64_t seed);

    // Everything that can be done now, for about a millisecond.
    void live(Mode mode, std::uint16_t port);
    // Reads what a broker that is gone has left.
    void see_it_gone();
    void lose_connections();
    void broker_started();

    std::size_t connected() const;
    // The first client that has something under way, and what; "": none.
    std::string what_is_under_way() const;

    std::vector<std::unique_ptr<Client>> clients;
    RetainedReader reader;
};

}  // namespace drawbridge::crash
