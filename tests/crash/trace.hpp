// Trace: what all clients have sent and received, a line for each packet, for whoever has to find
// out why a promise was broken.
//
// Milliseconds as in the stories; ">" is to the broker, "<" from it:
//     1183.4 online-10 < PUBLISH id 7 QoS 2 DUP t/3/1 message 451
// Limit: the file begins again after each judgement that found nothing, some 50 MB.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

#include "broker/wire/framer.hpp"
#include "tests/crash/record.hpp"

namespace drawbridge::crash {

class Trace {
public:
    // Without a path nothing is written.
    void open(const std::filesystem::path& path);
    void begin_again();
    void packet(Moment when, const std::string& client, bool sent, const wire::Frame& frame,
                wire::Version version);
    void event(Moment when, const std::string& text);

    Trace() = default;
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace();

private:
    std::filesystem::path path_;
    std::FILE* file_ = nullptr;  // null: nothing is written
};

}  // namespace drawbridge::crash
