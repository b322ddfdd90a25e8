// CrashRun: a broker under load is killed at a random moment and started again, many times; now and
// then everything is finished and judged.
#pragma once

#include <random>

#include "tests/crash/broker_process.hpp"
#include "tests/crash/crowd.hpp"

namespace drawbridge::crash {

struct Plan {
    unsigned kills = 200;
    std::uint64_t seed = 1;
    // SIGKILL. SIGTERM shows what the test says of a broker that stops cleanly; 0 of one that
    // stays, and only the connections break.
    int signal = 9;
    unsigned kills_each = 40;  // after so many kills everything is judged
    bool cuts_power = false;   // the broker's disk forgets what was not synchronised
};

class CrashRun {
public:
    CrashRun(const Plan& plan, const BrokerUnderTest& broker, std::filesystem::path directory);

    // Returns whether all promises were kept. Has told on standard output which were not.
    bool run();

private:
    void start();
    void kill(int signal);
    void live_for(Mode mode, Moment duration);
    // Lives until it is so. False: it has taken too long.
    template <class Condition>
    bool live_until(Mode mode, Moment within, Condition condition);
    void one_kill();
    void judge_all();
    void judge_what_was_published();
    void finish(Mode mode);
    void tell(const std::string& event);
    void print_summary() const;

    const Plan plan_;
    std::mt19937_64 chance_;
    Trace trace_;
    Record record_;
    Crowd crowd_;
    BrokerProcess broker_;
    bool over_ = false;  // the broker has ended by itself, or hangs
};

}  // namespace drawbridge::crash
