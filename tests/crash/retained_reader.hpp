// RetainedReader: a newcomer, again and again. Reads what is retained and has it judged by what had
// been acknowledged before it asked.
#pragma once

#include <map>

#include "tests/crash/connection.hpp"
#include "tests/crash/record.hpp"

namespace drawbridge::crash {

class RetainedReader {
public:
    RetainedReader(Record& record, unsigned number, std::string id)
        : record_(record), number_(number), id_(std::move(id)) {}

    void act(std::uint16_t port);
    void exchange();
    // How often it has read everything.
    unsigned readings() const { return readings_; }
    const Connection& connection() const { return connection_; }

    std::string key;

private:
    void subscribe();
    void take(const wire::Frame& frame);
    void stop();

    Record& record_;
    const unsigned number_;
    const std::string id_;
    Connection connection_;
    Moment quiet_since_ = 0;
    Moment back_at_ = 0;
    bool all_asked_ = false;   // SUBACK has come
    bool heard_mark_ = false;  // its own message, published behind the SUBSCRIBE
    unsigned readings_ = 0;
    std::map<std::string, std::uint32_t> promised_;
    std::map<std::string, std::uint32_t> found_;
};

}  // namespace drawbridge::crash
